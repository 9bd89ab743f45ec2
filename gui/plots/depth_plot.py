"""Buffer depth: the range and the mean of every point, the target, and how late live mode lets playout get."""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import BUFFER_DEPTH_MS, DELAY_BOUND_MS, TARGET_DELAY_MS, History
from gui.plots.range_plot import RangePlot
from gui.theme import Colors
from gui.time_view import TimeView
from gui.view_models.axis_range import SteppedRange
from gui.view_models.held_values import HeldValues
from gui.view_models.text import milliseconds, plain_milliseconds


class DepthPlot(RangePlot):
    """Milliseconds of audio waiting to be played."""

    def __init__(self, view: TimeView, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Nothing is drawn before `refresh`."""
        self.target_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        self.bound_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        super().__init__(view, BUFFER_DEPTH_MS, SteppedRange(100.0), on_painted, milliseconds, parent=parent)
        for item in (self.bound_curve, self.target_curve):
            self.addItem(item, ignoreBounds=True)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        self.target_curve.setPen(colors.target, width=1)
        self.bound_curve.setPen(colors.underrun, width=1)

    @property
    def has_bound(self) -> bool:
        """Whether live mode was in force in the time shown."""
        return not self._held_bound.is_empty

    def parts_at(self, point: int) -> tuple[str, ...]:
        """The target, and the bound of live mode."""
        return tuple(
            plain_milliseconds(float(round(held.y[point], 1))) if held.shown[point] else ""
            for held in (self._held_target, self._held_bound)
        )

    def _other_peak(self, history: History) -> float:
        span = self._view.window.span
        for held, name, curve in (
            (self._held_target, TARGET_DELAY_MS, self.target_curve),
            (self._held_bound, DELAY_BOUND_MS, self.bound_curve),
        ):
            held.take(history.series[name].window(span).mean)
            self._draw(curve, held)
        # Not the bound: mostly it is far above, and would press down all that there is to see.
        return self._held_target.peak

    def _span_changed(self) -> None:
        super()._span_changed()
        self._held_target = HeldValues(len(self._age_s), self._view.window.span.bins_per_point)
        self._held_bound = HeldValues(len(self._age_s), self._view.window.span.bins_per_point)
