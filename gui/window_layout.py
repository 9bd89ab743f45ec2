"""Where the parts of the window stand: connect and listen above, watch on the left, tune and know on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from gui import settings
from gui.settings import SettingsStore
from gui.widgets.labels import make_card

FIRST_SIZE: Final = (1600, 1000)
_SIDE_WIDTH: Final = 400
_EVENTS_HEIGHT: Final = 150
_GAP: Final = 8


class WindowLayout(QWidget):
    """The middle of the window; it remembers how its splitters stand."""

    def __init__(
        self,
        top: Sequence[QWidget],
        banner: QWidget,
        watch: QWidget,
        events: QWidget,
        tune: QWidget,
        statistics: QWidget,
    ) -> None:
        """Take the parts in."""
        super().__init__()
        side = QWidget()
        side_column = QVBoxLayout(side)
        side_column.setContentsMargins(0, 0, 0, 0)
        side_column.setSpacing(_GAP)
        side_column.addWidget(tune)
        side_column.addWidget(_in_card(statistics), 1)
        self._events_splitter = _splitter(
            Qt.Orientation.Vertical, watch, _in_card(events), (FIRST_SIZE[1], _EVENTS_HEIGHT)
        )
        self._side_splitter = _splitter(
            Qt.Orientation.Horizontal, self._events_splitter, side, (FIRST_SIZE[0] - _SIDE_WIDTH, _SIDE_WIDTH)
        )
        top_row = QHBoxLayout()
        top_row.setSpacing(_GAP)
        for panel in top:
            top_row.addWidget(panel, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, _GAP, 10, 10)
        column.setSpacing(_GAP)
        column.addLayout(top_row)
        column.addWidget(banner)
        column.addWidget(self._side_splitter, 1)

    def restore(self, store: SettingsStore) -> None:
        """Stand as remembered; what makes no sense to Qt is ignored by it."""
        for setting, splitter in self._remembered():
            if stored := store.get(setting):
                splitter.restoreState(stored)

    def remember(self, store: SettingsStore) -> None:
        """Write down how it stands."""
        for setting, splitter in self._remembered():
            store.set(setting, bytes(splitter.saveState().data()))

    def _remembered(self) -> tuple[tuple[settings.Setting[bytes], QSplitter], ...]:
        return (
            (settings.SIDE_SPLITTER, self._side_splitter),
            (settings.EVENTS_SPLITTER, self._events_splitter),
        )


def _in_card(inner: QWidget) -> QWidget:
    card = make_card()
    layout = QVBoxLayout(card)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.addWidget(inner)
    return card


def _splitter(orientation: Qt.Orientation, first: QWidget, second: QWidget, sizes: tuple[int, int]) -> QSplitter:
    """Two parts; the first one takes what there is more."""
    splitter = QSplitter(orientation)
    splitter.addWidget(first)
    splitter.addWidget(second)
    splitter.setHandleWidth(_GAP)
    splitter.setChildrenCollapsible(False)
    splitter.setStretchFactor(0, 1)
    splitter.setStretchFactor(1, 0)
    splitter.setSizes(list(sizes))
    return splitter
