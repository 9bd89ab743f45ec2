"""What the connect card says: a shape, a word and a sentence for every state, and what can be done in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from core.receiver.status import ConnectionState, ConnectionStatus
from gui.translation import translate
from gui.view_models.text import count

_SHAPES: Final = {
    ConnectionState.DISCONNECTED: "○",
    ConnectionState.CONNECTING: "◔",
    ConnectionState.CONNECTED: "◑",
    ConnectionState.STREAMING: "●",
    ConnectionState.WAITING: "↻",
    ConnectionState.ENDED: "■",
    ConnectionState.FAILED: "✕",
}
"""A shape of its own for each state: colour alone tells nobody anything."""

_ROLES: Final = {
    ConnectionState.DISCONNECTED: "muted",
    ConnectionState.CONNECTING: "accent",
    ConnectionState.CONNECTED: "accent",
    ConnectionState.STREAMING: "good",
    ConnectionState.WAITING: "warning",
    ConnectionState.ENDED: "muted",
    ConnectionState.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """``role`` names a colour of the theme (a label's ``role`` property)."""

    shape: str
    word: str
    detail: str
    role: str
    can_try_now: bool = False
    """Whether an attempt is being waited for that could as well be made at once."""


def connection_view(status: ConnectionStatus | None, now_ns: int) -> ConnectionView:
    """Texts for ``status`` (``None``: nothing was ever asked for); ``now_ns`` is monotonic, for the countdown."""
    state = ConnectionState.DISCONNECTED if status is None else status.state
    can_try_now = state is ConnectionState.WAITING
    return ConnectionView(_SHAPES[state], _word(state), _detail(status, state, now_ns), _ROLES[state], can_try_now)


def keyring_view() -> ConnectionView:
    """Texts while a connection waits for its token, which the system's keyring has not given yet."""
    return ConnectionView(
        _SHAPES[ConnectionState.WAITING],
        _word(ConnectionState.WAITING),
        translate("Connection", "Waiting for the system keyring to be unlocked"),
        _ROLES[ConnectionState.WAITING],
    )


def seconds_until(at_ns: int | None, now_ns: int) -> int:
    """Whole seconds until a monotonic time, rounded up, at least 0."""
    return 0 if at_ns is None else max(0, math.ceil((at_ns - now_ns) / 1e9))


def _word(state: ConnectionState) -> str:
    return {
        ConnectionState.DISCONNECTED: translate("Connection", "Not connected"),
        ConnectionState.CONNECTING: translate("Connection", "Connecting …"),
        ConnectionState.CONNECTED: translate("Connection", "Connected"),
        ConnectionState.STREAMING: translate("Connection", "Streaming"),
        ConnectionState.WAITING: translate("Connection", "Waiting"),
        ConnectionState.ENDED: translate("Connection", "Ended"),
        ConnectionState.FAILED: translate("Connection", "Failed"),
    }[state]


def _detail(status: ConnectionStatus | None, state: ConnectionState, now_ns: int) -> str:
    if status is None or (state is ConnectionState.DISCONNECTED and not status.reason):
        return translate("Connection", "Enter an address and press Connect.")
    if state is ConnectionState.CONNECTING:
        return _attempt(status) if status.attempt else translate("Connection", "Opening the WebSocket.")
    if state is ConnectionState.CONNECTED:
        return translate("Connection", "Waiting for the first audio.")
    if state is ConnectionState.STREAMING:
        parts = [status.dialect or translate("Connection", "finding out how the server frames its packets")]
        if status.reconnects:
            parts.append(translate("Connection", "reconnects: {number}").format(number=count(status.reconnects)))
        return " · ".join(parts)
    if state is ConnectionState.WAITING:
        seconds = seconds_until(status.next_attempt_at_ns, now_ns)
        countdown = (
            translate("Connection", "Next attempt in {seconds} s").format(seconds=count(seconds))
            if seconds
            else translate("Connection", "Next attempt now")
        )
        return " · ".join(part for part in (countdown, _attempt(status)) if part)
    if state is ConnectionState.FAILED:
        return translate("Connection", "Trying again by itself would not help.")
    if state is ConnectionState.ENDED:
        return status.reason or translate("Connection", "The server says that the stream is over.")
    return status.reason or ""


def _attempt(status: ConnectionStatus) -> str:
    if not status.attempt:
        return ""
    return translate("Connection", "failed attempts: {number}").format(number=count(status.attempt))


@dataclass(frozen=True, slots=True)
class ConnectionProblem:
    """What the banner says about a connection. ``is_final`` where nothing more is tried."""

    text: str
    is_final: bool


def problem_of(status: ConnectionStatus | None) -> ConnectionProblem | None:
    """Why there is no stream, or ``None`` where that is no problem."""
    if status is not None and status.doubt is not None:
        return ConnectionProblem(status.doubt, False)
    if status is None or status.state not in (ConnectionState.WAITING, ConnectionState.FAILED):
        return None
    reason = status.reason or translate("Connection", "The connection failed; no reason is known.")
    return ConnectionProblem(reason, status.state is ConnectionState.FAILED)
