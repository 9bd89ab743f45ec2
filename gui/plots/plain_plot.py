"""What all pyqtgraph plots here have in common: no mouse, no menu, no autorange, and the time that painting takes.

A plot is a widget of its own, so that painting one never repaints another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.plots.measures import LEFT_AXIS_PX, RIGHT_MARGIN_PX
from gui.theme import Colors

_TOP_MARGIN_PX: Final = 4
_LABEL_OVERHANG_PX: Final = 40


class PlainPlot(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph is untyped
    """Axes without ticks of their own; subclasses set ranges, once or in seldom steps."""

    def __init__(
        self, least_height_px: int, on_painted: Callable[[float], None], parent: QWidget | None = None
    ) -> None:
        """``on_painted`` is told each painting's milliseconds."""
        self._on_painted = on_painted
        # Context menus that nobody will see take a third of the time that a plot is made in.
        super().__init__(parent=parent, enableMenu=False)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(least_height_px)
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.disableAutoRange()
        plot.setContentsMargins(0, _TOP_MARGIN_PX, RIGHT_MARGIN_PX, 0)
        plot.getAxis("left").setWidth(LEFT_AXIS_PX)
        for side in ("left", "bottom"):
            # The first and the last label stand half outside of their axis.
            plot.getAxis(side).setStyle(tickLength=0, hideOverlappingLabels=_LABEL_OVERHANG_PX)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme; subclasses colour their curves as well."""
        self.setBackground(colors.plot)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colors.border)
            axis.setTextPen(colors.muted)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint, and tell how long it took."""
        started = time.perf_counter()
        super().paintEvent(event)
        self._on_painted((time.perf_counter() - started) * 1e3)
