"""A gauge over the recent past, binned at the source into fixed memory, readable without a copy.

Plots draw at most some hundred points (measured: 3,000 points cost a 5 ms device callback its
deadline), so values are gathered into bins as they come: minimum, mean and maximum of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeriesWindow:
    """Views of the last ``bins`` bins, oldest first, each of shape (bins,); NaN where a bin has no value.

    ``age_s`` is the age of each bin's end, counted back from the newest one: -(bins - 1) * bin_s .. 0. Valid until
    the next `TimeSeries.add` opens a new bin.
    """

    age_s: Values
    low: Values
    mean: Values
    high: Values


class TimeSeries:
    """The last ``bins`` bins of ``bin_s`` seconds of one value.

    Every bin is kept twice, ``bins`` apart, so that the recent past is always one contiguous slice.
    """

    def __init__(self, bin_s: float = 0.1, bins: int = 600) -> None:
        """Reserve the memory; nothing grows afterwards."""
        self.bin_s = bin_s
        self.bins = bins
        self._low = np.full(2 * bins, math.nan)
        self._mean = np.full(2 * bins, math.nan)
        self._high = np.full(2 * bins, math.nan)
        self._age_s: Values = np.arange(-(bins - 1), 1, dtype=np.float64) * bin_s
        self._bin: int | None = None
        self._count = 0
        self._total = 0.0

    def add(self, at_s: float, value: float) -> None:
        """Take in one value at a monotonic time in seconds."""
        self.add_range(at_s, value, value, value)

    def add_range(self, at_s: float, low: float, mean: float, high: float) -> None:
        """Take in a summary of several values; one older than the newest bin counts into that bin."""
        slot = self.advance(at_s) % self.bins
        if self._count == 0:
            self._count, self._total = 1, mean
        else:
            self._count += 1
            self._total += mean
            low, high = min(low, self._low[slot]), max(high, self._high[slot])
        for values, value in ((self._low, low), (self._mean, self._total / self._count), (self._high, high)):
            values[slot] = values[slot + self.bins] = value

    def advance(self, at_s: float) -> int:
        """Open the bin of ``at_s``, leave those passed over empty, and give the newest bin's number."""
        wanted = math.floor(at_s / self.bin_s)
        if self._bin is None:
            self._bin = wanted
        if wanted <= self._bin:
            return self._bin
        for number in range(max(self._bin + 1, wanted - self.bins + 1), wanted + 1):
            slot = number % self.bins
            for values in (self._low, self._mean, self._high):
                values[slot] = values[slot + self.bins] = math.nan
        self._bin, self._count, self._total = wanted, 0, 0.0
        return wanted

    def window(self) -> SeriesWindow:
        """The recent past; all NaN before the first value."""
        start = 0 if self._bin is None else self._bin % self.bins + 1
        view = slice(start, start + self.bins)
        return SeriesWindow(self._age_s, self._low[view], self._mean[view], self._high[view])

    @property
    def newest_s(self) -> float | None:
        """Monotonic time at which the newest bin ends, or ``None`` before the first value."""
        return None if self._bin is None else (self._bin + 1) * self.bin_s


class TallySeries:
    """Like `TimeSeries`, but each bin holds the sum of what was added (for instance starved milliseconds)."""

    def __init__(self, bin_s: float = 0.1, bins: int = 600) -> None:
        """Reserve the memory; nothing grows afterwards."""
        self.bin_s = bin_s
        self.bins = bins
        self._sum = np.zeros(2 * bins)
        self._age_s: Values = np.arange(-(bins - 1), 1, dtype=np.float64) * bin_s
        self._bin: int | None = None

    def add(self, at_s: float, amount: float) -> None:
        """Add ``amount`` to the bin of a monotonic time in seconds."""
        slot = self.advance(at_s) % self.bins
        self._sum[slot] += amount
        self._sum[slot + self.bins] = self._sum[slot]

    def advance(self, at_s: float) -> int:
        """Open the bin of ``at_s``, empty, and give the newest bin's number."""
        wanted = math.floor(at_s / self.bin_s)
        if self._bin is not None:
            for number in range(max(self._bin + 1, wanted - self.bins + 1), wanted + 1):
                slot = number % self.bins
                self._sum[slot] = self._sum[slot + self.bins] = 0.0
        self._bin = wanted if self._bin is None else max(wanted, self._bin)
        return self._bin

    def window(self) -> tuple[Values, Values]:
        """Age in seconds and sum of each bin, oldest first; two views of shape (bins,)."""
        start = 0 if self._bin is None else self._bin % self.bins + 1
        return self._age_s, self._sum[start : start + self.bins]
