"""How one connection comes to its end, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from core.server.broadcast import CloseCode
from core.wire.control import Bye

DRAIN_LIMIT_S: Final = 1.5
"""After its last message a listener has this long to take what is queued and to say goodbye."""

MAX_CLOSE_REASON_BYTES: Final = 123
"""RFC 6455 §5.5: a control frame holds 125, of which two are the code."""


class Ending:
    """Decided once, then only carried out."""

    __slots__ = ("_deadline", "code", "over", "reason", "sent_code", "why")

    def __init__(self) -> None:
        """Nothing is decided. To be made inside a running event loop."""
        self.code = CloseCode.NORMAL
        self.reason = b""
        """What the closing message says."""
        self.sent_code: CloseCode | None = None
        """What the socket itself has closed with, by its own decision."""
        self.why: str | None = None
        """In our words, where it was us who ended it."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done as soon as nothing is left to be sent."""
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the last message was sent, or queued."""
        return self._deadline is not None

    def explain(self, why: str) -> None:
        """The first reason counts."""
        self.why = self.why or why

    def decide(self, bye: Bye, code: CloseCode) -> None:
        """Close with ``code``."""
        self.code = code
        self.explain(bye.reason)
        if code is CloseCode.POLICY_VIOLATION:
            # Also for who is sent no `bye`.
            self.reason = bye.reason.encode("ascii", "replace")[:MAX_CLOSE_REASON_BYTES]

    def begin(self, abort: Callable[[], None]) -> None:
        """``abort`` is called unless it has come to its end within `DRAIN_LIMIT_S`."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(DRAIN_LIMIT_S, abort)

    def all_is_sent(self) -> None:
        """After `begin`: that was it."""
        if self.has_begun and not self.over.done():
            self.over.set_result(None)

    def settle(self) -> None:
        """It is over; nobody is waited for any more."""
        if self._deadline is not None:
            self._deadline.cancel()
