"""The server as a whole: HTTP in front, one stream behind."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from core.audio.sources import PcmSource, open_source
from core.server.clock import ServerClock
from core.server.config import QueryError, ServerConfig, settings_from_query, wants_rtp
from core.server.listener import Listener, ListenerCounters
from core.server.stream import Stream
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
    """A server that listens. ``url`` holds the real port."""

    url: str
    stream: Stream
    counters: ListenerCounters
    pump: asyncio.Task[None]
    """Ends only if something is wrong in this program; the context raises that when it is left."""


class Endpoint:
    """Turns requests into listeners."""

    def __init__(self, config: ServerConfig, stream: Stream, counters: ListenerCounters) -> None:
        self._config = config
        self._stream = stream
        self._counters = counters
        self._listeners = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    async def wait_until_empty(self) -> None:
        """Return when no listener is left, or after `SHUTDOWN_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT_S):
                await self._is_empty.wait()
        except TimeoutError:
            logger.warning("%d listeners did not leave in time", self._listeners)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One client, from its request to the end of its connection."""
        if request.headers.get("Upgrade", "").strip().lower() != "websocket":
            return web.Response(
                status=426,
                headers={"Upgrade": "websocket"},
                text=f"This is live Opus audio over WebSocket: open ws://{request.host}{request.path} instead.\n",
            )
        offered = SUBPROTOCOL in _offered_protocols(request)
        try:
            is_rtp = wants_rtp(request.query, offered)
            settings = settings_from_query(request.query, self._config.settings)
        except QueryError as error:
            return web.Response(status=400, text=f"{error}\n")
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S,
            heartbeat=HEARTBEAT_S,
            protocols=(SUBPROTOCOL,) if is_rtp else (),
            compress=False,
            max_msg_size=MAX_MESSAGE_BYTES,
        )
        listener = Listener(
            self._stream,
            socket,
            self._counters,
            is_rtp=is_rtp,
            queue_ms=self._config.queue_ms,
            stuck_s=self._config.stuck_s,
        )
        self._listeners += 1
        self._is_empty.clear()
        try:
            await listener.run(request, settings)
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._is_empty.set()
        return socket


def build_app(config: ServerConfig, endpoint: Endpoint) -> web.Application:
    """The web application: the stream at ``config.path``, 404 elsewhere."""
    app = web.Application()
    app.router.add_get(config.path, endpoint.handle, allow_head=False)
    return app


@asynccontextmanager
async def serving(
    config: ServerConfig, source: Callable[[], PcmSource] | None = None, clock: ServerClock | None = None
) -> AsyncIterator[RunningServer]:
    """A server that listens while the context is open, and says goodbye to its listeners at the end.

    ``source`` opens the PCM source in place of ``config.source``; ``clock`` is for tests in virtual time.

    Raises:
        OSError: the address cannot be bound.
        UnicodeError: ``config.host`` can be no host name (the IDNA codec refuses it).
    """
    settings = config.settings
    source = source or functools.partial(
        open_source, config.source, settings.sample_rate, settings.channels, config.loop
    )
    stream = Stream(source, settings, clock)
    counters = ListenerCounters()
    endpoint = Endpoint(config, stream, counters)
    runner = web.AppRunner(
        build_app(config, endpoint),
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
    pump = asyncio.create_task(stream.run())
    try:
        yield RunningServer(f"ws://{host}:{port}{config.path}", stream, counters, pump)
    finally:
        await site.stop()
        stream.shut_down()
        # Before the clean-up, in which aiohttp ignores whatever clients still say, their closing handshake included.
        await endpoint.wait_until_empty()
        await runner.cleanup()
        pump.cancel()
        await asyncio.wait({pump})
        if not pump.cancelled():
            pump.result()


def _offered_protocols(request: web.Request) -> list[str]:
    offers = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
    return [offer.strip() for offer in offers.split(",")]
