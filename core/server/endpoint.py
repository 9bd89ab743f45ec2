"""Requests for a stream become listeners; the list of the streams is here, too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from core.log import log_event
from core.opus.encoder import EncoderSettings
from core.server.access.bearer import offered_protocols, with_protocols
from core.server.access.origins import for_script
from core.server.access.patience import sign, watch_bytes
from core.server.access.refusals import Reason, Refusals
from core.server.access.rights import Rights
from core.server.broadcast import Broadcast
from core.server.config import QueryError, ServerConfig, wants_rtp
from core.server.gate import CLIENT, Gate, Grant, RefusedError
from core.server.listener import Listener
from core.server.listener_counters import ListenerCounters
from core.server.loops import ids_in
from core.server.operation.figures import StreamFigures, figures_of
from core.server.streams import Streams
from core.wire.control import SUBPROTOCOL

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 16 * 1024
"""Of what a client sends. Its `stats` take some hundred bytes."""

HEARTBEAT_S: Final = 20.0
"""A connection without a sign of life for this long is pinged, and given up after half of it again."""

RETRY_WITHOUT_ROOM_S: Final = 10.0
"""An encoder is free again as soon as a listener with other settings goes."""

CLOSE_TIMEOUT_S: Final = 1.0
SHUTDOWN_TIMEOUT_S: Final = 1.8
"""Listeners close within `core.server.ending.DRAIN_LIMIT_S`; the command promises two seconds."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a listener asks for, and can have."""

    stream: Broadcast
    settings: EncoderSettings
    is_rtp: bool


class Endpoint:
    """Turns requests into listeners."""

    def __init__(self, config: ServerConfig, streams: Streams, gate: Gate, refusals: Refusals) -> None:
        """``streams`` are those of the configuration."""
        self._config = config
        self._streams = streams.by_name
        self._push_points = streams.push_points
        self._gate = gate
        self._refusals = refusals
        self._counters = {name: ListenerCounters() for name in self._streams}
        self._present: dict[str, set[Listener]] = {name: set() for name in self._streams}
        self._listeners = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    @property
    def counters(self) -> ListenerCounters:
        """Of all streams' listeners that have gone."""
        total = ListenerCounters()
        for each in self._counters.values():
            total.add(each)
        return total

    def figures(self) -> Iterator[StreamFigures]:
        """How each stream stands now, to be read in one turn."""
        for name, stream in self._streams.items():
            point = self._push_points.get(name)
            inlet = point.inlet if point is not None else None
            yield figures_of(name, stream, self._counters[name], list(self._present[name]), inlet)

    def abort(self) -> None:
        """Cut all connections."""
        for listeners in self._present.values():
            for listener in listeners:
                listener.abort()

    async def wait_until_empty(self) -> None:
        """Return when no listener is left, or after `SHUTDOWN_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT_S):
                await self._is_empty.wait()
        except TimeoutError:
            log_event(logger, logging.WARNING, "listeners did not leave in time", listeners=self._listeners)

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """One client of a stream, from its request to the end of its connection."""
        name = request.match_info.get("name", self._config.streams[0].name)
        # Asked first, whatever is wrong with the request: otherwise anybody could find out names, and try for ever.
        try:
            grant = self._gate.admit(request, name)
        except RefusedError as refusal:
            return refusal.answer()
        wanted = self._wanted(request, name, grant)
        if isinstance(wanted, web.Response):
            self._gate.leave(grant)
            return wanted
        self._listeners += 1
        self._is_empty.clear()
        try:
            return await self._serve(request, wanted, grant)
        finally:
            self._gate.leave(grant)
            self._listeners -= 1
            if not self._listeners:
                self._is_empty.set()

    def _wanted(self, request: web.Request, name: str, grant: Grant) -> _Wanted | web.Response:
        """What somebody whom the gate let in asks for, or why it cannot have that."""
        stream = self._streams.get(name)
        if stream is None:
            return web.Response(status=404, text=f"There is no stream {name[:80]!r} here; /streams lists them.\n")
        if request.headers.get("Upgrade", "").strip().lower() != "websocket":
            return web.Response(
                status=426,
                headers={"Upgrade": "websocket"},
                text=f"This is live Opus audio over WebSocket: open {'wss' if request.secure else 'ws'}://{request.host}"
                f"{request.path} instead.\n",
            )
        offered = SUBPROTOCOL in offered_protocols(request)
        try:
            is_rtp = wants_rtp(request.query, offered)
            settings = stream.asked(request.query)
        except QueryError as error:
            return web.Response(status=400, text=f"{error}\n")
        if settings != stream.settings and not grant.may_set:
            self._refusals.count(Reason.SETTINGS_IN_ADDRESS)
            words = "the token gives no right to the settings in the address; leave them out"
            return RefusedError(403, words).answer()
        if not stream.has_room_for(settings):
            self._refusals.count(Reason.ENCODERS)
            words = "too many different settings are encoded already; come without any, or later"
            return RefusedError(503, words, RETRY_WITHOUT_ROOM_S).answer()
        if stream.is_among(ids_in(request.headers)):
            self._refusals.count(Reason.LOOP)
            words = f"stream {stream.name!r} would be relayed to itself; name another address where it is relayed from"
            return RefusedError(508, words).answer()
        return _Wanted(stream, settings, is_rtp)

    async def list_streams(self, request: web.Request) -> web.Response:
        """What there is to hear for whoever asks, as JSON."""
        try:
            visible = self._gate.visible(request, self._streams)
        except RefusedError as refusal:
            answer = refusal.answer()
        else:
            streams = [_told(stream) for name, stream in self._streams.items() if name in visible]
            answer = web.json_response({"streams": streams})
        answer.headers.update(for_script(request, self._config.access.allowed_origins))
        return answer

    async def _serve(self, request: web.Request, wanted: _Wanted, grant: Grant) -> web.WebSocketResponse:
        stream, settings, is_rtp = wanted.stream, wanted.settings, wanted.is_rtp
        protocols = (SUBPROTOCOL,) if is_rtp else ()
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S,
            heartbeat=HEARTBEAT_S,
            # The listener answers: pings count as messages.
            autoping=False,
            protocols=protocols,
            compress=False,
            max_msg_size=MAX_MESSAGE_BYTES,
        )
        sign(socket)
        request = with_protocols(request, protocols)
        await socket.prepare(request)
        counters = self._counters[stream.name]
        counters.connections += 1
        transport = request.transport
        if not isinstance(transport, asyncio.WriteTransport):
            return socket  # It was lost already.
        listener = Listener(
            stream,
            socket,
            transport,
            settings,
            counters,
            Rights(grant, self._refusals, stream.clock),
            is_rtp=is_rtp,
            queue_ms=self._config.queue_ms,
            stuck_s=self._config.stuck_s,
            adaptation=self._config.adaptation,
            peer=request.get(CLIENT, request.remote),
            via=ids_in(request.headers),
        )
        present = self._present[stream.name]
        present.add(listener)
        watch_bytes(request, listener.may_take)
        try:
            await listener.run()
        finally:
            watch_bytes(request, None)
            present.discard(listener)
        return socket


def _told(stream: Broadcast) -> dict[str, Any]:
    """A stream in the list of all; ``None`` for what is not known yet."""
    facts = stream.known_facts
    return {
        "name": stream.name,
        "path": f"/streams/{stream.name}",
        "sample_rate": facts.sample_rate if facts is not None else None,
        "channels": facts.channels if facts is not None else None,
        "frame_ms": facts.frame_ms if facts is not None else None,
        "listeners": stream.listener_count,
    }
