"""Which part of the past the plots show: so many seconds, ending now or at some moment that is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from core.monitor.time_series import BIN_S, HISTORY_S, Span, Values, ages_s
from gui.view_models.text import significant

WINDOWS_S: Final = (10, 30, 60, 120, 300, 600)
DEFAULT_WINDOW_S: Final = 60

MOST_POINTS: Final = 600
"""More are dear to paint (see `core.monitor.time_series`), and finer than most screens."""

_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """``end_bin`` is the number of the last bin shown, ``None`` stands for the newest."""

    seconds: int = DEFAULT_WINDOW_S
    end_bin: int | None = None

    @property
    def span(self) -> Span:
        """What to read of a series."""
        bins = round(self.seconds / BIN_S)
        bins_per_point = math.ceil(bins / MOST_POINTS)
        return Span(bins // bins_per_point, bins_per_point, self.end_bin)

    @property
    def ages_s(self) -> Values:
        """When each point ends, before the end of the window; shape (points,)."""
        return ages_s(self.span)

    def longer(self) -> TimeWindow:
        """The next longer window, ending where this one does."""
        return replace(self, seconds=next((each for each in WINDOWS_S if each > self.seconds), WINDOWS_S[-1]))

    def shorter(self, at: float, newest_bin: int) -> TimeWindow:
        """The next shorter one, such that the moment at the share ``at`` (0 is the left edge) stays where it is."""
        seconds = next((each for each in reversed(WINDOWS_S) if each < self.seconds), WINDOWS_S[0])
        if self.end_bin is None:
            return replace(self, seconds=seconds)
        moved_bins = round((1 - at) * (self.seconds - seconds) / BIN_S)
        return TimeWindow(seconds, self.end_bin - moved_bins).kept_within(newest_bin)

    def moved(self, seconds: float, newest_bin: int) -> TimeWindow:
        """So much later (earlier, if negative), as far as there is a past."""
        end_bin = newest_bin if self.end_bin is None else self.end_bin
        return replace(self, end_bin=end_bin + round(seconds / BIN_S)).kept_within(newest_bin)

    def around(self, at_s: float, newest_bin: int) -> TimeWindow:
        """With this monotonic time in its middle, as far as that goes."""
        return replace(self, end_bin=math.floor((at_s + self.seconds / 2) / BIN_S)).kept_within(newest_bin)

    def kept_within(self, newest_bin: int) -> TimeWindow:
        """Neither later than the newest bin, nor wholly before the oldest that is kept."""
        if self.end_bin is None:
            return self
        oldest_end = newest_bin - round((HISTORY_S - self.seconds) / BIN_S)
        return replace(self, end_bin=min(max(self.end_bin, oldest_end), newest_bin))

    def ticks(self, newest_bin: int | None, now: str = "now") -> list[tuple[float, str]]:
        """Positions on the axis (0 is its right end) and what to write there: how long before ``now``."""
        later_s = 0.0 if self.end_bin is None or newest_bin is None else (newest_bin - self.end_bin) * BIN_S
        every_s = self.seconds / _TICKS
        return [(-step * every_s, _age(step * every_s + later_s, now)) for step in range(_TICKS, -1, -1)]


def _age(seconds: float, now: str) -> str:
    if seconds < 0.05:
        return now
    if seconds < 120:
        return f"−{significant(seconds, 4)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"−{minutes}:{rest:02} min"
