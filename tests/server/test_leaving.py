"""Who leaves by itself says so: what a server sees of clients and relays that are stopped."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from core.server.app import serving as serving_streams
from core.server.config import ServerConfig, StreamConfig
from tests.receiver.harness import listening, opus_packets, send_paced
from tests.receiver.harness import serving as serving_websocket
from tests.server.helpers import bare_client


class Witness:
    """Sends packets, or nothing, and notes with which code each connection was closed by the other side."""

    def __init__(self, *, is_silent: bool) -> None:
        self.came = asyncio.Event()
        self.codes: asyncio.Queue[int | None] = asyncio.Queue()
        self._is_silent = is_silent

    async def __call__(self, connection: ServerConnection) -> None:
        # An answer, and a moment for whoever connects to know that it is connected.
        await (await connection.ping())
        await asyncio.sleep(0.1)
        self.came.set()
        sending = asyncio.create_task(send_paced(connection, () if self._is_silent else opus_packets(400)))
        await connection.wait_closed()
        sending.cancel()
        await asyncio.wait({sending})
        await self.codes.put(connection.protocol.close_rcvd.code if connection.protocol.close_rcvd else None)


@pytest.mark.parametrize("is_silent", [False, True])
async def test_a_session_that_is_stopped_closes_with_1000(is_silent: bool) -> None:
    witness = Witness(is_silent=is_silent)
    async with serving_websocket(witness) as url:
        async with listening(url) as run:
            await witness.came.wait()
            await run.until(lambda: is_silent or run.snapshot.packets_received > 5)
        assert await asyncio.wait_for(witness.codes.get(), 5) == 1000


@pytest.mark.parametrize("is_silent", [False, True])
async def test_a_relay_whose_last_listener_left_closes_with_1000(is_silent: bool) -> None:
    witness = Witness(is_silent=is_silent)
    async with serving_websocket(witness) as url:
        config = ServerConfig((StreamConfig(source=f"relay:{url}"),), port=0)
        async with serving_streams(config) as relay:
            async with bare_client(relay.url) as client:
                await asyncio.wait_for(witness.came.wait(), 5)
                if not is_silent:
                    await client.recv()
            assert await asyncio.wait_for(witness.codes.get(), 5) == 1000
