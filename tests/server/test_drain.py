"""How a server ends: nobody new is let in, everybody is told when to come back, and no second is lost."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import AsyncExitStack

import aiohttp
import websockets

from core.server.app import serving
from core.server.broadcast import RETRY_AFTER_RESTART_MS, RETRY_SPREAD_MS
from core.server.config import ServerConfig
from core.server.operation.settings import OperationSettings
from core.wire.control import Bye
from tests.server.helpers import bare_client, everything, hear, rtp_client
from tests.server.test_operation import get
from tests.support.processes import ChildProcess

SERVE = (sys.executable, "-m", "core.cli.main", "serve", "--port", "0")
LISTENING = r"^listening on (\S+)$"


async def test_while_draining_those_inside_hear_on_and_others_are_told_to_try_again() -> None:
    config = ServerConfig(port=0, operation=OperationSettings(drain_s=0.5, drain_code=1012))
    async with serving(config) as server, rtp_client(server.url) as client:
        await hear(client, lambda heard: len(heard.packets) == 2)
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0)
        assert await get(server.url, "/readyz") == (503, "draining\n")
        assert await get(server.url, "/healthz") == (200, "ok\n")
        try:
            await websockets.connect(server.url)
        except websockets.InvalidStatus as refusal:
            assert refusal.response.status_code == 503
            assert refusal.response.headers["Retry-After"] == "1"
        else:
            raise AssertionError("a new listener was let in")
        await hear(client, lambda heard: len(heard.packets) == 10)
        assert not draining.done()
        await draining


async def test_each_is_told_to_come_back_at_a_moment_of_its_own() -> None:
    config = ServerConfig(port=0, operation=OperationSettings(drain_code=1012))
    async with AsyncExitStack() as stack:
        async with serving(config) as server:
            clients = [await stack.enter_async_context(rtp_client(server.url)) for _ in range(20)]
            for client in clients:
                await hear(client, lambda heard: len(heard.packets) == 1)
            heard = [asyncio.create_task(hear(client, lambda heard: False)) for client in clients]
        waits_ms = [(await each).of(Bye)[0].retry_after_ms for each in heard]
    assert {client.close_code for client in clients} == {1012}
    assert all(RETRY_AFTER_RESTART_MS <= wait_ms < RETRY_AFTER_RESTART_MS + RETRY_SPREAD_MS for wait_ms in waits_ms)
    assert max(waits_ms) - min(waits_ms) > RETRY_SPREAD_MS / 3
    assert len(set(waits_ms)) > 15


async def test_a_process_drains_for_as_long_as_it_is_told() -> None:
    with ChildProcess([*SERVE, "--drain-s", "0.6"]) as server:
        url = server.wait_for_line(LISTENING)[1]
        async with bare_client(url) as client:
            await client.recv()
            began_s = time.monotonic()
            server.signal(signal.SIGTERM)
            await everything(client)
            assert 0.55 < time.monotonic() - began_s < 2
            assert client.close_code == 1001
        assert await asyncio.to_thread(server.wait) == 0
        assert server.text("stderr") == ""


async def test_a_second_signal_ends_it_at_once() -> None:
    with ChildProcess([*SERVE, "--drain-s", "60"]) as server:
        url = server.wait_for_line(LISTENING)[1]
        async with bare_client(url) as client:
            await client.recv()
            server.signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                while (await get(url, "/readyz"))[0] == 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            began_s = time.monotonic()
            server.signal(signal.SIGINT)
            assert await asyncio.to_thread(server.wait) == 0
            assert time.monotonic() - began_s < 1
        assert server.text("stderr") == ""


async def test_one_who_does_not_read_does_not_hold_up_the_end() -> None:
    with ChildProcess(SERVE) as server:
        url = server.wait_for_line(LISTENING)[1]
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as client:
            await client.receive()
            # From here on it does not answer anything, the closing handshake included.
            assert client._conn is not None
            transport = client._conn.transport
            assert transport is not None
            transport.pause_reading()
            began_s = time.monotonic()
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait) == 0
            assert time.monotonic() - began_s < 2.5
            transport.abort()
