"""A gauge's bins made ready to draw: short holes are held over, long ones stay holes.

A gauge is recorded about as often as bins open, so single bins stay empty by chance; drawn as they are they would
flicker. Qt draws no NaN either, so what is not shown becomes 0 and is cut out of the line by a mask.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

HOLD_BINS: Final = 5
"""Half a second with bins of 100 ms: longer than any chance hole, shorter than what counts as silence."""


class HeldValues:
    """Arrays of one line, reserved once. `y` and `shown` belong to the last `take`."""

    def __init__(self, bins: int, bins_per_point: int = 1) -> None:
        """Reserve the memory for ``bins`` points."""
        self._hold = HOLD_BINS // bins_per_point
        self.y = np.zeros(bins)
        self.shown = np.zeros(bins, dtype=bool)
        self.joined = np.zeros(bins, dtype=np.int32)
        """1 where a point is joined to the next one: what pyqtgraph takes as ``connect``."""
        self._numbers = np.arange(bins)
        self._source = np.zeros(bins, dtype=np.intp)

    def take(self, values: NDArray[np.float64]) -> None:
        """Read the bins (NaN where empty); costs about 10 microseconds for 600."""
        np.isfinite(values, out=self.shown)
        np.multiply(self._numbers, self.shown, out=self._source)
        np.maximum.accumulate(self._source, out=self._source)
        np.take(values, self._source, out=self.y)
        np.less_equal(self._numbers - self._source, self._hold, out=self.shown)
        # Before the first value the source is bin 0, which may be empty itself.
        self.shown &= np.isfinite(self.y)
        self.y[~self.shown] = 0.0
        np.multiply(self.shown[:-1], self.shown[1:], out=self.joined[:-1], casting="unsafe")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.shown.any()

    @property
    def peak(self) -> float:
        """The highest value shown, at least 0."""
        return float(self.y.max(initial=0.0))

    @property
    def connect(self) -> NDArray[np.int32] | str:
        """How pyqtgraph shall join the points; without holes its faster way."""
        return "all" if self.shown.all() else self.joined
