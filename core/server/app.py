"""The server as a whole: HTTP in front, streams behind."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from core.audio.sources import PcmSource, open_source
from core.opus.encoder import EncoderSettings
from core.server.clock import ServerClock
from core.server.config import QueryError, ServerConfig, StreamConfig, settings_from_query, wants_rtp
from core.server.gate import Gate, OpenGate, RefusedError
from core.server.listener import Listener, ListenerCounters
from core.server.operation.figures import StreamFigures, figures_of
from core.server.operation.front import Operation
from core.server.stream import CloseCode, Stream
from core.wire.control import SUBPROTOCOL

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 16 * 1024
"""Of what a client sends. Its `stats` take some hundred bytes."""

HEARTBEAT_S: Final = 20.0
"""A connection without a sign of life for this long is pinged, and given up after half of it again."""

CLOSE_TIMEOUT_S: Final = 1.0
SHUTDOWN_TIMEOUT_S: Final = 1.8
"""Listeners close within `core.server.listener.DRAIN_LIMIT_S`; the command promises two seconds."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that listens. ``url`` is that of the first stream, and holds the real port."""

    url: str
    streams: Mapping[str, Stream]
    """By name, in the order of the configuration."""
    endpoint: Endpoint
    pump: asyncio.Task[None]
    """Ends only if something is wrong in this program; the context raises that when it is left."""
    drain: Callable[[], Coroutine[None, None, None]]
    """Let nobody in from now on; returns when the context is to be left."""
    abort: Callable[[], None]
    """Cut all connections: leaving the context then takes no time."""

    @property
    def counters(self) -> ListenerCounters:
        """Of all listeners that have gone."""
        return self.endpoint.counters

    @property
    def stream(self) -> Stream:
        """The first one."""
        return next(iter(self.streams.values()))


class Endpoint:
    """Turns requests into listeners."""

    def __init__(self, config: ServerConfig, streams: Mapping[str, Stream], gate: Gate) -> None:
        """``streams`` are those of the configuration, by name."""
        self._config = config
        self._streams = streams
        self._gate = gate
        self._counters = {name: ListenerCounters() for name in streams}
        self._present: dict[str, set[Listener]] = {name: set() for name in streams}
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
            yield figures_of(name, stream, self._counters[name], list(self._present[name]))

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
            logger.warning("%d listeners did not leave in time", self._listeners)

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """One client of a stream, from its request to the end of its connection."""
        name = request.match_info.get("name", self._config.streams[0].name)
        stream = self._streams.get(name)
        if stream is None:
            return web.Response(status=404, text=f"There is no stream {name[:80]!r} here; /streams lists them.\n")
        if request.headers.get("Upgrade", "").strip().lower() != "websocket":
            return web.Response(
                status=426,
                headers={"Upgrade": "websocket"},
                text=f"This is live Opus audio over WebSocket: open ws://{request.host}{request.path} instead.\n",
            )
        offered = SUBPROTOCOL in _offered_protocols(request)
        try:
            is_rtp = wants_rtp(request.query, offered)
            settings = settings_from_query(request.query, stream.settings)
        except QueryError as error:
            return web.Response(status=400, text=f"{error}\n")
        try:
            grant = self._gate.admit(request, name)
        except RefusedError as refusal:
            return _refused(refusal)
        self._listeners += 1
        self._is_empty.clear()
        try:
            return await self._serve(request, stream, settings, is_rtp=is_rtp)
        finally:
            self._gate.leave(grant)
            self._listeners -= 1
            if not self._listeners:
                self._is_empty.set()

    async def list_streams(self, request: web.Request) -> web.Response:
        """What there is to hear, as JSON."""
        streams = [
            {
                "name": name,
                "path": f"/streams/{name}",
                "sample_rate": stream.settings.sample_rate,
                "channels": stream.settings.channels,
                "frame_ms": stream.settings.frame_ms,
                "listeners": stream.listener_count,
            }
            for name, stream in self._streams.items()
        ]
        return web.json_response({"streams": streams})

    async def _serve(
        self, request: web.Request, stream: Stream, settings: EncoderSettings, *, is_rtp: bool
    ) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S,
            heartbeat=HEARTBEAT_S,
            protocols=(SUBPROTOCOL,) if is_rtp else (),
            compress=False,
            max_msg_size=MAX_MESSAGE_BYTES,
        )
        listener = Listener(
            stream,
            socket,
            self._counters[stream.name],
            is_rtp=is_rtp,
            queue_ms=self._config.queue_ms,
            stuck_s=self._config.stuck_s,
            adaptation=self._config.adaptation,
        )
        present = self._present[stream.name]
        present.add(listener)
        try:
            await listener.run(request, settings)
        finally:
            present.discard(listener)
        return socket


