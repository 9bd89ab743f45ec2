"""Grid lines and setting markers behind a plot's data: a dozen opaque lines, where a real grid blends hundreds."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget


class PlotGrid(pg.GraphicsObject):  # type: ignore[misc] # pyqtgraph is untyped
    """Horizontal lines at the ticks, vertical ones at fixed ages, and a marker wherever a setting took effect."""

    def __init__(self, oldest_s: float, every_s: float) -> None:
        """Vertical lines from ``oldest_s`` (negative) to 0, each ``every_s`` seconds."""
        super().__init__()
        self._oldest_s = oldest_s
        self._every_s = every_s
        self._top = 1.0
        self._lines: list[QLineF] = []
        self._markers: list[QLineF] = []
        self.marker_ages_s: tuple[float, ...] = ()
        self._line_pen = QPen()
        self._marker_pen = QPen()
        self.setZValue(-10)

    def set_colors(self, line: str, marker: str) -> None:
        """Use other colours from the next painting on."""
        self._line_pen = pg.mkPen(line, width=1)
        self._marker_pen = pg.mkPen(marker, width=1)
        self.update()

    def set_scale(self, top: float, ticks: Sequence[float]) -> None:
        """The plot's scale now runs from 0 to ``top`` with lines at ``ticks``."""
        self.prepareGeometryChange()
        self._top = top
        columns = round(-self._oldest_s / self._every_s)
        self._lines = [QLineF(self._oldest_s, tick, 0.0, tick) for tick in ticks if 0 < tick < top]
        self._lines += [
            QLineF(-column * self._every_s, 0.0, -column * self._every_s, top) for column in range(1, columns)
        ]
        self._set_marker_lines()

    def set_markers(self, ages_s: tuple[float, ...]) -> None:
        """Mark the moments ``ages_s`` (negative seconds)."""
        if ages_s != self.marker_ages_s:
            self.marker_ages_s = ages_s
            self._set_marker_lines()
            self.update()

    def _set_marker_lines(self) -> None:
        self._markers = [QLineF(age, 0.0, age, self._top) for age in self.marker_ages_s]

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """All of the plot."""
        return QRectF(self._oldest_s, 0.0, -self._oldest_s, self._top)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the lines."""
        painter.setPen(self._line_pen)
        painter.drawLines(self._lines)
        if self._markers:
            painter.setPen(self._marker_pen)
            painter.drawLines(self._markers)
