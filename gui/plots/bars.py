"""Bars from arrays, one a point: opaque rectangles without outline are what a raster painter fills fastest."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

Values = NDArray[np.float64]


class BinBars(pg.BarGraphItem):  # type: ignore[misc] # pyqtgraph is untyped
    """Rectangles between two heights over some of the points of a window."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        nothing = np.empty(0)
        super().__init__(x0=nothing, x1=nothing, y0=nothing, y1=nothing, pen=None, brush="#000000")
        self._left = self._right = nothing

    def set_edges(self, left: Values, right: Values) -> None:
        """The edges of every point's bar."""
        self._left, self._right = left, right

    def show_bins(self, shown: NDArray[np.bool_], low: Values | float, high: Values) -> None:
        """Fill from ``low`` to ``high`` over the points where ``shown`` is True."""
        base = np.full(np.count_nonzero(shown), low) if isinstance(low, float) else low[shown]
        self.setOpts(x0=self._left[shown], x1=self._right[shown], y0=base, y1=high[shown])

    @property
    def tops(self) -> Values:
        """The upper edges of what is shown."""
        return np.asarray(self.opts["y1"])
