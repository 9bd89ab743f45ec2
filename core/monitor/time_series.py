"""A gauge over the recent past, binned at the source into fixed memory.

Plots draw at most some hundred points (measured: 3,000 points cost a 5 ms device callback its deadline), so values are
gathered into bins as they come, and read as so many points of one or more bins each, up to any moment that is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

BIN_S: Final = 0.1
HISTORY_S: Final = 600.0
"""What is kept: ten minutes, 0.3 MB a gauge."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of the past to read: ``points`` points of ``bins_per_point`` bins, up to and with ``end_bin``.

    That is a bin's number, counted from the clock's zero; ``None`` is the newest.
    """

    points: int = 600
    bins_per_point: int = 1
    end_bin: int | None = None


LAST_MINUTE: Final = Span()


def ages_s(span: Span, bin_s: float = BIN_S) -> Values:
    """When each point ends, in seconds before the end of the last one: negative, then 0; shape (points,)."""
    return np.arange(-(span.points - 1), 1, dtype=np.float64) * (bin_s * span.bins_per_point)


@dataclass(frozen=True, slots=True)
class SeriesWindow:
    """What was read, oldest first, each of shape (points,); NaN where a point has no value.

    With one bin a point these are views, valid until the next `TimeSeries.add` opens a new bin.
    """

    low: Values
    mean: Values
    high: Values


def last_bin(span: Span, newest: int) -> int:
    """The number of the last bin of the last point, where ``newest`` is the newest bin that there is.

    Points hold the same bins however far the window has moved on, so that they do not flicker; so the last one may end
    a little in the future.
    """
    end = newest if span.end_bin is None else span.end_bin
    return end + span.bins_per_point - 1 - end % span.bins_per_point


class _Bins:
    """Numbered bins in a ring; each is kept twice, so that the recent past is always one contiguous slice."""

    def __init__(self, bin_s: float, bins: int, rows: int, empty: float) -> None:
        self.bin_s = bin_s
        self.bins = bins
        self.newest: int | None = None
        self._empty = empty
        self._values = np.full((rows, 2 * bins), empty)

    @property
    def newest_s(self) -> float | None:
        """Monotonic time at which the newest bin ends, or ``None`` before the first value."""
        return None if self.newest is None else (self.newest + 1) * self.bin_s

    def advance(self, at_s: float) -> int:
        """Open the bin of ``at_s``, leave those passed over empty, and give the newest bin's number."""
        wanted = math.floor(at_s / self.bin_s)
        if self.newest is None:
            self.newest = wanted
        first = max(self.newest + 1, wanted - self.bins + 1)
        self._clear(first, wanted + 1)
        if wanted > self.newest:
            self.newest = wanted
            self._opened()
        return self.newest

    def copy(self) -> Self:
        """The same past, standing still."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._values = self._values.copy()
        return other

    def _opened(self) -> None:
        """A new bin has become the newest."""

    def _clear(self, first: int, end: int) -> None:
        for number in range(first, end):
            slot = number % self.bins
            self._values[:, slot] = self._values[:, slot + self.bins] = self._empty

    def _put(self, row: int, slot: int, value: float) -> None:
        self._values[row, slot] = self._values[row, slot + self.bins] = value

    def _read(self, span: Span) -> Values:
        """All rows over the span, shape (rows, points * bins_per_point); a view wherever that is possible."""
        count = span.points * span.bins_per_point
        if self.newest is None:
            return np.full((len(self._values), count), self._empty)
        newest = self.newest
        end = last_bin(span, newest)
        first, last = end - count + 1, min(end, newest)
        oldest = newest - self.bins + 1
        start = max(first, oldest)
        length = last - start + 1
        if length <= 0:
            return np.full((len(self._values), count), self._empty)
        slot = start % self.bins
        kept = self._values[:, slot : slot + length]
        if length == count:
            return kept
        result = np.full((len(self._values), count), self._empty)
        result[:, start - first : start - first + length] = kept
        return result


class TimeSeries(_Bins):
    """The last ``bins`` bins of ``bin_s`` seconds of one value: minimum, mean and maximum of each."""

    def __init__(self, bin_s: float = BIN_S, bins: int = round(HISTORY_S / BIN_S)) -> None:
        """Reserve the memory; nothing grows afterwards."""
        super().__init__(bin_s, bins, rows=3, empty=math.nan)
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
            low, high = min(low, self._values[0, slot]), max(high, self._values[2, slot])
        for row, value in enumerate((low, self._total / self._count, high)):
            self._put(row, slot, value)

    def window(self, span: Span = LAST_MINUTE) -> SeriesWindow:
        """What was over ``span``."""
        low, mean, high = self._read(span)
        if span.bins_per_point == 1:
            return SeriesWindow(low, mean, high)
        shape = (span.points, span.bins_per_point)
        mean = mean.reshape(shape)
        known = np.isfinite(mean)
        counts = known.sum(axis=1)
        means = np.full(span.points, math.nan)
        np.divide(np.where(known, mean, 0.0).sum(axis=1), counts, out=means, where=counts > 0)
        return SeriesWindow(
            np.fmin.reduce(low.reshape(shape), axis=1), means, np.fmax.reduce(high.reshape(shape), axis=1)
        )

    def _opened(self) -> None:
        self._count, self._total = 0, 0.0


class TallySeries(_Bins):
    """Like `TimeSeries`, but each bin holds the sum of what was added (for instance starved milliseconds)."""

    def __init__(self, bin_s: float = BIN_S, bins: int = round(HISTORY_S / BIN_S)) -> None:
        """Reserve the memory; nothing grows afterwards."""
        super().__init__(bin_s, bins, rows=1, empty=0.0)

    def add(self, at_s: float, amount: float) -> None:
        """Add ``amount`` to the bin of a monotonic time in seconds; to the newest one if that time is not kept."""
        newest = self.advance(at_s)
        number = math.floor(at_s / self.bin_s)
        slot = (number if number > newest - self.bins else newest) % self.bins
        self._put(0, slot, float(self._values[0, slot]) + amount)

    def window(self, span: Span = LAST_MINUTE) -> Values:
        """Sum of each point, oldest first, shape (points,)."""
        sums: Values = self._read(span)[0]
        return sums if span.bins_per_point == 1 else sums.reshape(span.points, span.bins_per_point).sum(axis=1)
