"""Latency as a stack: frame and codec, network, buffer, device; its top is the total."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import (
    LATENCY_BUFFER_MS,
    LATENCY_DEVICE_MS,
    LATENCY_FRAME_MS,
    LATENCY_NETWORK_MS,
    Monitor,
)
from gui.plots.bars import BinBars
from gui.plots.time_plot import TimePlot
from gui.theme import Colors
from gui.view_models.held_values import HeldValues

_BOTTOM_UP: Final = (LATENCY_FRAME_MS, LATENCY_NETWORK_MS, LATENCY_BUFFER_MS, LATENCY_DEVICE_MS)


class LatencyPlot(TimePlot):
    """From source to ear in milliseconds. Parts that are not known have no height."""

    def __init__(self, monitor: Monitor, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Read from ``monitor``."""
        super().__init__(100.0, on_painted, parent)
        self._series = [monitor.series[name] for name in _BOTTOM_UP]
        bins, bin_s = self._series[0].bins, self._series[0].bin_s
        self._age_s = self._series[0].window().age_s
        self._held = HeldValues(bins)
        self._levels = np.zeros((len(_BOTTOM_UP) + 1, bins))
        self._shown = np.zeros(bins, dtype=bool)
        self._joined = np.zeros(bins, dtype=np.int32)
        self.layers = [BinBars(self._age_s - bin_s, self._age_s) for _ in _BOTTOM_UP]
        self.total_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        for item in (*self.layers, self.total_curve):
            self.addItem(item, ignoreBounds=True)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        fills = (colors.stack_frame, colors.stack_network, colors.stack_buffer, colors.stack_device)
        for layer, fill in zip(self.layers, fills, strict=True):
            layer.setOpts(brush=fill)
        self.total_curve.setPen(colors.text, width=1)

    def refresh(self) -> bool:
        """Show the monitor's window; tells whether there is anything to see."""
        self._shown[:] = False
        for level, series in enumerate(self._series):
            self._held.take(series.window().mean)
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
