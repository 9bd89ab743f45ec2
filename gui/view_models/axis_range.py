"""The top of a plot's scale: it steps 1-2-3-5 and seldom, because every step repaints the axis."""

from __future__ import annotations

import math
from typing import Final

_STEPS: Final = (1.0, 2.0, 3.0, 5.0)
"""Without the 3, a peak of 210 would leave the usual 125 in the lowest quarter of a scale to 500."""
_PARTS: Final = {1: 5, 2: 4, 3: 3, 5: 5}
"""Into how many parts a scale is divided, by its first digit: each part is round."""
_ROOM_ABOVE: Final = 0.95
"""Step up when the data pass this share of the scale."""
_FITS_BELOW: Final = 0.8
"""Step down only when they would fill at most this share of the smaller scale ..."""
_CALM_S: Final = 3.0
"""... and have done so this long."""


def next_step(value: float) -> float:
    """The smallest of ..., 1, 2, 3, 5, 10, 20, 30, 50, ... that is at least ``value`` (> 0)."""
    decade = 10.0 ** math.floor(math.log10(value))
    for step in (*_STEPS, 10.0):
        if value <= step * decade * (1 + 1e-9):
            return step * decade
    raise AssertionError("ten times the decade is above any value in it")


def round_ticks(top: float) -> list[float]:
    """Four to six round values from 0 to ``top``, which is one of `next_step`'s."""
    decade = 10.0 ** math.floor(math.log10(top) + 1e-9)
    parts = _PARTS.get(round(top / decade), 4)
    return [top * part / parts for part in range(parts + 1)]


class SteppedRange:
    """A scale from 0 to `top`, never below ``smallest_top``."""

    bottom = 0.0

    def __init__(self, smallest_top: float) -> None:
        """Start with the smallest scale."""
        self._smallest_top = smallest_top
        self.top = smallest_top
        self._fits_since_s: float | None = None

    def update(self, peak: float, now_s: float) -> bool:
        """Take in the highest value shown; tells whether `top` has changed. ``now_s`` is any steady clock."""
        if peak > self.top * _ROOM_ABOVE:
            self.top = next_step(peak / _ROOM_ABOVE)
            self._fits_since_s = None
            return True
        smaller = max(self._smallest_top, next_step(peak / _FITS_BELOW) if peak > 0 else 0.0)
        if smaller >= self.top:
            self._fits_since_s = None
            return False
        if self._fits_since_s is None:
            self._fits_since_s = now_s
        if now_s - self._fits_since_s < _CALM_S:
            return False
        self.top = smaller
        self._fits_since_s = None
        return True

    def fit_at_once(self) -> None:
        """Step down with the next `update` if that fits: other data are shown from now on."""
        self._fits_since_s = -math.inf

    def ticks(self) -> list[float]:
        """Four to six round values from 0 to `top`."""
        return round_ticks(self.top)


class FixedRange(SteppedRange):
    """A scale that stays, from ``bottom`` to ``top``."""

    def __init__(self, bottom: float, top: float, step: float) -> None:
        """With a tick every ``step``."""
        super().__init__(top)
        self.bottom = bottom
        self._step = step

    def update(self, peak: float, now_s: float) -> bool:
        """Nothing changes it."""
        return False

    def ticks(self) -> list[float]:
        """From the bottom to the top."""
        return [self.bottom + number * self._step for number in range(round((self.top - self.bottom) / self._step) + 1)]
