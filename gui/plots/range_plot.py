"""A gauge over time: the range and the mean of every point."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import History
from gui.plots.bars import BinBars
from gui.plots.time_plot import TimePlot
from gui.theme import Colors
from gui.time_view import TimeView
from gui.view_models.axis_range import SteppedRange
from gui.view_models.held_values import HeldValues


class RangePlot(TimePlot):
    """Bars from lowest to highest, and a line: the mean of the same gauge, or of another one."""

    def __init__(
        self,
        view: TimeView,
        gauge: str,
        scale: SteppedRange,
        on_painted: Callable[[float], None],
        text: Callable[[float], str],
        line: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Show ``gauge``, with ``line`` (itself, if not given) as a line; ``text`` writes a value."""
        super().__init__(view, scale, on_painted, parent)
        self._gauge, self._line, self._text = gauge, line or gauge, text
        self.bars = BinBars()
        self.mean_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        for item in (self.bars, self.mean_curve):
            self.addItem(item, ignoreBounds=True)
        self._begin()

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        self.bars.setOpts(brush=colors.depth_range)
        self.mean_curve.setPen(colors.depth, width=1)

    def refresh(self, history: History) -> bool:
        """Show the window's part of ``history``; tells whether there is anything to see."""
        span = self._view.window.span
        window = history.series[self._gauge].window(span)
        self._held_mean.take(history.series[self._line].window(span).mean)
        filled = np.isfinite(window.low)
        self.bars.show_bins(filled, np.maximum(window.low, self._range.bottom), window.high)
        self.fit(max(float(np.max(window.high, where=filled, initial=0.0)), self._other_peak(history)))
        self._draw(self.mean_curve, self._held_mean)
        return not self._held_mean.is_empty

    def text_at(self, point: int) -> str:
        """The line's value."""
        return self._text(float(self._held_mean.y[point])) if self._held_mean.shown[point] else ""

    def _other_peak(self, history: History) -> float:
        """Bring what a subclass shows as well up to date, and give its highest value."""
        return 0.0

    def _draw(self, curve: pg.PlotCurveItem, held: HeldValues) -> None:
        curve.setData(self._age_s, held.y, connect=held.connect, skipFiniteCheck=True)

    def _span_changed(self) -> None:
        points = len(self._age_s)
        width_s = self._view.window.seconds / points
        self._held_mean = HeldValues(points, self._view.window.span.bins_per_point)
        self.bars.set_edges(self._age_s - width_s, self._age_s)
