"""Sources, listeners and clients for the tests of the server."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import websockets
from numpy.typing import NDArray

from core.audio.sources import PcmBlock
from core.audio.sources.pcm import PcmFifo
from core.opus.decoder import OpusDecoder
from core.opus.encoder import EncoderSettings
from core.server.clock import ServerClock
from core.server.fan_out import Seat, Way
from core.server.packets import EncodedPacket
from core.wire.control import SUBPROTOCOL, ControlMessage, parse_control
from core.wire.rtcp import SenderReport, parse_sender_report
from core.wire.rtp import RtpPacket, is_rtcp, parse_rtp

Pcm16 = NDArray[np.int16]
RATE = 24_000


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE) -> Pcm16:
    """A sine at -12 dBFS, mono."""
    time = np.arange(round(seconds * rate)) / rate
    return np.round(8_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)[:, np.newaxis]


def write_wav(path: Path, pcm: Pcm16, rate: int = RATE) -> Path:
    """A WAV file of 16-bit samples."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return path


class ArraySource:
    """Gives an array at any pace, from its beginning."""

    is_live = False
    is_at_hand = True

    def __init__(self, pcm: Pcm16) -> None:
        self._fifo = PcmFifo(pcm.shape[1])
        self._fifo.append(pcm)
        self.closed = 0

    async def read(self, frames: int) -> PcmBlock | None:
        return PcmBlock(self._fifo.take(frames)) if self._fifo.frames else None

    async def close(self) -> None:
        self.closed += 1


class HandFedSource:
    """A source that has what the test put in; ``None`` ends it."""

    is_at_hand = False

    def __init__(self, *, is_live: bool) -> None:
        self.is_live = is_live
        self.blocks: asyncio.Queue[PcmBlock | None] = asyncio.Queue()
        self.reads: list[int] = []

    async def read(self, frames: int) -> PcmBlock | None:
        self.reads.append(frames)
        return await self.blocks.get()

    async def close(self) -> None:
        pass


class VirtualTime:
    """Time that passes only while somebody sleeps. Each sleep wakes ``lateness_ns()`` late."""

    def __init__(self, lateness_ns: Any = lambda: 0) -> None:
        self.now_ns = 50_000_000_000
        self._lateness_ns = lateness_ns
        self.clock = ServerClock(lambda: self.now_ns, lambda: 1_700_000_000_000_000_000, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9) + (self._lateness_ns() if seconds > 0 else 0)
        await asyncio.sleep(0)


class Recorder:
    """An audience that writes down what it gets."""

    via: tuple[str, ...] = ()

    def __init__(self, now_ns: Any = lambda: 0) -> None:
        self.packets: list[EncodedPacket] = []
        self.delivered_ns: list[int] = []
        self.moves = 0
        self.changes: list[tuple[EncoderSettings, int]] = []
        self._now_ns = now_ns

    def deliver(self, packet: EncodedPacket) -> None:
        self.packets.append(packet)
        self.delivered_ns.append(self._now_ns())

    def way(self) -> Way | None:
        return None

    def sit_down(self, seat: Seat) -> None:
        raise NotImplementedError

    def stand_up(self) -> None:
        raise NotImplementedError

    def fail(self, error: Exception) -> None:
        raise error

    def moved(self) -> None:
        self.moves += 1

    def in_force(self, settings: EncoderSettings, media_time: int) -> None:
        self.changes.append((settings, media_time))


async def until_closed(client: websockets.ClientConnection) -> int | None:
    """Hear on, five seconds at most, until the connection ends; returns the close code."""
    with contextlib.suppress(websockets.ConnectionClosed):
        async with asyncio.timeout(5):
            while True:
                await client.recv()
    return client.close_code


async def until(condition: Callable[[], bool]) -> None:
    """Wait, five seconds at most, until a condition holds that nothing announces."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def decode(payloads: Sequence[bytes]) -> NDArray[np.float32]:
    """What a mono decoder makes of packets, 48 kHz."""
    decoder = OpusDecoder(channels=1)
    try:
        return np.concatenate([decoder.decode(payload).copy() for payload in payloads])[:, 0]
    finally:
        decoder.close()


@dataclass
class Heard:
    """Everything one RTP client received."""

    packets: list[RtpPacket] = field(default_factory=list)
    reports: list[SenderReport] = field(default_factory=list)
    control: list[ControlMessage] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    def of(self, kind: type[Any]) -> list[Any]:
        """The control messages of one kind."""
        return [message for message in self.control if isinstance(message, kind)]

    def take(self, message: bytes | str) -> None:
        """Sort one message in."""
        if isinstance(message, str):
            control = parse_control(message)
            assert control is not None
            self.control.append(control)
            self.order.append(type(control).__name__)
        elif is_rtcp(message):
            report = parse_sender_report(message)
            assert report is not None
            self.reports.append(report)
            self.order.append("report")
        else:
            self.packets.append(parse_rtp(message))
            self.order.append("packet")


@asynccontextmanager
async def bare_client(url: str, **options: Any) -> AsyncIterator[websockets.ClientConnection]:
    """A client that offers nothing."""
    async with websockets.connect(url, compression=None, close_timeout=0.2, **options) as client:
        yield client


@asynccontextmanager
async def rtp_client(url: str, **options: Any) -> AsyncIterator[websockets.ClientConnection]:
    """A client that offers `opus-rtp.v1`."""
    protocols = [websockets.Subprotocol(SUBPROTOCOL)]
    async with websockets.connect(
        url, compression=None, subprotocols=protocols, close_timeout=0.2, **options
    ) as client:
        yield client


async def hear(client: websockets.ClientConnection, until: Any, heard: Heard | None = None) -> Heard:
    """Receive until ``until(heard)`` holds or the server closes."""
    heard = heard or Heard()
    async with asyncio.timeout(20):
        while not until(heard):
            try:
                heard.take(await client.recv())
            except websockets.ConnectionClosed:
                break
    return heard


async def everything(client: websockets.ClientConnection) -> list[bytes | str]:
    """All messages up to the close."""
    async with asyncio.timeout(20):
        return [message async for message in client]
