"""How late playout is, told steadily although a device asks unevenly."""

from __future__ import annotations

from typing import Final

from core.playout.windows import SlidingMinimum

LEVEL_SPAN_NS: Final = 100_000_000
"""Longer than the pause between two callbacks of any device latency that is of use."""

LEVEL_BURSTS: Final = 10
"""Blocks of 240 frames out of periods of 2048 end at another place of each period: of ten one ends near its end."""


class PlayoutLevel:
    """Of the last pulls the soonest.

    A device with a large buffer asks for several blocks at once and then pauses, so the delay of its pulls saws. What
    counts is the soonest of them: that block would have starved first.
    """

    def __init__(self) -> None:
        """Nothing pulled yet."""
        self._pulls = SlidingMinimum(LEVEL_SPAN_NS)
        self._shifted_ns = 0
        self._began_ns: int | None = None

    def pulled(self, now_ns: int, media_ns: int, burst_ns: int = 0) -> None:
        """A block was pulled that begins with this media time, by a device that asks for as much as that at once."""
        if self._began_ns is None:
            self._began_ns = now_ns
        self._pulls.span_ns = max(LEVEL_SPAN_NS, LEVEL_BURSTS * burst_ns)
        self._pulls.add(now_ns, now_ns - media_ns + self._shifted_ns)

    def shift(self, media_ns: int) -> None:
        """Playout jumped by so much media time, ahead if positive: it is as if the pulls before had, too."""
        self._shifted_ns += media_ns

    def clear(self) -> None:
        """Playout begins anew: the pulls before say nothing about the delay now."""
        self._pulls.clear()
        self._began_ns = None

    def is_settled(self, now_ns: int) -> bool:
        """Whether there have been pulls for as long as it takes to know the soonest."""
        return self._began_ns is not None and now_ns - self._began_ns >= self._pulls.span_ns

    def media_ns(self, now_ns: int) -> int | None:
        """The media time that a block pulled now would begin with, were it the soonest of its burst."""
        soonest = self._pulls.minimum
        return None if soonest is None else now_ns - (soonest - self._shifted_ns)
