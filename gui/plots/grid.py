"""Grid lines, numbered markers and the crosshair behind a plot's data: a dozen opaque lines, where a real grid blends
hundreds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from gui.time_view import Marker

_COLUMNS: Final = 6
_LABEL_GAP_PX: Final = 3
_LABEL_HEIGHT_PX: Final = 11


class PlotGrid(pg.GraphicsObject):  # type: ignore[misc] # pyqtgraph is untyped
    """Horizontal lines at the ticks, vertical ones at fixed ages, a marker wherever a setting took effect."""

    def __init__(self) -> None:
        """A minute, from 0 to 1."""
        super().__init__()
        self._seconds = 60.0
        self._bottom, self._top = 0.0, 1.0
        self._ticks: Sequence[float] = ()
        self._columns: list[float] = []
        self._lines: list[QLineF] = []
        self._crosshair: QLineF | None = None
        self.markers: tuple[Marker, ...] = ()
        self._marker_lines: list[QLineF] = []
        self._line_pen = QPen()
        self._marker_pen = QPen()
        self._crosshair_pen = QPen()
        self.setZValue(-10)

    def set_colors(self, line: str, marker: str, crosshair: str) -> None:
        """Use other colours from the next painting on."""
        self._line_pen = pg.mkPen(line, width=1)
        self._marker_pen = pg.mkPen(marker, width=1)
        self._crosshair_pen = pg.mkPen(crosshair, width=1)
        self.update()

    def set_scale(self, bottom: float, top: float, ticks: Sequence[float]) -> None:
        """The plot's scale now runs from ``bottom`` to ``top`` with lines at ``ticks``."""
        self._bottom, self._top, self._ticks = bottom, top, ticks
        self._lay_out()

    def set_seconds(self, seconds: float, lines: Sequence[float] | None = None) -> None:
        """The plot now shows so much time, with upright ``lines`` at these ages: if not given, in six columns."""
        self._seconds = seconds
        if lines is None:
            lines = [-column * seconds / _COLUMNS for column in range(1, _COLUMNS)]
        self._columns = [age_s for age_s in lines if -seconds < age_s < 0]
        self._lay_out()

    def set_markers(self, markers: tuple[Marker, ...]) -> None:
        """Mark these moments."""
        if markers != self.markers:
            self.markers = markers
            self._set_marker_lines()
            self.update()

    def set_crosshair(self, age_s: float | None) -> None:
        """Show it there; ``None`` takes it away."""
        self._crosshair = None if age_s is None else QLineF(age_s, self._bottom, age_s, self._top)
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """All of the plot."""
        return QRectF(-self._seconds, self._bottom, self._seconds, self._top - self._bottom)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the lines."""
        painter.setPen(self._line_pen)
        painter.drawLines(self._lines)
        if self._marker_lines:
            painter.setPen(self._marker_pen)
            painter.drawLines(self._marker_lines)
            self._paint_labels(painter)
        if self._crosshair is not None:
            painter.setPen(self._crosshair_pen)
            painter.drawLine(self._crosshair)

    def _paint_labels(self, painter: QPainter) -> None:
        """Upright and of their own size, whatever the plot's scale is."""
        to_device = painter.transform()
        right_px = to_device.map(QPointF(0.0, self._top)).x()
        painter.save()
        painter.resetTransform()
        taken_to_px = float("-inf")
        for marker in self.markers:
            at = to_device.map(QPointF(marker.age_s, self._top))
            width = painter.fontMetrics().horizontalAdvance(marker.label) + _LABEL_GAP_PX
            left_px = at.x() + _LABEL_GAP_PX if at.x() + width < right_px else at.x() - width
            # Where several stand close together the first one's number stands for them.
            if left_px > taken_to_px:
                painter.drawText(QPointF(left_px, at.y() + _LABEL_HEIGHT_PX), marker.label)
                taken_to_px = left_px + width
        painter.restore()

    def _lay_out(self) -> None:
        self.prepareGeometryChange()
        self._lines = [
            QLineF(-self._seconds, tick, 0.0, tick) for tick in self._ticks if self._bottom < tick < self._top
        ]
        self._lines += [QLineF(age_s, self._bottom, age_s, self._top) for age_s in self._columns]
        self._set_marker_lines()
        if self._crosshair is not None:
            self.set_crosshair(self._crosshair.x1())

    def _set_marker_lines(self) -> None:
        self._marker_lines = [QLineF(marker.age_s, self._bottom, marker.age_s, self._top) for marker in self.markers]
