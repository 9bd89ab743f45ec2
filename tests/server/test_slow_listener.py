"""A listener that doesn't read: its own sound is dropped, nobody else's."""

from __future__ import annotations

import asyncio
import itertools
import socket
from dataclasses import replace

import websockets

from core.opus.encoder import EncoderSettings
from core.server.adaptation import AdaptationSettings
from core.server.app import serving
from core.server.config import ServerConfig, one_stream
from tests.server.helpers import bare_client, hear, rtp_client, until

CONFIG = one_stream(
    source="sweep",
    port=0,
    settings=EncoderSettings(48_000, 2, 10.0, bitrate=510_000),
    queue_ms=200,
    adaptation=AdaptationSettings(is_on=False),
)
"""64 kB a second, so that even the smallest socket buffers are full within the first half."""


def narrow_socket(url: str) -> socket.socket:
    """A connection whose receiver takes as little as the system allows."""
    host, port = url.removeprefix("ws://").partition("/")[0].split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    connection.connect((host, int(port)))
    connection.setblocking(False)
    return connection


async def test_the_oldest_is_dropped_the_gap_is_seen_and_others_are_not_disturbed() -> None:
    async with (
        serving(CONFIG) as server,
        rtp_client(server.url) as quick,
        rtp_client(server.url, sock=narrow_socket(server.url), max_queue=1) as slow,
    ):
        heard_quick = await hear(quick, lambda heard: len(heard.packets) == 200)
        heard_slow = await hear(slow, lambda heard: len(heard.packets) == 60)
        await slow.close()
        await quick.close()
        await until(lambda: server.stream.listener_count == 0)
        assert server.counters.packets_dropped > 50

    numbers = [packet.sequence_number for packet in heard_quick.packets]
    assert numbers == [(numbers[0] + index) & 0xFFFF for index in range(200)]

    gaps = [
        ((b.sequence_number - a.sequence_number) & 0xFFFF, (b.timestamp - a.timestamp) & 0xFFFFFFFF)
        for a, b in itertools.pairwise(heard_slow.packets)
    ]
    # Whatever was dropped shows in the numbers, and the timestamps agree on how much it was.
    assert max(number for number, _ in gaps) > 50
    assert all(stamp == number * 480 for number, stamp in gaps)


async def test_what_waits_is_never_older_than_the_queue_allows() -> None:
    """After two seconds without reading, a burst of what the queue and the socket held, then the present."""
    async with (
        serving(CONFIG) as server,
        rtp_client(server.url, sock=narrow_socket(server.url), max_queue=1) as slow,
        bare_client(server.url),
    ):
        await asyncio.sleep(2)
        heard = await hear(slow, lambda heard: len(heard.packets) == 120)
        gaps = [(b.sequence_number - a.sequence_number) & 0xFFFF for a, b in itertools.pairwise(heard.packets)]
    # Behind the gap, 200 ms of queue and what was sent while the test caught up; in front of it, the sockets.
    assert sum(gap > 1 for gap in gaps) == 1
    in_sockets = next(index for index, gap in enumerate(gaps) if gap > 1)
    assert in_sockets < 60


async def test_who_reads_nothing_for_long_is_sent_away_to_come_back_later() -> None:
    async with (
        serving(replace(CONFIG, stuck_s=0.5)) as server,
        rtp_client(server.url) as quick,
        rtp_client(server.url, sock=narrow_socket(server.url), max_queue=1) as stuck,
    ):
        # The client library reads ahead a little, then no more.
        heard = await hear(quick, lambda heard: server.counters.stuck > 0)
        await until(lambda: server.stream.listener_count == 1)
        told = await hear(stuck, lambda heard: False)
        assert stuck.close_code in (1013, 1006), "the close frame, unless the connection was cut before it came"
        more = await hear(quick, lambda heard: len(heard.packets) == 50)
    assert told.packets
    numbers = [packet.sequence_number for packet in (*heard.packets, *more.packets)]
    assert numbers == [(numbers[0] + index) & 0xFFFF for index in range(len(numbers))]


async def test_a_listener_that_is_cut_off_is_noticed() -> None:
    async with serving(ServerConfig(port=0)) as server:
        client = await websockets.connect(server.url)
        await client.recv()
        assert server.stream.listener_count == 1
        client.transport.abort()
        await until(lambda: server.stream.listener_count == 0)
        await until(lambda: server.counters.broken_connections == 1)


async def test_a_listener_that_does_not_read_cannot_hold_up_the_end() -> None:
    loop = asyncio.get_running_loop()
    async with serving(CONFIG) as server:
        client = await websockets.connect(server.url, sock=narrow_socket(server.url), max_queue=1)
        await asyncio.sleep(1)
        stopping_s = loop.time()
    assert loop.time() - stopping_s < 2
    client.transport.abort()
