"""A WebSocket server that does what a test says, and a session that listens to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import lru_cache

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from core.monitor.monitor import Monitor
from core.opus.encoder import EncoderSettings, OpusEncoder
from core.playout.settings import PlayoutSettings
from core.receiver.options import ListenOptions
from core.receiver.session import ListeningSession
from core.receiver.status import SessionSnapshot

Handler = Callable[[ServerConnection], Awaitable[None]]
Answer = Callable[[ServerConnection, Request], Response]


@lru_cache(maxsize=8)
def opus_packets(count: int = 100, frame_ms: float = 20.0, channels: int = 1) -> tuple[bytes, ...]:
    """Packets of a 440 Hz tone."""
    encoder = OpusEncoder(EncoderSettings(48_000, channels, frame_ms))
    samples = encoder.settings.frame_samples
    tone = np.sin(2 * np.pi * 440 * np.arange(samples * count) / 48_000) * 8_000
    pcm = np.repeat(tone.astype(np.int16)[:, np.newaxis], channels, axis=1)
    packets = tuple(encoder.encode(pcm[i * samples : (i + 1) * samples]) for i in range(count))
    encoder.close()
    return packets


async def send_paced(connection: ServerConnection, packets: tuple[bytes, ...], frame_ms: float = 20.0) -> None:
    """Send by absolute deadlines."""
    began_s = time.monotonic()
    for i, packet in enumerate(packets):
        await asyncio.sleep(max(0.0, began_s + i * frame_ms / 1000 - time.monotonic()))
        await connection.send(packet)


@asynccontextmanager
async def serving(handler: Handler, port: int = 0, **options: object) -> AsyncIterator[str]:
    """A server on the loopback; gives its ws:// address. A listener that leaves ends the handler quietly."""

    async def handle(connection: ServerConnection) -> None:
        await handler(connection)

    async with serve(handle, "127.0.0.1", port, compression=None, **options) as server:  # type: ignore[arg-type]
        real_port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{real_port}/ws-audio"


class Listening:
    """A running session with its monitor."""

    def __init__(self, options: ListenOptions) -> None:
        self.monitor = Monitor()
        self.session = ListeningSession(options, self.monitor)

    @property
    def snapshot(self) -> SessionSnapshot:
        return self.session.snapshot()

    @property
    def log(self) -> str:
        return "\n".join(f"{event.level.value}: {event.text}" for event in self.monitor.events.since(0))

    async def until(self, is_so: Callable[[], bool], timeout_s: float = 8.0) -> None:
        """Wait until something is observed; fails with the log if it is not."""
        deadline_s = time.monotonic() + timeout_s
        while not is_so():
            if time.monotonic() > deadline_s:
                raise AssertionError(f"not so within {timeout_s} s; the log:\n{self.log}\n{self.snapshot}")
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(options: ListenOptions | str) -> AsyncIterator[Listening]:
    """Run a session on the null output; it is stopped on the way out."""
    if isinstance(options, str):
        options = ListenOptions(options, output="null", playout=PlayoutSettings(60))
    run = Listening(replace(options, output="null"))
    task = asyncio.create_task(run.session.run())
    try:
        yield run
    finally:
        run.session.stop()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
