"""How late playout is, told steadily although a device asks unevenly."""

from __future__ import annotations

from typing import Final

from core.playout.windows import SlidingMinimum

LEVEL_SPAN_NS: Final = 100_000_000
"""Longer than the pause between two callbacks of any device latency that is of use."""


class PlayoutLevel:
    """Of the pulls of the last 100 ms the soonest.

    A device with a large buffer asks for several blocks at once and then pauses, so the delay of its pulls saws. What
    counts is the soonest of them: that block would have starved first.
    """

    def __init__(self) -> None:
        """Nothing pulled yet."""
        self._pulls = SlidingMinimum(LEVEL_SPAN_NS)
        self._shifted_ns = 0

    def pulled(self, now_ns: int, media_ns: int) -> None:
        """A block was pulled that begins with this media time."""
        self._pulls.add(now_ns, now_ns - media_ns + self._shifted_ns)

    def shift(self, media_ns: int) -> None:
        """Playout jumped by so much media time, ahead if positive: it is as if the pulls before had, too."""
        self._shifted_ns += media_ns

    def clear(self) -> None:
        """Playout begins anew: the pulls before say nothing about the delay now."""
        self._pulls.clear()

    def media_ns(self, now_ns: int) -> int | None:
        """The media time that a block pulled now would begin with, were it the soonest of its burst."""
        soonest = self._pulls.minimum
        return None if soonest is None else now_ns - (soonest - self._shifted_ns)