def build_app(config: ServerConfig, endpoint: Endpoint, operation: Operation) -> web.Application:
    """The web application: the first stream at ``config.path``, each below ``/streams``, 404 elsewhere."""
    app = web.Application(middlewares=[operation.middleware])
    operation.add_routes(app)
    app.router.add_get(config.path, endpoint.listen, allow_head=False)
    app.router.add_get("/streams", endpoint.list_streams)
    app.router.add_get("/streams/{name}", endpoint.listen, allow_head=False)
    return app


OpenStream = Callable[[StreamConfig], PcmSource]
"""Opens a stream's source; blocks."""


def open_configured(stream: StreamConfig) -> PcmSource:
    """The source that the configuration names.

    Raises:
        SourceError: it cannot be opened.
    """
    settings = stream.settings
    return open_source(stream.source, settings.sample_rate, settings.channels, stream.loop)


@asynccontextmanager
async def serving(
    config: ServerConfig,
    source: Callable[[], PcmSource] | None = None,
    clock: ServerClock | None = None,
    gate: Gate | None = None,
) -> AsyncIterator[RunningServer]:
    """A server that listens while the context is open, and says goodbye to its listeners at the end.

    ``source`` opens the PCM source in place of those configured; ``clock`` is for tests in virtual time; without a
    ``gate`` everybody may listen.

    Raises:
        OSError: the address cannot be bound.
        UnicodeError: ``config.host`` can be no host name (the IDNA codec refuses it).
    """
    streams = {
        each.name: Stream(source or functools.partial(open_configured, each), each.settings, clock, each.name)
        for each in config.streams
    }
    endpoint = Endpoint(config, streams, gate or OpenGate())
    operation = Operation(config.operation, endpoint.figures)
    runner = web.AppRunner(
        build_app(config, endpoint, operation),
        handle_signals=False,
        access_log=None,
        handler_cancellation=True,
        # By then the listeners are gone.
        shutdown_timeout=0.1,
    )
    await runner.setup()
    site = web.TCPSite(runner, config.host, config.port)
    try:
        await site.start()
    except (OSError, UnicodeError):
        await runner.cleanup()
        raise
    port = runner.addresses[0][1]
    host = f"[{config.host}]" if ":" in config.host else config.host
    pump = asyncio.create_task(_run(streams.values()))
    operation.started(pump)
    try:
        yield RunningServer(
            f"ws://{host}:{port}{config.path}", streams, endpoint, pump, operation.drain, endpoint.abort
        )
    finally:
        operation.close()
        await site.stop()
        for stream in streams.values():
            stream.shut_down(CloseCode(config.operation.drain_code))
        # Before the clean-up, in which aiohttp ignores whatever clients still say, their closing handshake included.
        await endpoint.wait_until_empty()
        await runner.cleanup()
        pump.cancel()
        await asyncio.wait({pump})
        if not pump.cancelled():
            pump.result()


async def _run(streams: Iterable[Stream]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for stream in streams:
            tasks.create_task(stream.run())


def _refused(refusal: RefusedError) -> web.Response:
    headers = dict(refusal.headers)
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    return web.Response(status=refusal.status, headers=headers, text=f"{refusal.reason}\n")


def _offered_protocols(request: web.Request) -> list[str]:
    offers = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
    return [offer.strip() for offer in offers.split(",")]
