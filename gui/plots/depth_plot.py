"""Buffer depth: the range and the mean of every bin, and the target."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import BUFFER_DEPTH_MS, TARGET_DELAY_MS, Monitor
from gui.plots.bars import BinBars
from gui.plots.time_plot import TimePlot
from gui.theme import Colors
from gui.view_models.held_values import HeldValues


class DepthPlot(TimePlot):
    """Milliseconds of audio waiting to be played."""

    def __init__(self, monitor: Monitor, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Read from ``monitor``."""
        super().__init__(100.0, on_painted, parent)
        self._depth = monitor.series[BUFFER_DEPTH_MS]
        self._target_series = monitor.series[TARGET_DELAY_MS]
        self._age_s = self._depth.window().age_s
        self._held_mean = HeldValues(self._depth.bins)
        self._held_target = HeldValues(self._depth.bins)
        self._range_bars = BinBars(self._age_s - self._depth.bin_s, self._age_s)
        self.mean_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        self.target_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        for item in (self._range_bars, self.target_curve, self.mean_curve):
            self.addItem(item, ignoreBounds=True)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        self._range_bars.setOpts(brush=colors.depth_range)
        self.mean_curve.setPen(colors.depth, width=1)
        self.target_curve.setPen(colors.target, width=1)

    def refresh(self) -> bool:
        """Show the monitor's window; tells whether there is anything to see."""
        window = self._depth.window()
        self._held_mean.take(window.mean)
        self._held_target.take(self._target_series.window().mean)
        filled = np.isfinite(window.low)
        self._range_bars.show_bins(filled, window.low, window.high)
        highest = float(np.max(window.high, where=filled, initial=0.0))
        self.fit(max(highest, self._held_target.peak))
        for curve, held in ((self.mean_curve, self._held_mean), (self.target_curve, self._held_target)):
            curve.setData(self._age_s, held.y, connect=held.connect, skipFiniteCheck=True)
        return not self._held_mean.is_empty
