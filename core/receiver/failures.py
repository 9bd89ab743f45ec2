"""Why a connection failed, in one line with what to do, and whether trying again makes sense."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
)

from core.analysis.observation import Closed
from core.receiver.link import DEAD_AFTER_S, LabDisconnectError, SilentPathError
from core.wire.attempts import redact

CONNECT_ERRORS: Final = (OSError, TimeoutError, InvalidHandshake, InvalidURI, InvalidProxy, ConnectionClosed)
"""What opening or reading a WebSocket raises; anything else is a fault of ours and is not caught."""

_RETRY_LATER: Final = {1001: "the server is going away", 1012: "the server restarts", 1013: "the server is overloaded"}
_REFUSED: Final = {1008: "the server refused this listener"}


@dataclass(frozen=True, slots=True)
class Failure:
    """One line for people, and what follows from it."""

    reason: str
    is_retryable: bool
    retry_after_s: float | None = None
    is_end: bool = False
    """The stream is over; nothing failed."""
    since_ns: int | None = None
    """When it failed, monotonic, where that was longer ago than it was noticed."""


def explain(error: BaseException, url: str) -> Failure:
    """What one of `CONNECT_ERRORS`, or a group of them, means for a listener of ``url``."""
    while isinstance(error, BaseExceptionGroup):
        # The tasks of one connection all fail for the same reason.
        error = error.exceptions[0]
    where = redact(url)
    match error:
        case ConnectionClosed():
            return _closed(error, where)
        case InvalidStatus():
            return _status(error, where)
        case InvalidMessage():
            return Failure(
                f"{where} answered, but not as a WebSocket server does; check address and port",
                is_retryable=isinstance(error.__cause__, EOFError | ConnectionError),
            )
        case NegotiationError():
            return Failure(f"{where} agreed to a subprotocol that was not offered: {error}", is_retryable=False)
        case InvalidHandshake() | InvalidURI():
            # The error's own words may hold the whole address, and with it a token.
            kind = type(error).__name__
            return Failure(f"{where} is not a WebSocket server ({kind}); check address and port", is_retryable=False)
        case InvalidProxy():
            return Failure(
                f"the proxy for {where} that the environment names cannot be used; unset it or correct it", False
            )
        case _:
            return _network(error, where)


def ending_of(error: BaseException, at_ns: int) -> Closed:
    """How an open connection came to its end by one of `CONNECT_ERRORS`, or a group of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    close = error.rcvd if isinstance(error, ConnectionClosed) else None
    by_observer = isinstance(error, LabDisconnectError)
    return Closed(at_ns, None, by_observer=by_observer) if close is None else Closed(at_ns, close.code, close.reason)


def _network(error: BaseException, where: str) -> Failure:
    match error:
        case ssl.SSLCertVerificationError():
            return Failure(
                f"the certificate of {where} is not trusted ({error.verify_message});"
                " name the authority that signed it (--ca-file, or Ctrl+K in the window)",
                is_retryable=False,
            )
        case ssl.SSLError():
            return Failure(
                f"{where} does not speak TLS as expected ({error.reason or error}); is it ws:// rather than wss://?",
                is_retryable=False,
            )
        case socket.gaierror():
            return Failure(f"the host of {where} is not known ({error.strerror}); check the name", is_retryable=True)
        case SilentPathError():
            return Failure(
                f"nothing came from {where} for {DEAD_AFTER_S:g} s, not even the answer to a ping",
                is_retryable=True,
                since_ns=error.heard_ns,
            )
        case LabDisconnectError():
            return Failure(f"the network lab broke off the connection to {where}", is_retryable=True)
        case ConnectionRefusedError():
            return Failure(f"nothing listens at {where}; is the server running, on this port?", is_retryable=True)
        case TimeoutError():
            return Failure(f"{where} did not answer in time; check the address, or a firewall", is_retryable=True)
        case OSError() if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return Failure(f"{where} cannot be reached from here ({error.strerror}); check the network", True)
        case OSError() if getattr(error, "exceptions", None) or "Multiple exceptions" in str(error):
            return Failure(f"nothing listens at {where} on any of its addresses; is the server running?", True)
        case _:
            return Failure(f"the connection to {where} failed: {error or type(error).__name__}", is_retryable=True)


def _status(error: InvalidStatus, where: str) -> Failure:
    status = error.response.status_code
    match status:
        case 401 | 403:
            said = _said(error)
            return Failure(f"{where} refused access (HTTP {status}{said}){_advice(status, said)}", is_retryable=False)
        case 404:
            return Failure(f"{where}: no stream at this path (HTTP 404); check the path", is_retryable=False)
        case 429 | 503:
            wait_s = _retry_after_s(error.response.headers.get("Retry-After"))
            return Failure(f"{where} is busy (HTTP {status}{_said(error)})", is_retryable=True, retry_after_s=wait_s)
        case _ if 200 <= status < 400:
            return Failure(f"{where} is a web page, not a WebSocket (HTTP {status}); check path and port", False)
    said = _said(error) or f": {_phrase(status)}"
    return Failure(f"{where} refused the connection (HTTP {status}{said})", is_retryable=status >= 500)


def _advice(status: int, said: str) -> str:
    """What to do about a refusal that does not say so itself: behind its semicolon, as ours do."""
    if ";" in said:
        return ""
    if status == 401 or "token" in said.casefold():
        return "; check the token"
    return "" if said else "; ask whoever runs it for the right to listen"


def _said(error: InvalidStatus) -> str:
    """The first line of an answer in plain text, with a colon before it; others are pages, meant for browsers."""
    kind = error.response.headers.get("Content-Type", "text/plain").partition(";")[0]
    lines = (error.response.body or b"").decode(errors="replace").splitlines()
    if kind.strip().casefold() != "text/plain" or not lines:
        return ""
    line = "".join(letter if letter.isprintable() else " " for letter in lines[0][:200]).strip()
    return f": {line}" if line else ""


def _phrase(status: int) -> str:
    return next((known.phrase for known in HTTPStatus if known == status), "unknown status")


def _retry_after_s(value: str | None) -> float | None:
    """Seconds from now (RFC 9110 §10.2.3); ``None`` if there is no such header, or nothing that can be read in it."""
    if value is None:
        return None
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        # The format names no other zone than GMT, but an unknown one is read as none.
        utc = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0.0, (utc - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def _closed(error: ConnectionClosed, where: str) -> Failure:
    close = error.rcvd
    if close is None:
        return Failure(f"the connection to {where} broke off", is_retryable=True)
    said = f": {close.reason}" if close.reason else ""
    if close.code == 1000:
        return Failure(f"the stream of {where} is over{said}", is_retryable=False, is_end=True)
    if close.code in _RETRY_LATER:
        return Failure(f"{_RETRY_LATER[close.code]} ({where}{said})", is_retryable=True)
    if close.code in _REFUSED or 4400 <= close.code < 4500:
        return Failure(f"the server refused this listener ({where}, close code {close.code}{said})", is_retryable=False)
    return Failure(f"{where} closed the connection (code {close.code}{said})", is_retryable=True)
