"""However a connection ends: the goodbye reaches who reads, the figures are right, and nothing grows meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from core.opus.encoder import EncoderSettings
from core.server.adaptation import AdaptationSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig, one_stream
from core.wire.control import Bye
from tests.receiver.harness import opus_packets
from tests.server.access.making import certificate
from tests.server.helpers import bare_client, hear, rtp_client, until, until_closed

LOUD = one_stream(
    source="sweep",
    port=0,
    settings=EncoderSettings(48_000, 2, 10.0, bitrate=510_000),
    queue_ms=500,
    adaptation=AdaptationSettings(is_on=False),
)
"""64 kB a second, so that small socket buffers are full soon."""
CLOSE_FRAME = b"\x88\x82\0\0\0\0" + struct.pack(">H", 1000)


def port_of(url: str) -> int:
    return int(url.split(":")[2].partition("/")[0])


def narrow_socket(url: str) -> socket.socket:
    """A connection whose receiver takes as little as the system allows."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    connection.connect(("127.0.0.1", port_of(url)))
    connection.setblocking(False)
    return connection


@asynccontextmanager
async def raw_client(server: RunningServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[_Raw]:
    """A client of ours without a library, which says what it likes and reads when it likes."""
    connection = narrow_socket(server.url)
    reader, writer = await asyncio.open_connection(
        sock=connection, ssl=tls, server_hostname="127.0.0.1" if tls else None, limit=2_048
    )
    path = "/" + server.url.split("/", 3)[3]
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


_Raw = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def opcodes(data: bytes) -> list[int]:
    """Of the frames in ``data``, unmasked ones."""
    found, at = [], 0
    while at + 2 <= len(data):
        found.append(data[at] & 0x0F)
        length, header = data[at + 1], 2
        if length == 126:
            length, header = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        at += header + length
    return found


async def test_who_says_goodbye_on_a_full_link_gets_the_answer_and_nothing_behind_it() -> None:
    async with serving(LOUD) as server, raw_client(server) as (reader, writer):
        await until(lambda: sum(queued for each in server.endpoint.figures() for queued in each.queued_ms) > 100)
        writer.write(CLOSE_FRAME)
        async with asyncio.timeout(5):
            heard = opcodes(await reader.read(-1))
    assert heard.index(8) == len(heard) - 1


async def test_answers_are_not_kept_for_who_does_not_read_them_and_it_is_sent_away() -> None:
    question = json.dumps({"type": "time", "client_transmitted": 1}).encode()
    frame = bytes([0x81, 0x80 | len(question), 0, 0, 0, 0]) + question
    silent = ServerConfig((StreamConfig("quiet", "push"),), port=0, stuck_s=0.5)
    async with serving(silent) as server, raw_client(server) as (_, writer):
        await until(lambda: server.stream.listener_count == 1)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                while True:
                    writer.write(frame * 100)
                    await writer.drain()
                    await asyncio.sleep(0.001)
        await until(lambda: server.stream.listener_count == 0)
        assert server.counters.stuck == 1


@pytest.mark.parametrize("is_reset", [False, True])
@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_who_vanishes_is_counted_with_all_it_was_sent(tmp_path: Path, is_reset: bool, is_encrypted: bool) -> None:
    pair = certificate(tmp_path)
    tls = ssl.create_default_context(cafile=str(pair.ca_file)) if is_encrypted else None
    config = one_stream("tone", port=0)
    async with serving(replace(config, tls=pair.settings) if is_encrypted else config) as server:
        for _ in range(3):
            async with raw_client(server, tls) as (reader, writer):
                await reader.readexactly(300)
                if is_reset:
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await until(lambda: server.stream.listener_count == 0)
        await until(lambda: server.counters.broken_connections == 3)
        assert server.counters.packets_sent >= 6


async def test_who_reads_again_after_it_was_given_up_hears_why() -> None:
    async with (
        serving(replace(LOUD, stuck_s=0.5)) as server,
        rtp_client(server.url, sock=narrow_socket(server.url), max_queue=1) as stuck,
    ):
        await until(lambda: server.counters.stuck == 1)
        heard = await hear(stuck, lambda heard: False)
    assert stuck.close_code == 1013
    assert "nothing was read" in heard.of(Bye)[0].reason


async def test_a_goodbye_does_not_make_a_refusal_an_end() -> None:
    """An origin that sends its relay away for good: the listeners are not told that the stream has ended."""

    async def refuse_after_a_while(connection: ServerConnection) -> None:
        for packet in opus_packets(5):
            await connection.send(packet)
        await connection.send('{"type": "bye", "reason": "the token has expired"}')
        await connection.close(1008)

    async with (
        serve_websocket(refuse_after_a_while, "127.0.0.1", 0) as origin,
        serving(one_stream(f"relay:ws://127.0.0.1:{next(iter(origin.sockets)).getsockname()[1]}/", port=0)) as server,
        bare_client(server.url) as client,
    ):
        assert await until_closed(client) == 1011
