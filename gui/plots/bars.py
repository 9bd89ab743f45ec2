"""Bars from arrays, one a bin: opaque rectangles without outline are what a raster painter fills fastest."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

Values = NDArray[np.float64]


class BinBars(pg.BarGraphItem):  # type: ignore[misc] # pyqtgraph is untyped
    """Rectangles between two heights over some of the bins of a window."""

    def __init__(self, left: Values, right: Values) -> None:
        """``left`` and ``right`` are the edges of every bin; nothing is shown yet."""
        nothing = np.empty(0)
        super().__init__(x0=nothing, x1=nothing, y0=nothing, y1=nothing, pen=None, brush="#000000")
        self._left = left
        self._right = right

    def show_bins(self, shown: NDArray[np.bool_], low: Values | None, high: Values) -> None:
        """Fill from ``low`` (``None``: from 0) to ``high`` over the bins where ``shown`` is True."""
        base = np.zeros(np.count_nonzero(shown)) if low is None else low[shown]
        self.setOpts(x0=self._left[shown], x1=self._right[shown], y0=base, y1=high[shown])

    @property
    def tops(self) -> Values:
        """The upper edges of what is shown."""
        return np.asarray(self.opts["y1"])
