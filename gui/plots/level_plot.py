"""Level: the range of peaks, RMS, and how loud it seems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import LOUDNESS_LUFS, PEAK_DBFS, RMS_DBFS, History
from gui.plots.range_plot import RangePlot
from gui.theme import Colors
from gui.time_view import TimeView
from gui.view_models.axis_range import FixedRange
from gui.view_models.held_values import HeldValues
from gui.view_models.text import full_scale, level_text

_LOWEST_DBFS: Final = -60.0


class LevelPlot(RangePlot):
    """Decibels below full scale. Loudness shares the scale: 1 LU is 1 dB, and 0 LUFS is next to a full-scale sine."""

    def __init__(self, view: TimeView, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Nothing is drawn before `refresh`."""
        self.loudness_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        scale = FixedRange(_LOWEST_DBFS, 0.0, 20.0)
        super().__init__(view, PEAK_DBFS, scale, on_painted, full_scale, RMS_DBFS, parent)
        self.addItem(self.loudness_curve, ignoreBounds=True)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        self.loudness_curve.setPen(colors.target, width=1)

    @property
    def has_loudness(self) -> bool:
        """Whether there is any in the time shown."""
        return not self._held_loudness.is_empty

    def text_at(self, point: int) -> str:
        """RMS and, where it is known, loudness."""
        held = self._held_loudness
        return level_text(super().text_at(point), float(held.y[point]) if held.shown[point] else None)

    def _other_peak(self, history: History) -> float:
        self._held_loudness.take(history.series[LOUDNESS_LUFS].window(self._view.window.span).mean)
        self._draw(self.loudness_curve, self._held_loudness)
        return 0.0

    def _span_changed(self) -> None:
        super()._span_changed()
        self._held_loudness = HeldValues(len(self._age_s), self._view.window.span.bins_per_point)
