"""What one connection may do, from its admission to its end."""

from __future__ import annotations

from core.server.access.refusals import Reason, Refusals
from core.server.clock import ServerClock
from core.server.gate import Grant


class Rights:
    """Asked by a listener before it does what its client wants; counts what it denies."""

    def __init__(self, grant: Grant, refusals: Refusals, clock: ServerClock) -> None:
        """The connection begins now."""
        self._grant = grant
        self._refusals = refusals
        self._expires_ns: int | None = None
        if grant.expires_unix_s is not None:
            left_s = grant.expires_unix_s - clock.wall_unix_ns() / 1e9
            # Monotonic from here on: whoever sets the wall clock sends nobody away.
            self._expires_ns = clock.now_ns() + round(left_s * 1e9)

    @property
    def subject(self) -> str | None:
        """Whose connection it is, where that is known."""
        return self._grant.subject or None

    @property
    def may_set(self) -> bool:
        """Whether what its client says may lead to other settings, be it a wish or a complaint."""
        return self._grant.may_set

    def why_too_big(self) -> str:
        """Count a message for which the connection was closed; tells why."""
        self._refusals.count(Reason.MESSAGE_SIZE)
        return "a message that is too big"

    def why_no_set(self) -> str | None:
        """Why it may not change the encoder's settings, in one line; ``None`` if it may."""
        if self._grant.may_set:
            return None
        self._refusals.count(Reason.SET)
        return "the token gives no right to change settings"

    def count_no_room(self) -> None:
        """A wish for settings that would have taken one encoder too many."""
        self._refusals.count(Reason.ENCODERS)

    def why_over(self, now_ns: int) -> str | None:
        """Why the connection has to end, at a moment of the monotonic clock; ``None`` if it need not yet.

        The reason is to be followed: it is counted each time it is given.
        """
        if self._expires_ns is None or now_ns < self._expires_ns:
            return None
        self._refusals.count(Reason.TOKEN_RAN_OUT)
        return "the token has expired"

    def is_too_many(self) -> bool:
        """Count a message that came; tells whether it is to be ignored."""
        messages = self._grant.messages
        if messages is None or not messages.is_too_many():
            return False
        self._refusals.count(Reason.MESSAGE_RATE)
        return True

    def why_too_much(self, received_bytes: int) -> str | None:
        """Count what came, in messages or not; tells why the connection has to end, or ``None``."""
        messages = self._grant.messages
        if messages is None or not messages.is_too_much(received_bytes):
            return None
        self._refusals.count(Reason.FLOOD)
        return "too much was sent"

    def why_flood(self) -> str | None:
        """Count a message that was ignored; tells why the connection has to end, or ``None``."""
        messages = self._grant.messages
        if messages is None or not messages.is_flood():
            return None
        self._refusals.count(Reason.FLOOD)
        return "too many messages"
