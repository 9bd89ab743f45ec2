"""``/ingest/NAME``: where sound is sent to a stream with ``source = "push"``, in a body or over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError

from core.audio.sources import SourceError
from core.audio.sources.prefetch import Prefetcher
from core.audio.sources.pushed import BytePipe, RawConverter, decode_pushed
from core.server.access.refusals import Refusals
from core.server.gate import Gate, RefusedError
from core.server.ingest_door import IngestDoor, refused
from core.server.inlet import Inlet, OccupiedError
from core.server.operation.logs import log_event

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 1 << 20
"""Of one WebSocket message: 22 s of 24 kHz mono. A larger one ends the connection (close code 1009)."""

MIN_RATE_HZ: Final = 4_000
MAX_RATE_HZ: Final = 192_000
"""What sound cards and synthesisers have."""

_GOING_AWAY: Final = "the server is going away"
_BODY_PIECE_BYTES: Final = 64 * 1024
_CHUNK_MS: Final = 100
_KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Who vanished without a word leaves the place after half a minute. Not by pings: their answer waits behind all sound
that was sent before it."""

_RECEIVE_BYTES: Final = 128 * 1024
"""Of the socket: what it holds can no longer be taken back by whoever sent it, and the system would let it grow to
megabytes, which are half an hour of Opus."""

_MAX_REASON_BYTES: Final = 120
"""RFC 6455 §5.5: a control frame holds 125 bytes, two of them the close code."""


class PushError(ValueError):
    """What was sent is no sound; the message is one line for whoever sent it."""


@dataclass(frozen=True, slots=True)
class PushPoint:
    """Where one stream takes sound from, and the token that has to be brought; without one only loopback may."""

    inlet: Inlet
    token: str | None = None


@dataclass(frozen=True, slots=True)
class _Raw:
    """Rate in Hz and channels of raw samples."""

    rate: int
    channels: int


@dataclass(slots=True)
class _Push:
    """What is being taken, and whether somebody is still there who sends it."""

    task: asyncio.Task[float]
    is_abandoned: bool = False


