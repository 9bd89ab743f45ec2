"""Relays in front of an origin that does what a test says."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trustme
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from core.opus.encoder import Application, EncoderSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig
from core.server.relay import RelayStream
from core.wire.attempts import Backoff
from core.wire.rtp import RtpPacket, pack_rtp

TUNED = EncoderSettings(48_000, 2, 10.0, Application.LOWDELAY, bitrate=96_000)


@asynccontextmanager
async def relaying(url: str, **stream: Any) -> AsyncIterator[RunningServer]:
    async with serving(one_relay(url, **stream)) as server:
        yield server


def one_relay(url: str, **stream: Any) -> ServerConfig:
    return ServerConfig((StreamConfig(source=f"relay:{url}", **stream),), port=0)


def relay_of(server: RunningServer) -> RelayStream:
    assert isinstance(server.stream, RelayStream)
    return server.stream


class Quick(Backoff):
    """Waits as long as it was asked to, else hardly."""

    def next_wait_s(self, asked_for_s: float | None = None) -> float:
        super().next_wait_s(asked_for_s)
        return 0.05 if asked_for_s is None else asked_for_s


def hasty(server: RunningServer) -> None:
    """Tries again soon, so that a test need not wait."""
    relay_of(server)._backoff = Quick()


def overlap(one: list[bytes], other: list[bytes]) -> int:
    """How many packets of ``one`` stand at the beginning of ``other``, or the other way round; all must be alike."""
    for first, second in ((one, other), (other, one)):
        if second[0] in first:
            at = first.index(second[0])
            count = min(len(first) - at, len(second))
            assert first[at : at + count] == second[:count]
            return count
    return 0


def steps(packets: list[RtpPacket], field: str, bits: int) -> list[int]:
    values = [getattr(packet, field) for packet in packets]
    return [(b - a) % (1 << bits) for a, b in itertools.pairwise(values)]


Handler = Callable[[ServerConnection], Any]


@asynccontextmanager
async def origin_of(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """An origin that does what a test says."""
    async with serve_websocket(handler, "127.0.0.1", 0, compression=None, **options) as server:
        scheme = "wss" if "ssl" in options else "ws"
        yield f"{scheme}://localhost:{next(iter(server.sockets)).getsockname()[1]}/x?token=secret"


def rtp(number: int, timestamp: int, payload: bytes, **more: Any) -> bytes:
    return pack_rtp(RtpPacket(111, number, timestamp, 7, more.pop("marker", False), payload, **more))


def trustme_context(authority: trustme.CA) -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context
