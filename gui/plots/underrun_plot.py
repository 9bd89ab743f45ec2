"""Underruns: how many milliseconds each point starved and because of what, and where an episode began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import STARVED_MS, UNDERRUN_CAUSES, UNDERRUN_EPISODES, History
from gui.plots.bars import BinBars, Values
from gui.plots.measures import NO_CAUSE_YET
from gui.plots.time_plot import TimePlot
from gui.theme import Colors
from gui.time_view import TimeView
from gui.translation import translate
from gui.view_models.axis_range import SteppedRange
from gui.view_models.text import milliseconds

_BAR_SHARE: Final = 1 / 150
"""Of the window: wider than a bin of 0.1 s, which is two pixels of a minute: a glitch must be seen at a glance."""


class UnderrunPlot(TimePlot):
    """Starved milliseconds, cause upon cause; on top what still lasts. A triangle stands where an episode begins."""

    def __init__(self, view: TimeView, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Nothing is drawn before `refresh`."""
        super().__init__(view, SteppedRange(20.0), on_painted, parent)
        self.layers = [BinBars() for _ in UNDERRUN_CAUSES]
        self.lasting = BinBars()
        self.triangles = pg.ScatterPlotItem(symbol="t1", size=9, pen=None, antialias=False)
        for item in (*self.layers, self.lasting, self.triangles):
            self.addItem(item, ignoreBounds=True)
        self._shown_episodes: Values = np.empty(0)
        self._begin()

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        for layer, color in zip(self.layers, colors.causes, strict=True):
            layer.setOpts(brush=color)
        self.lasting.setOpts(brush=colors.muted)
        self.triangles.setBrush(colors.text)

    def refresh(self, history: History) -> bool:
        """Show the window's part of ``history``; tells whether there was any underrun in it."""
        span = self._view.window.span
        starved = history.tallies[STARVED_MS].window(span)
        episodes = history.tallies[UNDERRUN_EPISODES].window(span)
        self._levels[0] = 0.0
        for at, (layer, cause) in enumerate(zip(self.layers, UNDERRUN_CAUSES, strict=True)):
            amount = history.tallies[cause].window(span)
            np.add(self._levels[at], amount, out=self._levels[at + 1])
            layer.show_bins(amount > 0, self._levels[at], self._levels[at + 1])
        explained = self._levels[-1]
        # The cause is told when an episode is over: what starved after the last one that is explained still lasts.
        told = np.flatnonzero(explained)
        lasts = starved > 0
        if len(told):
            lasts[: told[-1] + 2] = False
        self.lasting.show_bins(lasts, 0.0, starved)
        self._lasting_ms = np.where(lasts, starved, 0.0)
        self.fit(max(float(explained.max(initial=0.0)), float(starved.max(initial=0.0))))
        # Scattered symbols are dear, and nearly always there are none to move.
        if not np.array_equal(episodes, self._shown_episodes):
            self._shown_episodes = episodes.copy()
            began = np.flatnonzero(episodes)
            self.triangles.setData(self._middle_s[began], np.full(len(began), self.top * 0.06))
        return bool(starved.any() or episodes.any() or explained.any())

    @property
    def causes_seen(self) -> list[bool]:
        """Which of the causes there were in the time shown."""
        return [len(layer.tops) > 0 for layer in self.layers]

    @property
    def lasts_seen(self) -> bool:
        """Whether there is any whose cause is not told yet."""
        return len(self.lasting.tops) > 0

    def text_at(self, point: int) -> str:
        """Starved time with its causes."""
        parts = [
            f"{translate('Statistics', cause)} {milliseconds(float(above[point] - below[point]))}"
            for cause, below, above in zip(UNDERRUN_CAUSES, self._levels, self._levels[1:], strict=False)
            if above[point] > below[point]
        ]
        if self._lasting_ms[point] > 0:
            parts.append(f"{translate('Statistics', NO_CAUSE_YET)} {milliseconds(float(self._lasting_ms[point]))}")
        return ", ".join(parts)

    def _span_changed(self) -> None:
        points = len(self._age_s)
        seconds = self._view.window.seconds
        self._middle_s = self._age_s - seconds / points / 2
        half_s = max(seconds * _BAR_SHARE, seconds / points) / 2
        for bars in (*self.layers, self.lasting):
            bars.set_edges(self._middle_s - half_s, np.minimum(self._middle_s + half_s, 0.0))
        self._levels = np.zeros((len(UNDERRUN_CAUSES) + 1, points))
        self._lasting_ms = np.zeros(points)
        self._shown_episodes = np.empty(0)
