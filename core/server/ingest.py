"""``/ingest/NAME``: where sound is sent to a stream with ``source = "push"``, in a body or over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from core.server.access.bearer import with_protocols
from core.server.access.patience import sign
from core.server.access.refusals import Reason, Refusals
from core.server.gate import CLIENT, Gate, RefusedError
from core.server.ingest_door import IngestDoor, refused
from core.server.inlet import Inlet, OccupiedError
from core.server.operation.logs import log_event
from core.server.pushed_sound import (
    MAX_MESSAGE_BYTES,
    MessageTooBigError,
    PushError,
    Taken,
    in_body,
    in_messages,
    raw_in,
    take,
)

logger = logging.getLogger(__name__)

_GOING_AWAY: Final = "the server is going away"
_KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Who vanished without a word leaves the place after half a minute. Not by pings: their answer waits behind all sound
that was sent before it."""

_RECEIVE_BYTES: Final = 128 * 1024
"""Of the socket: what it holds can no longer be taken back by whoever sent it, and the system would let it grow to
megabytes, which are half an hour of Opus."""

_MAX_REASON_BYTES: Final = 120
"""RFC 6455 §5.5: a control frame holds 125 bytes, two of them the close code."""


@dataclass(slots=True)
class PushPoint:
    """Where one stream takes sound from, and the token that has to be brought; without one only loopback may.

    The token may become another one.
    """

    inlet: Inlet
    token: str | None = None


@dataclass(slots=True)
class _Push:
    """Who sends what, what was taken of it, and whether somebody is still there."""

    stream: str
    peer: str | None
    ws: web.WebSocketResponse | None
    taken: Taken = field(default_factory=Taken)
    task: asyncio.Task[None] = field(init=False)
    is_abandoned: bool = False

    def log(self, event: str, seconds: float | None = None, why: str | None = None) -> None:
        """Write a line of the log about it."""
        dialect = "http" if self.ws is None else "websocket"
        who = {"stream": self.stream, "peer": self.peer, "dialect": dialect}
        log_event(logger, logging.INFO, event, error=None, **who, seconds=seconds, why=why)

    def why_ended(self) -> str | None:
        """By itself, in one line; ``None`` if it was made to end."""
        if self.task.cancelled():
            return None
        error = self.task.exception()
        if isinstance(error, MessageTooBigError):
            return str(error)
        if self.is_abandoned or (error is None and self.ws is not None and self.ws.close_code in (None, 1006)):
            return "the connection broke off"
        if error is not None:
            return str(error) if isinstance(error, PushError) else "an error in the server"
        return "all was taken"


class Ingest:
    """Takes what is pushed."""

    def __init__(self, points: Mapping[str, PushPoint], gate: Gate, refusals: Refusals) -> None:
        """``points`` are the streams that take something, by name; ``refusals`` are counted there."""
        self._points = points
        self._refusals = refusals
        self._door = IngestDoor(points, gate, refusals)
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
        if request.content_type.startswith("multipart/"):
            return refused(415, "a form is no sound; send the file itself, with curl: --data-binary @FILE")
        try:
            raw = raw_in(request.query)
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
        sign(ws)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(place.close)
            if is_socket:
                await ws.prepare(with_protocols(request, ()))
            on_failure.pop_all()
        push = _Push(name, request.get(CLIENT, request.remote), ws if is_socket else None)
        push.log("push begun")
        pieces = in_messages(ws) if is_socket else in_body(request)
        push.task = asyncio.create_task(take(pieces, point.inlet, raw, push.taken))
        self._pushes[name] = push
        push.task.add_done_callback(lambda _: self._ended(push, place))
        return await self._over_socket(ws, push) if is_socket else await self._in_body(push)

    async def _make_room(self, name: str) -> None:
        """Give up what somebody left behind who is gone."""
        push = self._pushes.get(name)
        if push is not None and push.is_abandoned:
            push.task.cancel()
            await asyncio.wait({push.task})

    def _ended(self, push: _Push, place: contextlib.ExitStack) -> None:
        place.close()
        if self._pushes.get(push.stream) is push:
            del self._pushes[push.stream]
        if not push.task.cancelled() and isinstance(push.task.exception(), MessageTooBigError):
            self._refusals.count(Reason.MESSAGE_SIZE)
        why = push.why_ended() or (_GOING_AWAY if self._is_over else "somebody else pushes now")
        push.log("push ended", seconds=round(push.taken.seconds, 2), why=why)

    async def _in_body(self, push: _Push) -> web.StreamResponse:
        try:
            await _done(push)
        except PushError as error:
            return refused(415, str(error))
        except asyncio.CancelledError:
            if not push.task.cancelled():
                raise
            return refused(503, _GOING_AWAY, {"Retry-After": "1"})
        return web.Response(text=f"took {push.taken.seconds:.2f} s of sound\n")

    async def _over_socket(self, ws: web.WebSocketResponse, push: _Push) -> web.StreamResponse:
        try:
            await _done(push)
        except MessageTooBigError:
            pass  # It was closed with 1009.
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


async def _done(push: _Push) -> None:
    """Wait until all is taken. When the connection is lost meanwhile, what it brought still is."""
    try:
        await asyncio.shield(push.task)
    except asyncio.CancelledError:
        push.is_abandoned = True
        raise


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