class Ingest:
    """Takes what is pushed."""

    def __init__(self, points: Mapping[str, PushPoint], gate: Gate, refusals: Refusals) -> None:
        """``points`` are the streams that take something, by name; ``refusals`` are counted there."""
        self._points = points
        self._door = IngestDoor({name: point.token for name, point in points.items()}, gate, refusals)
        self._pushes: dict[str, _Push] = {}
        self._is_over = False

    async def shut_down(self) -> None:
        """End all pushes; their connections are told that the server goes away."""
        self._is_over = True
        tasks = [push.task for push in self._pushes.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def push(self, request: web.Request) -> web.StreamResponse:
        """One push, from its request to its end."""
        name = request.match_info["name"]
        try:
            self._door.check(request, name)
        except RefusedError as refusal:
            return refusal.answer()
        point = self._points[name]
        is_socket = request.headers.get("Upgrade", "").strip().lower() == "websocket"
        if request.method == "GET" and not is_socket:
            return refused(405, "send sound with POST, PUT or over a WebSocket", {"Allow": "POST, PUT"})
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return refused(415, "sound is taken as it is; send it without a Content-Encoding")
        try:
            raw = _raw(request.query)
        except PushError as error:
            return refused(400, str(error))
        await self._make_room(name)
        if self._is_over:
            return refused(503, _GOING_AWAY, {"Retry-After": "1"})
        try:
            place = contextlib.ExitStack()
            place.enter_context(point.inlet.pushing())
        except OccupiedError:
            return refused(409, f"somebody else pushes to {name!r} already; wait until that ends")
        _prepare(request)
        ws = web.WebSocketResponse(timeout=1.0, compress=False, autoclose=False, max_msg_size=MAX_MESSAGE_BYTES)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(place.close)
            if is_socket:
                await ws.prepare(request)
            on_failure.pop_all()
        pieces = _messages(ws) if is_socket else _body(request)
        push = _Push(asyncio.create_task(_take(pieces, point.inlet, raw)))
        self._pushes[name] = push
        push.task.add_done_callback(lambda _: self._ended(name, push, place))
        return await self._over_socket(ws, push) if is_socket else await self._in_body(push)

    async def _make_room(self, name: str) -> None:
        """Give up what somebody left behind who is gone."""
        push = self._pushes.get(name)
        if push is not None and push.is_abandoned:
            push.task.cancel()
            await asyncio.wait({push.task})

    def _ended(self, name: str, push: _Push, place: contextlib.ExitStack) -> None:
        place.close()
        if self._pushes.get(name) is push:
            del self._pushes[name]
        if not push.task.cancelled() and (error := push.task.exception()) is not None and push.is_abandoned:
            log_event(logger, logging.INFO, "push broke off", stream=name, why=str(error))

    async def _in_body(self, push: _Push) -> web.StreamResponse:
        try:
            seconds = await _done(push)
        except PushError as error:
            return refused(415, str(error))
        except asyncio.CancelledError:
            if not push.task.cancelled():
                raise
            return refused(503, _GOING_AWAY, {"Retry-After": "1"})
        return web.Response(text=f"took {seconds:.2f} s of sound\n")

    async def _over_socket(self, ws: web.WebSocketResponse, push: _Push) -> web.StreamResponse:
        try:
            await _done(push)
        except PushError as error:
            # 1003: data of a kind that cannot be accepted (RFC 6455 §7.4.1).
            await ws.close(code=1003, message=str(error).encode()[:_MAX_REASON_BYTES])
        except asyncio.CancelledError:
            if not push.task.cancelled():
                raise
            await ws.close(code=1001, message=_GOING_AWAY.encode())
        else:
            # Only now: whoever closes waits for this, and so until all was taken.
            await ws.close()
        return ws


async def _done(push: _Push) -> float:
    """Seconds of sound that were taken. When the connection is lost meanwhile, what it brought is still taken."""
    try:
        return await asyncio.shield(push.task)
    except asyncio.CancelledError:
        push.is_abandoned = True
        raise


async def _take(pieces: AsyncIterator[bytes], inlet: Inlet, raw: _Raw | None) -> float:
    return await (_take_raw(pieces, inlet, raw) if raw else _take_container(pieces, inlet))


async def _take_raw(pieces: AsyncIterator[bytes], inlet: Inlet, raw: _Raw) -> float:
    converter = RawConverter(raw.rate, raw.channels, inlet.sample_rate, inlet.channels)
    frames = 0
    async for piece in pieces:
        for pcm in converter.convert(piece):
            frames += len(pcm)
            await inlet.put(pcm)
    for pcm in converter.drain():
        frames += len(pcm)
        await inlet.put(pcm)
    return frames / inlet.sample_rate


async def _take_container(pieces: AsyncIterator[bytes], inlet: Inlet) -> float:
    pipe = BytePipe()
    chunk = inlet.sample_rate * _CHUNK_MS // 1000
    decoded = Prefetcher(decode_pushed(pipe, inlet.sample_rate, inlet.channels), inlet.channels, chunk)
    feeding = asyncio.create_task(_feed(pieces, pipe))
    frames = 0
    try:
        while (pcm := await decoded.read(chunk)) is not None:
            frames += len(pcm)
            await inlet.put(pcm)
        # A decoder that has read enough may leave something behind; whoever pushes is let go all the same.
    except SourceError as error:
        raise PushError(str(error)) from error
    finally:
        feeding.cancel()
        pipe.end()
        decoded.close()
        await asyncio.wait({feeding})
    if not feeding.cancelled():
        feeding.result()
    return frames / inlet.sample_rate


async def _feed(pieces: AsyncIterator[bytes], pipe: BytePipe) -> None:
    try:
        async for piece in pieces:
            await pipe.write(piece)
    finally:
        pipe.end()


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    try:
        while piece := await request.content.read(_BODY_PIECE_BYTES):
            yield piece
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise PushError("the body is broken; send whole chunks") from error


async def _messages(ws: web.WebSocketResponse) -> AsyncIterator[bytes]:
    async for message in ws:
        if message.type is WSMsgType.BINARY:
            yield message.data
        elif message.type is WSMsgType.TEXT:
            raise PushError("a text message is no sound; send binary ones")


def _raw(query: Mapping[str, str]) -> _Raw | None:
    """What raw samples are, or ``None`` for a container, which says so itself.

    Raises:
        PushError: that can be neither.
    """
    if "rate" not in query:
        if "channels" in query:
            raise PushError("channels are those of raw samples; name their rate, too: ?rate=24000&channels=1")
        return None
    rate = _whole(query["rate"])
    if rate is None or not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise PushError(f"rate {query['rate'][:40]!r} is not possible; accepted: {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    channels = _whole(query.get("channels", "1"))
    if channels not in (1, 2):
        raise PushError(f"channels {query['channels'][:40]!r} are not possible; accepted: 1, 2")
    return _Raw(rate, channels)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _prepare(request: web.Request) -> None:
    """Bound what waits in the system, and find out who vanished."""
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    if connection is None:
        return
    with contextlib.suppress(OSError):  # it is lost already, which whoever reads from it will be told
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE.items():
            if hasattr(socket, option):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
