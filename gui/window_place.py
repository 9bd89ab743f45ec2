"""Where a window may stand: never larger than the screen has room for, whatever was remembered from another one."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QStyle, QWidget

_FILLS: Qt.WindowState = Qt.WindowState.WindowMaximized | Qt.WindowState.WindowFullScreen


def fit_to_screen(window: QWidget, available: QRect | None = None) -> None:
    """Make ``window`` small enough for ``available``, title bar included, and pull it into that.

    By default that is what its screen has left beside panels and docks. A window that fills its screen is left alone.
    """
    if window.windowState() & _FILLS:
        return
    if available is None:
        available = window.screen().availableGeometry()
    # How high the desktop's own title bar is can only be asked of a window that is shown.
    title_px = window.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight)
    size = window.size().boundedTo(QSize(available.width(), available.height() - title_px))
    if size != window.size():
        window.resize(size)
    if window.testAttribute(Qt.WidgetAttribute.WA_Moved):
        window.move(_within(window.pos(), QSize(size.width(), size.height() + title_px), available))


def _within(at: QPoint, size: QSize, available: QRect) -> QPoint:
    """The point nearest to ``at`` for something of ``size``; its beginning counts where it does not fit."""
    rest = available.size() - size
    x = min(at.x(), available.x() + rest.width())
    y = min(at.y(), available.y() + rest.height())
    return QPoint(max(x, available.x()), max(y, available.y()))
