"""A legend of many colours: all of them side by side, from the lowest value to the highest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui.widgets.labels import TextLabel

_STRIP_PX: Final = QSize(96, 11)


class ColorScale(QWidget):
    """A strip of colours between what its two ends stand for."""

    def __init__(self, lowest: str, highest: str, parent: QWidget | None = None) -> None:
        """Without colours so far."""
        super().__init__(parent)
        self.strip = _Strip()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (TextLabel(lowest, "muted"), self.strip, TextLabel(highest, "muted")):
            row.addWidget(widget)

    def set_colors(self, colors: Sequence[int], border: str) -> None:
        """Show these ``0xrrggbb``, lowest first, within a ``border``: the lowest may be the background's own."""
        self.strip.colors, self.strip.border = tuple(colors), border
        self.strip.update()


class _Strip(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.colors: tuple[int, ...] = ()
        self.border = "#000000"
        self.setFixedSize(_STRIP_PX)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """A column for each pixel."""
        painter = QPainter(self)
        inside = self.rect().adjusted(1, 1, -1, -1)
        painter.fillRect(self.rect(), QColor(self.border))
        for at in range(inside.width() if self.colors else 0):
            color = self.colors[at * (len(self.colors) - 1) // max(inside.width() - 1, 1)]
            painter.fillRect(QRect(inside.left() + at, inside.top(), 1, inside.height()), QColor(color & 0xFFFFFF))
