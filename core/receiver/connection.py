"""The connection's state machine: one enum, one transition function, one place that writes the event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from core.monitor.events import EventLog, Level
from core.receiver.status import ConnectionState, ConnectionStatus
from core.wire.attempts import redact

_SECRET_KEYS: Final = frozenset(
    {"token", "access_token", "authorization", "auth", "key", "api_key", "apikey", "password"}
)

_S = ConnectionState
_FROM_OPEN: Final = frozenset({_S.WAITING, _S.ENDED, _S.FAILED, _S.DISCONNECTED})
TRANSITIONS: Final[dict[ConnectionState, frozenset[ConnectionState]]] = {
    _S.DISCONNECTED: frozenset({_S.CONNECTING}),
    _S.CONNECTING: frozenset({_S.CONNECTED}) | _FROM_OPEN,
    _S.CONNECTED: frozenset({_S.STREAMING}) | _FROM_OPEN,
    _S.STREAMING: _FROM_OPEN,
    _S.WAITING: frozenset({_S.CONNECTING, _S.DISCONNECTED}),
    _S.ENDED: frozenset({_S.CONNECTING, _S.DISCONNECTED}),
    _S.FAILED: frozenset({_S.CONNECTING, _S.DISCONNECTED}),
}
_LEVELS: Final = {_S.WAITING: Level.WARNING, _S.FAILED: Level.ERROR}


class Connection:
    """Holds the status and writes a line to the event log for each change of state."""

    def __init__(self, url: str, events: EventLog) -> None:
        """Disconnected."""
        self._events = events
        self.status = ConnectionStatus(ConnectionState.DISCONNECTED, redact(url))

    def to(self, state: ConnectionState, text: str, **changes: Any) -> None:
        """Go to another state; ``changes`` are fields of `ConnectionStatus`.

        Raises:
            RuntimeError: there is no such transition, which is a fault of the caller.
        """
        if state not in TRANSITIONS[self.status.state]:
            raise RuntimeError(f"no transition from {self.status.state.value} to {state.value}")
        self.status = replace(self.status, state=state, **changes)
        self._events.add(_LEVELS.get(state, Level.INFO), text)

    def note(self, **changes: Any) -> None:
        """Change a fact without a change of state."""
        self.status = replace(self.status, **changes)


def without_secrets(url: str) -> str:
    """The address without user, password and tokens, but with what else its query says: fit to be remembered."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0].casefold() not in _SECRET_KEYS]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=urlencode(query)))
