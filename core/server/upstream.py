"""A connection of ours to another server, whose packets a relay passes on."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from core.server.loops import HEADER
from core.wire.attempts import redact
from core.wire.control import SUBPROTOCOL, Bye
from core.wire.detect import DetectingDialect
from core.wire.dialect import WireEvent
from core.wire.opus_rtp import OpusRtpDialect

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 0.5
"""A relay that stops has two seconds for everything."""

PING_INTERVAL_S: Final = 2.0
DEAD_AFTER_S: Final = 15.0
"""Without anything for so long, audio or answer, a path is taken for dead; as the client does."""

MAX_MESSAGE_BYTES: Final = 64 * 1024
"""RFC 6716 §3.2.5: the longest Opus packet there is has some 61 kB."""

_FIRST_TIME_REQUESTS: Final = 4
_FIRST_TIME_INTERVAL_S: Final = 0.05
_TIME_INTERVAL_S: Final = 1.0

_SAID_CHARACTERS: Final = 200
"""Of another server's words; a line of its log would be longer than ours."""

_ERRORS: Final = (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where packets come from, and what is needed to get them."""

    url: str
    token: str | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what is no address.

        Raises:
            ValueError: the message is one line that says what would be accepted.
        """
        try:
            parts = urlsplit(self.url)
            is_fine = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_fine = False
        if not is_fine or not self.url.isprintable() or " " in self.url:
            raise ValueError(
                f"{self.url[:80]!r} cannot be relayed; accepted: relay:ws://HOST:PORT/PATH or relay:wss://..."
            )

    @property
    def shown(self) -> str:
        """The address without secrets."""
        return redact(self.url)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended, and what follows."""

    reason: str
    retry_after_s: float | None = None
    is_end: bool = False
    """The stream is over; there is nothing to come back for."""
    is_fatal: bool = False
    """Trying again would be answered alike."""
    is_hopeless: bool = False
    """Nor need those come back who listen here."""


class _SilentPathError(ConnectionError):
    """Nothing has come for `DEAD_AFTER_S`."""


async def listen(
    upstream: Upstream, take: Callable[[WireEvent], None], now_ns: Callable[[], int], via: tuple[str, ...] = ()
) -> Ending:
    """Hand all events of one connection to ``take``; returns when it has ended, however it did.

    ``via`` are the relays that ask, as of `core.server.loops.chain`.
    """
    bye: Bye | None = None
    ending = Ending(f"{upstream.shown} has ended the connection")

    def note(event: WireEvent) -> None:
        nonlocal bye
        if isinstance(event, Bye):
            bye = event
        take(event)

    try:
        async with _connection(upstream, via) as connection:
            try:
                await _hear(_Link(connection, now_ns), note)
            except asyncio.CancelledError:
                # Leaving is no error; by itself the library would tell upstream that it is one (1011).
                await connection.close()
                raise
    except* _ERRORS as group:
        ending = _explain(group, upstream.shown)
    if bye is None:
        return ending
    # The goodbye says why, and when to come back; whether at all, the code with which the connection was closed.
    retry_after_s = None if bye.retry_after_ms is None else bye.retry_after_ms / 1000
    return replace(
        ending,
        reason=f"{upstream.shown}: {_plain(bye.reason)}",
        retry_after_s=retry_after_s,
        is_end=ending.is_end and retry_after_s is None,
        is_hopeless=ending.is_fatal and retry_after_s is None,
    )


async def _hear(link: _Link, take: Callable[[WireEvent], None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(link.keep_time())
        tasks.create_task(link.keep_alive())
        await link.receive(take)


class _Connect(connect):
    """`connect`, but it follows no redirect: a token is for the server that it was given for."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The redirect as the error that it is here."""
        return exc


def _connection(upstream: Upstream, via: tuple[str, ...]) -> connect:
    headers = [(HEADER, ", ".join(via))] if via else []
    if upstream.token:
        headers.append(("Authorization", f"Bearer {upstream.token}"))
    parts = urlsplit(upstream.url)
    context = None
    if parts.scheme == "wss":
        context = ssl.create_default_context(cafile=str(upstream.ca_file) if upstream.ca_file else None)
    return _Connect(
        upstream.url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers=headers,
        ssl=context,
        proxy=None if parts.hostname in ("127.0.0.1", "localhost", "::1") else True,
        compression=None,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=None,
        max_size=MAX_MESSAGE_BYTES,
    )


class _Link:
    """An open connection."""

    def __init__(self, socket: ClientConnection, now_ns: Callable[[], int]) -> None:
        self._socket = socket
        self._now_ns = now_ns
        self._heard_ns = now_ns()
        self._dialect = DetectingDialect(socket.subprotocol)

    async def receive(self, take: Callable[[WireEvent], None]) -> None:
        """Until the connection closes, which `ConnectionClosed` tells."""
        while True:
            message = await self._socket.recv()
            self._heard_ns = self._now_ns()
            for event in self._dialect.receive(message, self._heard_ns):
                take(event)

    async def keep_time(self) -> None:
        """Compare clocks, so that capture times can be passed on."""
        for rounds in itertools.count():
            chosen = self._dialect.chosen
            if isinstance(chosen, OpusRtpDialect) and chosen.has_control:
                await self._socket.send(chosen.time_request(self._now_ns()))
            await asyncio.sleep(_FIRST_TIME_INTERVAL_S if rounds < _FIRST_TIME_REQUESTS else _TIME_INTERVAL_S)

    async def keep_alive(self) -> None:
        """Ping, one at a time; audio counts as a sign of life, too, since some servers answer no ping."""
        answer = asyncio.ensure_future(await self._socket.ping())
        while True:
            await asyncio.sleep(PING_INTERVAL_S)
            if answer.done():
                self._heard_ns = self._now_ns()
                answer = asyncio.ensure_future(await self._socket.ping())
            elif self._now_ns() - self._heard_ns > DEAD_AFTER_S * 1e9:
                raise _SilentPathError


def _explain(error: BaseException, where: str) -> Ending:
    while isinstance(error, BaseExceptionGroup):
        # The tasks of one connection all fail for the same reason.
        error = error.exceptions[0]
    match error:
        case ConnectionClosed():
            return _closed(error, where)
        case InvalidStatus():
            return _status(error, where)
        case InvalidMessage():
            return Ending(f"{where} answered, but not as a WebSocket server does")
        case InvalidHandshake() | InvalidURI():
            # The error's own words may hold the whole address.
            return Ending(
                f"{where} is not a WebSocket server ({type(error).__name__}); check the relay's address", None
            )
        case ssl.SSLCertVerificationError():
            told = f"the certificate of {where} is not trusted ({error.verify_message}); name its upstream_ca_file"
            return Ending(told, is_fatal=True)
        case ssl.SSLError():
            return Ending(f"{where} does not speak TLS as expected; is it ws:// rather than wss://?")
        case socket.gaierror():
            return Ending(f"the host of {where} is not known; check the relay's address")
        case _SilentPathError():
            return Ending(f"nothing came from {where} for {DEAD_AFTER_S:g} s")
        case TimeoutError():
            return Ending(f"{where} did not answer in time")
        case ConnectionRefusedError():
            return Ending(f"nothing listens at {where}")
        case _:
            return Ending(f"the connection to {where} failed ({getattr(error, 'strerror', None) or error})")


def _status(error: InvalidStatus, where: str) -> Ending:
    status = error.response.status_code
    lines = (error.response.body or b"").decode(errors="replace").splitlines()
    said = _plain(lines[0]) if lines else ""
    told = f"{where} refused the relay (HTTP {status}{': ' if said else ''}{said})"
    if status == HTTPStatus.LOOP_DETECTED:
        # Short, as each relay of the loop puts its upstream's address before it, and a close code's reason is short.
        return Ending(f"a loop of relays: {where} is relayed from itself", is_fatal=True, is_hopeless=True)
    if status == 429 or status >= 500:
        asked = error.response.headers.get("Retry-After", "")
        return Ending(told, retry_after_s=float(asked) if asked.isdecimal() and len(asked) < 10 else None)
    return Ending(told, is_fatal=True)


def _closed(error: ConnectionClosed, where: str) -> Ending:
    close = error.rcvd
    if close is None:
        return Ending(f"the connection to {where} broke off")
    said = _plain(close.reason)
    told = f"{where} closed the connection (code {close.code}{': ' if said else ''}{said})"
    # RFC 6455 §7.4.1: 1000 is an end as intended, 1008 a refusal; 4400 to 4499 are refusals by custom.
    return Ending(told, is_end=close.code == 1000, is_fatal=close.code == 1008 or 4400 <= close.code < 4500)


def _plain(text: str) -> str:
    """Another server's words, fit to be passed on in one line."""
    return "".join(letter for letter in text[:_SAID_CHARACTERS] if letter.isprintable())
