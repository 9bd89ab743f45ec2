"""The panels of the window as docks: they can be moved, stacked, closed and brought back, and are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QTabWidget, QToolButton, QVBoxLayout, QWidget

from gui.widgets.labels import LegendRow, ShrinkingLabel, TextLabel, describe, make_card

LAYOUT_VERSION: Final = 1
"""Of what `QMainWindow.saveState` writes; another one is not restored, since the panels are others."""

_BUTTON_PX: Final = 18

_WATCH_WIDTH: Final = 1_170
_SIDE_WIDTH: Final = 400
_PLOT_HEIGHT: Final = 140
_BELOW_HEIGHT: Final = 205
_SIDE_HEIGHTS: Final = (240, 260, 320)
"""Of the groups at the side; all are shares of what there is."""


class PanelDock(QDockWidget):
    """A panel in a card. Its title bar holds what belongs to it: legend, present value, a button that closes it."""

    def __init__(
        self,
        name: str,
        title: str,
        tooltip: str,
        content: QWidget,
        beside: Sequence[QWidget] = (),
        tools: QWidget | None = None,
    ) -> None:
        """``name`` stays the same for ever: layouts are remembered by it. ``beside`` stands after the title, or
        ``tools`` do, which are never left out.
        """
        super().__init__(title)
        self.setObjectName(name)
        self.value = ShrinkingLabel("", "heading")
        heading = TextLabel(title, "heading")
        heading.setToolTip(tooltip)
        bar = QWidget()
        bar.setObjectName("dockTitle")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 4, 4, 0)
        row.setSpacing(14)
        row.addWidget(heading)
        self.legend = LegendRow(beside)
        row.addWidget(tools or self.legend, 1)
        row.addWidget(self.value)
        close = QToolButton()
        close.setObjectName("dockClose")
        close.setText("✕")
        close.setAutoRaise(True)
        close.setFixedSize(QSize(_BUTTON_PX, _BUTTON_PX))
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        describe(close, self.tr("Close {0}").format(title), self.tr("Close this panel; View, Panels brings it back"))
        close.clicked.connect(self.close)
        row.addWidget(close)
        card = make_card()
        column = QVBoxLayout(card)
        column.setContentsMargins(6, 2, 6, 4)
        column.addWidget(content)
        content.setAccessibleName(content.accessibleName() or title)
        content.setAccessibleDescription(content.accessibleDescription() or tooltip)
        self.setTitleBarWidget(bar)
        self.setWidget(card)
        self.toggleViewAction().setText(title)
        self.toggleViewAction().setToolTip(tooltip)


class Docks:
    """Where the panels stand: ``watch`` on the left with ``below`` stacked under them, ``side`` on the right."""

    def __init__(
        self,
        window: QMainWindow,
        watch: Sequence[PanelDock],
        below: Sequence[PanelDock],
        side: Sequence[Sequence[PanelDock]],
        closed: Sequence[PanelDock],
    ) -> None:
        """Put them into ``window``; ``below`` and each group of ``side`` share a place, one tab each."""
        self._window = window
        self._watch, self._below, self._side, self._closed = watch, below, side, closed
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        window.setDocumentMode(True)
        self.reset()

    @property
    def all(self) -> list[PanelDock]:
        """Every panel, in the order of the menu."""
        return [*self._watch, *self._below, *(dock for group in self._side for dock in group)]

    @property
    def toggle_actions(self) -> list[QAction]:
        """One for each panel: shows or closes it."""
        return [dock.toggleViewAction() for dock in self.all]

    def reset(self) -> None:
        """As at the first start."""
        window, area = self._window, Qt.DockWidgetArea.BottomDockWidgetArea
        for dock in self.all:
            window.removeDockWidget(dock)
            if dock.isFloating():
                dock.setFloating(False)
        first, first_side = self._watch[0], self._side[0][0]
        window.addDockWidget(area, first)
        window.splitDockWidget(first, first_side, Qt.Orientation.Horizontal)
        self._stack(first, [*self._watch[1:], self._below[0]])
        self._stack(first_side, [group[0] for group in self._side[1:]])
        for group in (self._below, *self._side):
            for dock in group[1:]:
                window.tabifyDockWidget(group[0], dock)
        for dock in self.all:
            dock.setVisible(dock not in self._closed)
        for group in (self._below, *self._side):
            group[0].raise_()
        self.resize()

    def resize(self) -> None:
        """Give the panels their usual sizes; only what is laid out can be resized, so once more when first shown."""
        window = self._window
        window.resizeDocks([self._watch[0], self._side[0][0]], [_WATCH_WIDTH, _SIDE_WIDTH], Qt.Orientation.Horizontal)
        left = [dock for dock in self._watch if dock not in self._closed]
        window.resizeDocks(
            [*left, self._below[0]], [_PLOT_HEIGHT] * len(left) + [_BELOW_HEIGHT], Qt.Orientation.Vertical
        )
        window.resizeDocks([group[0] for group in self._side], list(_SIDE_HEIGHTS), Qt.Orientation.Vertical)

    def restore(self, state: bytes) -> bool:
        """As remembered; tells whether that could be understood."""
        return self._window.restoreState(state, LAYOUT_VERSION)

    def state(self) -> bytes:
        """What `restore` takes."""
        return bytes(self._window.saveState(LAYOUT_VERSION).data())

    def _stack(self, top: PanelDock, docks: Sequence[PanelDock]) -> None:
        for dock in docks:
            self._window.splitDockWidget(top, dock, Qt.Orientation.Vertical)
            top = dock
