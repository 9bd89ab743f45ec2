"""Times without a connection, after one that had brought audio."""

from __future__ import annotations

from collections.abc import Callable


class Outages:
    """Counts them, and tells when one is over."""

    def __init__(self, on_over: Callable[[int, int], None]) -> None:
        """``on_over`` is told when each began and ended, monotonic nanoseconds."""
        self._on_over = on_over
        self.count = 0
        """Those that have begun."""
        self.since_ns: int | None = None
        """When the present one began; ``None`` while there is none."""

    def begin(self, at_ns: int) -> None:
        """The connection was lost then; what follows it, attempt upon attempt, is the same outage."""
        if self.since_ns is None:
            self.since_ns = at_ns
            self.count += 1

    def end(self, at_ns: int) -> None:
        """Audio comes again, or nobody waits for it any more; harmless where there is no outage."""
        if self.since_ns is not None:
            since_ns, self.since_ns = self.since_ns, None
            self._on_over(since_ns, at_ns)
