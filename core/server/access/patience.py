"""Connections on which no request comes in time: aiohttp cuts them, and here they are counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web

from core.server.access.refusals import Reason, Refusals
from core.server.operation.logs import log_event

logger = logging.getLogger(__name__)

_EARLY_S: Final = 0.05
"""By so much a timer may fire before what the loop's clock says, as asyncio rounds to its resolution."""


class PatientHandler(web.RequestHandler):
    """One connection's HTTP. Counts itself as refused if it had to be cut before it asked for anything."""

    __slots__ = ("_came_s", "_header_timeout_s", "_peer", "_refusals", "has_asked", "watch")

    def __init__(
        self,
        server: web.Server,
        refusals: Refusals,
        header_timeout_s: float,
        http_logger: logging.Logger,
    ) -> None:
        """Nobody has connected. After ``header_timeout_s`` seconds without a request it is cut."""
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # `AppRunner` documents None
            logger=http_logger,
            # From the first byte on: aiohttp counts a connection without a complete request as an idle one.
            keepalive_timeout=header_timeout_s,
            # Nor does anybody stay longer whose body nobody wants: aiohttp would read it for ten seconds.
            lingering_time=header_timeout_s,
        )
        self._refusals = refusals
        self._header_timeout_s = header_timeout_s
        self._came_s = 0.0
        self._peer: str | None = None
        self.watch: Callable[[int], bool] | None = None
        """Told how many bytes come, before anything is made of them; it says whether to."""
        self.has_asked = False
        """Whether a complete request has come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """After the TLS handshake, where there is one."""
        super().connection_made(transport)
        self._came_s = asyncio.get_running_loop().time()
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else None

    def data_received(self, data: bytes) -> None:
        """Whatever came: parts of requests, frames of WebSockets, also those that make no message."""
        if self.watch is None or self.watch(len(data)):
            super().data_received(data)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Also for requests that never become any."""
        if isinstance(resp, web.StreamResponse):
            sign(resp)
        return await super().finish_response(request, resp, start_time)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Whoever was still there at the end of its time did not leave by itself."""
        stayed_s = asyncio.get_running_loop().time() - self._came_s
        super().connection_lost(exc)
        if not self.has_asked and stayed_s >= self._header_timeout_s - _EARLY_S:
            self._refusals.count(Reason.HEADER_TIMEOUT)
            why = f"no complete request within {self._header_timeout_s:g} s"
            log_event(logger, logging.INFO, "refused", peer=self._peer, why=why)


def patient(
    server: web.Server, refusals: Refusals, header_timeout_s: float, http_logger: logging.Logger
) -> Callable[[], PatientHandler]:
    """What makes the protocol of each connection, for `asyncio.loop.create_server`."""
    return lambda: PatientHandler(server, refusals, header_timeout_s, http_logger)


def watch_bytes(request: web.Request, watch: Callable[[int], bool] | None) -> None:
    """From now on ``watch`` is told how many bytes come on this connection, and says whether to look at them."""
    if isinstance(request.protocol, PatientHandler):
        request.protocol.watch = watch


def sign(response: web.StreamResponse) -> None:
    """Say who answers, and nothing of versions that tell an attacker what to try."""
    response.headers.setdefault("Server", "opuscope")


def note_request(request: web.Request) -> None:
    """A complete request has come on this connection."""
    if isinstance(request.protocol, PatientHandler):
        request.protocol.has_asked = True
