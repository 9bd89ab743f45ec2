"""Connections that are open and say nothing, with and without encryption."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest
import websockets

from core.server.access.addresses import Addresses
from core.server.access.crowd import Crowd
from core.server.access.refusals import Reason, Refusals
from core.server.access.settings import LimitSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig
from tests.server.access.listeners import guarded, session, streams
from tests.server.access.making import certificate
from tests.server.helpers import bare_client, until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def silent(server: RunningServer, number: int) -> list[Streams]:
    """Connections on which nothing is said."""
    port = int(server.url.split(":")[2].split("/")[0])
    return [await asyncio.open_connection("127.0.0.1", port) for _ in range(number)]


async def cut(connections: list[Streams]) -> list[bool]:
    """Which of them the server has closed within a moment."""

    async def is_cut(reader: asyncio.StreamReader) -> bool:
        try:
            async with asyncio.timeout(0.3):
                return await reader.read() == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    return list(await asyncio.gather(*(is_cut(reader) for reader, _ in connections)))


def close(connections: list[Streams]) -> None:
    for _, writer in connections:
        writer.close()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (LimitSettings(max_connections=5), Reason.CONNECTIONS),
        (LimitSettings(max_connections_per_address=5), Reason.CONNECTIONS_OF_ADDRESS),
    ],
)
@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_who_says_nothing_takes_a_bounded_number_of_connections(
    tmp_path: Path, limits: LimitSettings, reason: Reason, is_encrypted: bool
) -> None:
    pair = certificate(tmp_path) if is_encrypted else None
    config = ServerConfig(port=0, limits=limits, tls=pair.settings if pair else None)
    trust = {"ssl": ssl.create_default_context(cafile=str(pair.ca_file))} if pair else {}
    async with serving(config) as server:
        waiting = await silent(server, 12)
        assert await cut(waiting) == [False] * 5 + [True] * 7
        assert server.refusals.counts == {reason: 7}
        # Whoever goes makes room, also from the middle of a handshake.
        close(waiting)
        async with asyncio.timeout(10):
            for _ in range(50):
                is_heard = False
                while not is_heard:
                    try:
                        async with bare_client(server.url, **trust) as client:
                            is_heard = bool(await client.recv())
                    except (OSError, websockets.InvalidMessage):  # Those of before are not all gone yet.
                        await asyncio.sleep(0.05)
        server.refusals.counts.clear()
        await until(lambda: server.stream.listener_count == 0)
        again = await silent(server, 4)  # The last one may be on its way out.
        assert await cut(again) == [False] * 4
        assert not server.refusals.counts
        close(again)


async def test_listeners_stay_while_others_crowd_the_door() -> None:
    async with guarded(limits=LimitSettings(max_connections=4)) as server, session(server) as run:
        await run.until(streams(run))
        waiting = await silent(server, 50)
        assert sum(await cut(waiting)) == 47
        assert streams(run)()
        close(waiting)


def test_other_addresses_have_connections_of_their_own_and_a_trusted_proxy_as_many_as_it_needs() -> None:
    refusals = Refusals()
    crowd = Crowd(LimitSettings(max_connections_per_address=2), Addresses(("127.0.0.1",), "Forwarded"), refusals)
    assert [crowd.enter("2001:db8::1"), crowd.enter("2001:db8::2"), crowd.enter("2001:db8::3")] == [
        "2001:db8::/64",
        "2001:db8::/64",
        None,
    ]
    assert crowd.enter("2001:db8:0:1::1")
    assert all(crowd.enter("127.0.0.1") for _ in range(100))
    crowd.leave("2001:db8::/64")
    assert crowd.enter("2001:db8::3")
    assert refusals.counts == {Reason.CONNECTIONS_OF_ADDRESS: 1}


def test_there_is_room_for_twice_the_listeners_unless_somebody_says_otherwise() -> None:
    usual = LimitSettings().on_public_host()
    assert usual == LimitSettings.for_public()
    many = LimitSettings(max_listeners=5_000, max_listeners_per_address="unlimited").on_public_host()
    assert (many.max_connections, many.max_connections_per_address) == (10_000, "unlimited")
    assert LimitSettings(max_listeners=5_000, max_connections=6_000).on_public_host().max_connections == 6_000


async def test_a_body_that_nobody_wants_and_that_drips_is_cut() -> None:
    async with guarded(limits=LimitSettings(header_timeout_s=0.5)) as server:
        ((reader, writer),) = await silent(server, 1)
        writer.write(b"POST /ws-audio HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        began_s = time.monotonic()

        async def drip() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 405")
        assert time.monotonic() - began_s < 2
        dripping.cancel()
        writer.close()
