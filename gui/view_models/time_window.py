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

_MOST_TICKS: Final = 6
_STEPS_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0)
"""Between two ticks, the first of which `_MOST_TICKS` fill the window."""
_MOST_IN_SECONDS: Final = 120.0
"""What is longer ago is told in minutes and seconds, on all of an axis."""


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
        """Positions on the axis (0 is its right end) and what to write there: a round time before ``now``."""
        later_bins = 0 if self.end_bin is None or newest_bin is None else max(newest_bin - self.end_bin, 0)
        every_s = next((step for step in _STEPS_S if self.seconds <= step * _MOST_TICKS), _STEPS_S[-1])
        every_bins = round(every_s / BIN_S)
        oldest_bins = later_bins + round(self.seconds / BIN_S)
        # In whole bins: there a round time is round, and the first one at or after the right edge is no guess.
        ages = range(-(-later_bins // every_bins) * every_bins, oldest_bins + 1, every_bins)
        write = _minutes if every_s >= 60 else _seconds if oldest_bins * BIN_S <= _MOST_IN_SECONDS else _clock
        return [((later_bins - age) * BIN_S, write(age * BIN_S) if age else now) for age in reversed(ages)]


def _minutes(age_s: float) -> str:
    return f"−{significant(round(age_s / 60, 2))} min"


def _seconds(age_s: float) -> str:
    return f"−{significant(round(age_s, 1), 4)} s"


def _clock(age_s: float) -> str:
    """Minutes and seconds: narrow enough for the right edge."""
    minutes, rest = divmod(round(age_s), 60)
    return f"−{minutes}:{rest:02}"
