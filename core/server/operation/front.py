"""What is asked of the server about itself, over HTTP; and nobody is let in once it has been told to end."""

from __future__ import annotations

import asyncio
import enum
import importlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from core.server.access.addresses import is_forwarded
from core.server.access.patience import note_request
from core.server.access.refusals import Reason, Refusals
from core.server.gate import CLIENT, SUBJECT
from core.server.operation.figures import StreamFigures
from core.server.operation.logs import log_event
from core.server.operation.settings import PATHS, OperationSettings

if TYPE_CHECKING:
    from core.server.operation.metrics import Metrics

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_WHILE_DRAINING_S: Final = 1
"""Of Retry-After: behind a balancer the next attempt meets another server."""

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format, as prometheus_client's `generate_latest` writes it."""


_QUOTED: Final = re.compile(r"""(?<!\w)'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
"""As `repr` writes a text, whatever it holds."""

_WHY_CHARACTERS: Final = 200


class Phase(enum.Enum):
    """From the start to the end, in this order."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Operation:
    """Answers for the whole server."""

    def __init__(
        self,
        settings: OperationSettings,
        streams: Callable[[], Iterable[StreamFigures]],
        refusals: Refusals,
    ) -> None:
        """``streams`` are asked at each scrape; ``refusals`` also count what is refused here."""
        self._settings = settings
        self._streams = streams
        self._refusals = refusals
        self._metrics: Metrics | None = None
        self._pump: asyncio.Task[None] | None = None
        self.phase = Phase.STARTING

    @property
    def middleware(self) -> Middleware:
        """For the application: it lets nobody in while draining, and logs and counts what is refused."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            note_request(request)
            try:
                response = self._late(request) or await handler(request)
            except web.HTTPException as answer:
                # What is asked for does not exist, or not so.
                if answer.status >= 400 and request.path not in PATHS:
                    self._log_refusal(request, answer)
                raise
            if response.status >= 400 and request.path not in PATHS:
                self._log_refusal(request, response)
            return response

        return guard

    def add_routes(self, app: web.Application) -> None:
        """Add `PATHS`."""
        for path, handler in zip(PATHS, (self.healthz, self.readyz, self.metrics), strict=True):
            app.router.add_get(path, handler)

    def started(self, pump: asyncio.Task[None]) -> None:
        """All is up; it is as long as ``pump`` runs."""
        self._pump = pump
        self.phase = Phase.READY

    async def drain(self) -> None:
        """Let nobody in from now on; return when it is time to say goodbye to those who are here."""
        log_event(logger, logging.INFO, "draining", seconds=self._settings.drain_s)
        self.close()
        await asyncio.sleep(self._settings.drain_s)

    def close(self) -> None:
        """Let nobody in from now on."""
        self.phase = Phase.DRAINING

    async def healthz(self, request: web.Request) -> web.Response:
        """200 as long as the streams are being pumped; before that, too, for it is not an error to start."""
        if self._pump is not None and self._pump.done():
            return web.Response(status=503, text="the streams have stopped by an error; start the server anew\n")
        return web.Response(text="ok\n")

    async def readyz(self, request: web.Request) -> web.Response:
        """200 while new listeners are let in."""
        is_ready = self.phase is Phase.READY and self._pump is not None and not self._pump.done()
        text = self.phase.value if self.phase is not Phase.READY or is_ready else "stopped"
        return web.Response(status=200 if is_ready else 503, text=f"{text}\n")

    async def metrics(self, request: web.Request) -> web.Response:
        """All figures in Prometheus' text format, for those who may read them."""
        peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        address = str(peer[0]) if peer else ""
        if not self._settings.may_read_metrics(address, is_forwarded=is_forwarded(request.headers)):
            return web.Response(status=403, text="metrics are not for this address; --metrics-from allows more\n")
        if self._metrics is None:
            # In a thread: what it imports would hold up the sound of everybody.
            module = await asyncio.to_thread(importlib.import_module, "core.server.operation.metrics")
            version = await asyncio.to_thread(_version)
            if self._metrics is None:
                self._metrics = module.Metrics(
                    lambda: module.ServerFigures(
                        self._streams(),
                        self._refusals.counts,
                        self.phase is Phase.READY,
                        len(asyncio.all_tasks()),
                        version,
                    )
                )
        return web.Response(body=self._metrics.text(), headers={"Content-Type": METRICS_TYPE})

    def _late(self, request: web.Request) -> web.Response | None:
        if self.phase is not Phase.DRAINING or request.path in PATHS:
            return None
        self._refusals.count(Reason.DRAINING)
        return web.Response(
            status=503,
            headers={"Retry-After": str(RETRY_WHILE_DRAINING_S)},
            text="the server is going away; try again\n",
        )

    def _log_refusal(self, request: web.Request, response: web.StreamResponse) -> None:
        log_event(
            logger,
            logging.INFO,
            "refused",
            peer=request.get(CLIENT, request.remote),
            path=request.path[:80],
            subject=request.get(SUBJECT),
            status=response.status,
            why=_why(response),
        )


def _why(response: web.StreamResponse) -> str | None:
    """The first line of an answer without what it repeats of the request: that may hold a token.

    Our answers put it in quotes, as `repr` does; an address is for who asked.
    """
    if not isinstance(response, web.Response) or not response.text:
        return None
    if response.status == HTTPStatus.UPGRADE_REQUIRED:
        return "not over WebSocket"
    return _QUOTED.sub("'...'", response.text.splitlines()[0])[:_WHY_CHARACTERS]


def _version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("opuscope")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"  # Run from a folder into which nothing was installed.
