"""Latency as a stack: frame and codec, network, buffer, device; its top is the total."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import LATENCY_PARTS, History
from gui.plots.bars import BinBars
from gui.plots.time_plot import TimePlot
from gui.theme import Colors
from gui.time_view import TimeView
from gui.view_models.axis_range import SteppedRange
from gui.view_models.held_values import HeldValues
from gui.view_models.text import UNKNOWN, milliseconds


class LatencyPlot(TimePlot):
    """From source to ear in milliseconds. Parts that are not known have no height."""

    def __init__(self, view: TimeView, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Nothing is drawn before `refresh`."""
        super().__init__(view, SteppedRange(100.0), on_painted, parent)
        self.layers = [BinBars() for _ in LATENCY_PARTS]
        self.total_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        for item in (*self.layers, self.total_curve):
            self.addItem(item, ignoreBounds=True)
        self._begin()

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        for layer, fill in zip(self.layers, colors.stack, strict=True):
            layer.setOpts(brush=fill)
        self.total_curve.setPen(colors.text, width=1)

    def refresh(self, history: History) -> bool:
        """Show the window's part of ``history``; tells whether there is anything to see."""
        span = self._view.window.span
        self._shown[:] = False
        for level, name in enumerate(LATENCY_PARTS):
            self._held.take(history.series[name].window(span).mean)
            np.add(self._levels[level], self._held.y, out=self._levels[level + 1])
            self._shown |= self._held.shown
        total = self._levels[-1]
        self.fit(float(total.max(initial=0.0)))
        for level, layer in enumerate(self.layers):
            layer.show_bins(self._shown, self._levels[level], self._levels[level + 1])
        np.multiply(self._shown[:-1], self._shown[1:], out=self._joined[:-1], casting="unsafe")
        connect = "all" if self._shown.all() else self._joined
        self.total_curve.setData(self._age_s, total, connect=connect, skipFiniteCheck=True)
        return bool(self._shown.any())

    def text_at(self, point: int) -> str:
        """The total."""
        return milliseconds(float(self._levels[-1, point])) if self._shown[point] else ""

    def parts_at(self, point: int) -> tuple[str, ...]:
        """Each part by itself; one that was not known has no height."""
        if not self._shown[point]:
            return ()
        heights = np.diff(self._levels[:, point])
        return tuple(milliseconds(float(height)) if height > 0 else UNKNOWN for height in heights)

    def _span_changed(self) -> None:
        points = len(self._age_s)
        self._held = HeldValues(points, self._view.window.span.bins_per_point)
        self._levels = np.zeros((len(LATENCY_PARTS) + 1, points))
        self._shown = np.zeros(points, dtype=bool)
        self._joined = np.zeros(points, dtype=np.int32)
        for layer in self.layers:
            layer.set_edges(self._age_s - self._view.window.seconds / points, self._age_s)
