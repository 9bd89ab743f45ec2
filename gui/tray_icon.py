"""What the tray shows: a shape of its own for each state, in the colour that the state has in the window."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

from core.receiver.status import ConnectionState
from gui.theme import Colors

_SIZES_PX: Final = (16, 22, 24, 32, 48, 64)
_UNITS: Final = 32.0
"""All figures below are in these, whatever the size."""
_CENTRE: Final = QPointF(16, 16)
_DISC: Final = QRectF(5, 5, 22, 22)
_FULL_TURN: Final = 360 * 16
"""Qt counts angles in sixteenths of a degree."""


def state_icon(state: ConnectionState, is_muted: bool, colors: Colors) -> QIcon:
    """On a plate of the theme's own, because nobody knows what colour the tray has."""
    icon = QIcon()
    for size in _SIZES_PX:
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        # Painted once for a change of state: here smooth edges cost nothing.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / _UNITS, size / _UNITS)
        painter.setPen(QPen(QColor(colors.border), 1.0))
        painter.setBrush(QColor(colors.card))
        painter.drawRoundedRect(QRectF(0.5, 0.5, _UNITS - 1, _UNITS - 1), 7, 7)
        _draw_state(painter, state, QColor(_color(state, colors)))
        if is_muted:
            _strike_out(painter, colors)
        painter.end()
        icon.addPixmap(pixmap)
    return icon


def _color(state: ConnectionState, colors: Colors) -> str:
    return {
        ConnectionState.DISCONNECTED: colors.muted,
        ConnectionState.CONNECTING: colors.accent,
        ConnectionState.CONNECTED: colors.accent,
        ConnectionState.STREAMING: colors.good,
        ConnectionState.WAITING: colors.warning,
        ConnectionState.ENDED: colors.muted,
        ConnectionState.FAILED: colors.bad,
    }[state]


def _draw_state(painter: QPainter, state: ConnectionState, color: QColor) -> None:
    """The shapes that the connect card has as letters: no font can be trusted at 16 pixels."""
    painter.setPen(QPen(color, 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if state is ConnectionState.FAILED:
        painter.drawLine(QPointF(8, 8), QPointF(24, 24))
        painter.drawLine(QPointF(24, 8), QPointF(8, 24))
    elif state is ConnectionState.WAITING:
        painter.drawArc(_DISC, 60 * 16, 270 * 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPolygon(QPolygonF([QPointF(17, 0), QPointF(17, 12), QPointF(26, 6)]))
    elif state is ConnectionState.ENDED:
        painter.fillRect(QRectF(7, 7, 18, 18), color)
    else:
        painter.drawEllipse(_DISC)
        filled = {
            ConnectionState.DISCONNECTED: 0,
            ConnectionState.CONNECTING: _FULL_TURN // 4,
            ConnectionState.CONNECTED: _FULL_TURN // 2,
            ConnectionState.STREAMING: _FULL_TURN,
        }[state]
        painter.setBrush(color)
        painter.setPen(Qt.PenStyle.NoPen)
        if filled == _FULL_TURN:
            painter.drawEllipse(_CENTRE, 12.0, 12.0)
        elif filled:
            # From the top, clockwise, as a clock is read.
            painter.drawPie(_DISC, 90 * 16, -filled)


def _strike_out(painter: QPainter, colors: Colors) -> None:
    # Level, because the cross of a failure has both diagonals.
    ends = QPointF(2, 16), QPointF(30, 16)
    for color, width in ((colors.card, 6.0), (colors.text, 2.5)):
        painter.setPen(QPen(QColor(color), width))
        painter.drawLine(*ends)
