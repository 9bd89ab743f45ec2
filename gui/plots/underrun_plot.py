"""Underruns: how many milliseconds each bin starved, and where an episode began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import Monitor
from gui.plots.bars import BinBars
from gui.plots.time_plot import TimePlot
from gui.theme import Colors

_BAR_S: Final = 0.4
"""Wider than a bin of 0.1 s, which is two pixels of a whole window: a glitch must be seen at a glance."""


class UnderrunPlot(TimePlot):
    """Starved milliseconds. A triangle stands where an episode begins."""

    def __init__(self, monitor: Monitor, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Read from ``monitor``."""
        super().__init__(20.0, on_painted, parent)
        self._starved = monitor.starved_ms
        self._episodes = monitor.underrun_episodes
        age_s, _ = self._starved.window()
        middle = age_s - self._starved.bin_s / 2
        self._middle_s = middle
        self.bars = BinBars(middle - _BAR_S / 2, np.minimum(middle + _BAR_S / 2, 0.0))
        self.triangles = pg.ScatterPlotItem(symbol="t1", size=9, pen=None, antialias=False)
        self.addItem(self.bars, ignoreBounds=True)
        self.addItem(self.triangles, ignoreBounds=True)
        self._shown_episodes = np.zeros(self._starved.bins)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        self.bars.setOpts(brush=colors.underrun)
        self.triangles.setBrush(colors.text)

    def refresh(self) -> bool:
        """Show the monitor's window; tells whether there was any underrun in it."""
        _, starved = self._starved.window()
        _, episodes = self._episodes.window()
        self.fit(float(starved.max(initial=0.0)))
        self.bars.show_bins(starved > 0, None, starved)
        # Scattered symbols are dear, and nearly always there are none to move.
        if not np.array_equal(episodes, self._shown_episodes):
            self._shown_episodes[:] = episodes
            began = np.flatnonzero(episodes)
            self.triangles.setData(self._middle_s[began], np.full(len(began), self.top * 0.06))
        return bool(starved.any() or episodes.any())
