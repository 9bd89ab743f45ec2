"""The server as a whole: HTTP in front, streams behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from core.audio.sources import PcmSource
from core.server.access.gatekeeper import Gatekeeper
from core.server.access.odd_headers import replace_odd_headers
from core.server.access.refusals import Refusals
from core.server.access.tls import TlsKeeper
from core.server.broadcast import Broadcast, CloseCode
from core.server.clock import ServerClock
from core.server.config import ServerConfig
from core.server.encoder_budget import EncoderBudget
from core.server.endpoint import Endpoint
from core.server.gate import Gate
from core.server.ingest import Ingest
from core.server.listener_counters import ListenerCounters
from core.server.listening import listen
from core.server.operation.front import Operation
from core.server.reloading import Part, Reloader
from core.server.streams import Streams
from core.server.supervision import run_all

logger = logging.getLogger(__name__)


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
