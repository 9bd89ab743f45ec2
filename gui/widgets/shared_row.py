"""A row of constant height for two who never need it at once: nothing below moves when one gives way to the other.

The plots are what this is for: to lay them out anew takes some 20 ms, in which the event loop reads no packet.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from gui.widgets.banner import Banner


class SharedRow(QWidget):
    """Shows the banner for as long as that is not hidden, else ``host``.

    Who had the focus in ``host`` gets it back afterwards; meanwhile it is with the banner.
    """

    def __init__(self, host: QWidget, banner: Banner, parent: QWidget | None = None) -> None:
        """Both are taken in."""
        super().__init__(parent)
        self._host, self._banner = host, banner
        self._focused_before: QWidget | None = None
        host.setParent(self)
        banner.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._least = self.minimumSizeHint()
        banner.hide()
        banner.installEventFilter(self)
        banner.leaving.connect(self._take_back)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the higher one: the same whoever is shown."""
        return QSize(self._host.sizeHint().width(), self._height)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as the wider one needs."""
        return QSize(
            max(self._host.minimumSizeHint().width(), self._banner.minimumSizeHint().width()),
            self._height,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Both have all of it."""
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent) -> bool:
        """New texts inside concern nobody outside, unless they need more room."""
        if event.type() is QEvent.Type.LayoutRequest and self.minimumSizeHint() != self._least:
            self._least = self.minimumSizeHint()
            self.updateGeometry()
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Give way as soon as the banner says something."""
        if event.type() is QEvent.Type.ShowToParent:
            self._give_way()
        return super().eventFilter(watched, event)

    @property
    def _height(self) -> int:
        return max(self._host.sizeHint().height(), self._banner.minimumSizeHint().height())

    def _place(self) -> None:
        for widget in (self._host, self._banner):
            widget.setGeometry(self.rect())

    def _give_way(self) -> None:
        focused = QApplication.focusWidget()
        if focused is not None and self._host.isAncestorOf(focused):
            # Else it would go to wherever Qt thinks fit, and what is typed with it.
            self._focused_before = focused
            self._banner.dismiss_button.setFocus(Qt.FocusReason.OtherFocusReason)
        self._host.hide()

    def _take_back(self) -> None:
        self._host.show()
        focused = QApplication.focusWidget()
        if self._focused_before is not None and (focused is None or self._banner.isAncestorOf(focused)):
            self._focused_before.setFocus(Qt.FocusReason.OtherFocusReason)
        self._focused_before = None
