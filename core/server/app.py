"""The server as a whole: HTTP in front, streams behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from core.audio.sources import PcmSource
from core.log import log_event
from core.opus.encoder import EncoderSettings
from core.server.access.bearer import offered_protocols, with_protocols
from core.server.access.gatekeeper import Gatekeeper
from core.server.access.odd_headers import replace_odd_headers
from core.server.access.origins import for_script
from core.server.access.patience import sign, watch_bytes
from core.server.access.refusals import Reason, Refusals
from core.server.access.rights import Rights
from core.server.access.tls import TlsKeeper
from core.server.broadcast import Broadcast, CloseCode
from core.server.clock import ServerClock
from core.server.config import QueryError, ServerConfig, wants_rtp
from core.server.encoder_budget import EncoderBudget
from core.server.gate import Gate, Grant, RefusedError
from core.server.ingest import Ingest
from core.server.listener import Listener, ListenerCounters
from core.server.listening import listen
from core.server.loops import ids_in
from core.server.operation.figures import StreamFigures, figures_of
from core.server.operation.front import Operation
from core.server.reloading import Part, Reloader
from core.server.streams import Streams
from core.server.supervision import run_all
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
"""Listeners close within `core.server.listener.DRAIN_LIMIT_S`; the command promises two seconds."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that listens. ``url`` is that of the first stream, and holds the real port."""

    url: str
    streams: Mapping[str, Broadcast]
    """By name, in the order of the configuration."""
    endpoint: Endpoint
    pump: asyncio.Task[None]
    """Ends only if something is wrong in this program; the context raises that when it is left."""
    refusals: Refusals
    reload: Callable[[], None]
    """Read certificate, keys and tokens anew, without touching who listens or pushes; the log says what came of it."""
    has_files: bool
    """Whether there is anything to read anew."""
    drain: Callable[[], Coroutine[None, None, None]]
    """Let nobody in from now on; returns when the context is to be left."""
    abort: Callable[[], None]
    """Cut all connections: leaving the context then takes no time."""

    @property
    def counters(self) -> ListenerCounters:
        """Of all listeners that have gone."""
        return self.endpoint.counters

    @property
    def stream(self) -> Broadcast:
        """The first one."""
        return next(iter(self.streams.values()))


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
                text=f"This is live Opus audio over WebSocket: open {_scheme(request.secure)}://{request.host}{request.path}"
                " instead.\n",
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
        listener = Listener(
            stream,
            socket,
            self._counters[stream.name],
            Rights(grant, self._refusals, stream.clock),
            is_rtp=is_rtp,
            queue_ms=self._config.queue_ms,
            stuck_s=self._config.stuck_s,
            adaptation=self._config.adaptation,
            via=ids_in(request.headers),
        )
        present = self._present[stream.name]
        present.add(listener)
        watch_bytes(request, listener.may_take)
        try:
            await listener.run(with_protocols(request, protocols), settings)
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


def build_app(config: ServerConfig, endpoint: Endpoint, ingest: Ingest, operation: Operation) -> web.Application:
    """The web application: the first stream at ``config.path``, each below ``/streams``, 404 elsewhere."""
    app = web.Application(middlewares=[operation.middleware])
    operation.add_routes(app)
    app.router.add_get(config.path, endpoint.listen, allow_head=False)
    app.router.add_get("/streams", endpoint.list_streams)
    app.router.add_get("/streams/{name}", endpoint.listen, allow_head=False)
    for method in ("GET", "POST", "PUT"):
        app.router.add_route(method, "/ingest/{name}", ingest.push)
    return app


@asynccontextmanager
async def serving(
    config: ServerConfig,
    source: Callable[[], PcmSource] | None = None,
    clock: ServerClock | None = None,
    gate: Gate | None = None,
) -> AsyncIterator[RunningServer]:
    """A server that listens while the context is open, and says goodbye to its listeners at the end.

    ``source`` opens the PCM source in place of those configured; ``clock`` is for tests in virtual time; without a
    ``gate`` the configuration says who may listen.

    Raises:
        ValueError: a token that the configuration names cannot be read.
        AccessError: certificate or keys cannot be had.
        OSError: the address cannot be bound.
        UnicodeError: ``config.host`` can be no host name (the IDNA codec refuses it).
    """
    most = config.limits.max_encoders
    built = Streams(config.streams, source, clock, EncoderBudget(most if isinstance(most, int) else None))
    streams = built.by_name
    refusals = Refusals()
    keeper = Gatekeeper(config.access, config.limits, refusals)
    ingest = Ingest(built.push_points, gate or keeper, refusals)
    tls = TlsKeeper(config.tls) if config.tls is not None else None
    endpoint = Endpoint(config, built, gate or keeper, refusals)
    reloader = Reloader(
        (
            *([Part("the TLS certificate and its key", tls.read)] if tls is not None else []),
            *([Part("the keys of tokens", keeper.read_keys)] if config.access.has_key_file else []),
            *built.parts(),
        )
    )
    operation = Operation(config.operation, endpoint.figures, refusals)
    runner = web.AppRunner(
        build_app(config, endpoint, ingest, operation),
        handle_signals=False,
        handler_cancellation=True,
        # By then the listeners are gone.
        shutdown_timeout=0.1,
    )
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - for the type checker; it has been set up
    replace_odd_headers(runner.server)
    try:
        listening = await listen(runner.server, config, tls, refusals)
    except (OSError, UnicodeError):
        await runner.cleanup()
        raise
    port = listening[0].sockets[0].getsockname()[1]
    host = f"[{config.host}]" if ":" in config.host else config.host
    pump = asyncio.create_task(run_all(streams.values()))
    operation.started(pump)
    try:
        url = f"{_scheme(tls is not None)}://{host}:{port}{config.path}"
        reload, has_files = reloader.reload, reloader.has_any
        yield RunningServer(url, streams, endpoint, pump, refusals, reload, has_files, operation.drain, endpoint.abort)
    finally:
        operation.close()
        for each in listening:
            each.close()
        await ingest.shut_down()
        for stream in streams.values():
            stream.shut_down(CloseCode(config.operation.drain_code))
        # Before the clean-up, in which aiohttp ignores whatever clients still say, their closing handshake included.
        await endpoint.wait_until_empty()
        await runner.cleanup()
        pump.cancel()
        await asyncio.wait({pump})
        if not pump.cancelled():
            pump.result()


def _scheme(is_secure: bool) -> str:
    return "wss" if is_secure else "ws"
