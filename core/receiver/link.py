"""One WebSocket connection from handshake to close, turned into events."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from core.receiver.options import ListenOptions
from core.wire.control import SUBPROTOCOL, ControlMessage, pack_control
from core.wire.detect import DetectingDialect
from core.wire.dialect import WireEvent
from core.wire.opus_rtp import OpusRtpDialect

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 0.5
"""A window that closes does not wait longer for the other side's close frame."""

PING_INTERVAL_S: Final = 2.0
DEAD_AFTER_S: Final = 15.0
"""A path on which nothing comes for so long, audio or answer, is taken for dead, and connected anew.

Audio counts: a server that only sends and never reads answers no ping, as the strategy document's does.
"""

_MESSAGES_AHEAD: Final = 1_024
"""A full queue pauses reading, which would look like network jitter; servers may send seconds ahead."""

_FIRST_TIME_REQUESTS: Final = 4
_FIRST_TIME_INTERVAL_S: Final = 0.05
_TIME_INTERVAL_S: Final = 1.0


class SilentPathError(ConnectionError):
    """Nothing has come for `DEAD_AFTER_S`: no message, and no answer to a ping."""

    def __init__(self, heard_ns: int) -> None:
        """``heard_ns`` is when something came last, in monotonic nanoseconds."""
        super().__init__()
        self.heard_ns = heard_ns


class LabDisconnectError(ConnectionError):
    """The network lab broke the connection off."""


class Link:
    """An open connection; `open_link` makes it."""

    def __init__(self, socket: ClientConnection, dialect: DetectingDialect, clock_ns: Callable[[], int]) -> None:
        """Wrap an open socket."""
        self._socket = socket
        self._clock_ns = clock_ns
        self._heard_ns = clock_ns()
        self._is_broken_off = False
        self.dialect = dialect
        self.lab_delay_ms = 0.0
        """What the network lab adds to each way at least."""

    @property
    def subprotocol(self) -> str | None:
        """The one that the server agreed to."""
        return self._socket.subprotocol

    async def messages(self) -> AsyncIterator[tuple[bytes | str, int]]:
        """Every message with the monotonic nanoseconds at which it was read; `receive` makes events of it.

        Raises:
            ConnectionClosed: in the end, after all that came before; it says how.
            LabDisconnectError: in the end, after `break_off`.
        """
        while not self._is_broken_off:
            try:
                message = await self._socket.recv()
            except ConnectionClosed:
                if self._is_broken_off:
                    break
                raise
            self._heard_ns = self._clock_ns()
            yield message, self._heard_ns
        raise LabDisconnectError

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """The events of the next message, which arrived at ``arrival_ns`` as far as all after this is concerned."""
        return self.dialect.receive(message, arrival_ns)

    def break_off(self) -> None:
        """Close abruptly, as a network that breaks down does: without a goodbye."""
        self._is_broken_off = True
        self._socket.transport.abort()

    async def send(self, message: ControlMessage) -> None:
        """Send one control message."""
        await self._socket.send(pack_control(message))

    async def keep_time(self) -> None:
        """Compare clocks with the server, quickly at first, for as long as the connection is open."""
        for rounds in itertools.count():
            chosen = self.dialect.chosen
            if isinstance(chosen, OpusRtpDialect) and chosen.has_control:
                # It counts as sent a lab's delay ago, as if it had been delayed like the answer will be: a delay on one
                # way only would be taken for a difference between the clocks.
                sent_ns = self._clock_ns() - round(self.lab_delay_ms * 1e6)
                await self._socket.send(chosen.time_request(sent_ns))
            await asyncio.sleep(_FIRST_TIME_INTERVAL_S if rounds < _FIRST_TIME_REQUESTS else _TIME_INTERVAL_S)

    async def keep_alive(self) -> None:
        """Ping, one at a time, for as long as the connection is open.

        Raises:
            SilentPathError: nothing came any more.
        """
        answer = asyncio.ensure_future(await self._socket.ping())
        while True:
            await asyncio.sleep(PING_INTERVAL_S)
            if answer.done():
                self._heard_ns = self._clock_ns()
                answer = asyncio.ensure_future(await self._socket.ping())
            elif self._clock_ns() - self._heard_ns > DEAD_AFTER_S * 1e9:
                raise SilentPathError(self._heard_ns)

    @property
    def round_trip_ms(self) -> float | None:
        """By the control messages where there are any, else by the last ping; ``None`` before the first answer."""
        chosen = self.dialect.chosen
        if isinstance(chosen, OpusRtpDialect) and chosen.clock.round_trip_ms is not None:
            return chosen.clock.round_trip_ms
        # The lab does not see pings.
        return self._socket.latency * 1000 + 2 * self.lab_delay_ms if self._socket.latency else None


@asynccontextmanager
async def open_link(options: ListenOptions, clock_ns: Callable[[], int] = time.monotonic_ns) -> AsyncIterator[Link]:
    """Connect as ``options`` say; the connection is closed on the way out.

    Raises:
        OSError, TimeoutError, InvalidHandshake: as `core.receiver.failures` explains them.
    """
    is_local = urlsplit(options.url).hostname in ("127.0.0.1", "localhost", "::1")
    async with _Connect(
        _address(options),
        subprotocols=None if options.dialect == "bare" else [Subprotocol(SUBPROTOCOL)],
        additional_headers=_headers(options),
        ssl=_tls(options),
        proxy=None if is_local else True,
        compression=None,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=None,
        max_queue=_MESSAGES_AHEAD,
    ) as socket:
        yield Link(socket, DetectingDialect(socket.subprotocol, options.dialect), clock_ns)


class _Connect(connect):
    """`connect`, but what is meant for one server is not sent to another one that it redirects to."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Drop all headers of ours where the redirect leads elsewhere; websockets itself drops only known ones."""
        target = super().process_redirect(exc)
        if isinstance(target, str) and _origin(target) != _origin(self.uri):
            self.additional_headers = None
        return target


def _origin(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port (RFC 6454 §4)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "wss" else 80)


def _headers(options: ListenOptions) -> list[tuple[str, str]] | None:
    authorization = [("Authorization", f"Bearer {options.token}")] if options.token else []
    return [*authorization, *options.headers] or None


def _address(options: ListenOptions) -> str:
    """The URL, with the frame size in its query where control messages cannot carry it."""
    if options.frame_ms is None or options.dialect != "bare":
        return options.url
    parts = urlsplit(options.url)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "frame_ms"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("frame_ms", f"{options.frame_ms:g}")])))


def _tls(options: ListenOptions) -> ssl.SSLContext | None:
    if urlsplit(options.url).scheme != "wss":
        return None
    context = ssl.create_default_context(cafile=str(options.ca_file) if options.ca_file else None)
    if options.accepts_any_certificate:
        # In this order: a context that checks names refuses to do without certificates.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
