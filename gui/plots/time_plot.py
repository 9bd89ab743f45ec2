"""One plot of the last minute: fixed ranges that step seldom, no mouse, no antialiasing, no autorange.

A plot is a widget of its own, so that painting one never repaints another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from gui.plots.grid import PlotGrid
from gui.theme import Colors
from gui.view_models.axis_range import SteppedRange

WINDOW_S: Final = 60.0
_GRID_EVERY_S: Final = 10.0
_LABEL_OVERHANG_PX: Final = 40
_LEFT_AXIS_PX: Final = 52
"""The same for every plot: their time axes stand exactly below each other."""


class TimePlot(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph is untyped
    """Base of the plots: time from -60 s to now, a scale from 0 upwards, and a sentence where there is no data."""

    def __init__(self, smallest_top: float, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """``smallest_top`` is the least the scale shows; ``on_painted`` is told each painting's milliseconds."""
        self._on_painted = on_painted
        super().__init__(parent=parent)
        self._range = SteppedRange(smallest_top)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(90)
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.disableAutoRange()
        plot.setContentsMargins(0, 4, 20, 0)
        plot.getAxis("left").setWidth(_LEFT_AXIS_PX)
        plot.getAxis("bottom").setTicks([_time_ticks()])
        for side in ("left", "bottom"):
            # The first and the last label stand half outside of their axis.
            plot.getAxis(side).setStyle(tickLength=0, hideOverlappingLabels=_LABEL_OVERHANG_PX)
        plot.getAxis("bottom").setStyle(tickTextOffset=5)
        self._grid = PlotGrid(-WINDOW_S, _GRID_EVERY_S)
        self.addItem(self._grid, ignoreBounds=True)
        self._empty_state = QLabel(self.viewport())
        self._empty_state.setObjectName("emptyState")
        self._empty_state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty_state.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._empty_state.hide()
        plot.setXRange(-WINDOW_S, 0.0, padding=0)
        self._show_scale()

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme; subclasses colour their curves as well."""
        self.setBackground(colors.plot)
        self._grid.set_colors(colors.grid, colors.marker)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colors.border)
            axis.setTextPen(colors.muted)

    def set_markers(self, ages_s: tuple[float, ...]) -> None:
        """Mark the moments (negative seconds) at which a setting took effect."""
        self._grid.set_markers(ages_s)

    @property
    def marker_ages_s(self) -> tuple[float, ...]:
        """The moments marked."""
        return self._grid.marker_ages_s

    def set_empty_text(self, text: str) -> None:
        """Show ``text`` in the middle of the plot; an empty text hides it."""
        if text != self._empty_state.text():
            self._empty_state.setText(text)
            self._centre_empty_state()
        self._empty_state.setVisible(bool(text))

    @property
    def empty_text(self) -> str:
        """What stands in the middle of the plot."""
        return self._empty_state.text()

    @property
    def top(self) -> float:
        """The upper end of the scale."""
        return self._range.top

    def fit(self, peak: float) -> None:
        """Step the scale if ``peak`` does not fit it."""
        if self._range.update(peak, time.monotonic()):
            self._show_scale()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint, and tell how long it took."""
        started = time.perf_counter()
        super().paintEvent(event)
        self._on_painted((time.perf_counter() - started) * 1e3)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the empty state in the middle of the data area."""
        super().resizeEvent(event)
        # pyqtgraph resizes once from within its constructor.
        if hasattr(self, "_empty_state"):
            self._centre_empty_state()

    def _centre_empty_state(self) -> None:
        self._empty_state.adjustSize()
        area = self.viewport().rect().adjusted(_LEFT_AXIS_PX, 0, 0, -20)
        self._empty_state.move(area.center() - self._empty_state.rect().center())

    def _show_scale(self) -> None:
        ticks = self._range.ticks()
        self.getPlotItem().setYRange(0.0, self._range.top, padding=0)
        self.getPlotItem().getAxis("left").setTicks([[(tick, f"{tick:g}") for tick in ticks]])
        self._grid.set_scale(self._range.top, ticks)


def _time_ticks() -> list[tuple[float, str]]:
    ages = range(int(-WINDOW_S), 1, int(_GRID_EVERY_S))
    return [(float(age), "now" if age == 0 else f"−{-age} s") for age in ages]
