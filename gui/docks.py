"""The panels of the window as docks: they can be moved, stacked, closed and brought back, and are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QPixmap
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

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


class PlotPlace(QFrame):
    """Looks like a plot without anything in it, until there is one: the window is seen before its plots are made."""

    def __init__(self, least_height_px: int) -> None:
        """As high as the plot will be at least, so that nothing moves when it comes."""
        super().__init__()
        self.setObjectName("plotPlace")
        self.setMinimumHeight(least_height_px)


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
        is_legend_below: bool = False,
    ) -> None:
        """``name`` stays the same for ever: layouts are remembered by it. ``beside`` stands after the title, or
        ``tools`` do, which are never left out; where the title leaves no room, it stands in a line of its own.
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
        if is_legend_below:
            row.addStretch(1)
        else:
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
        self._close_button = close
        card = make_card()
        self._column = QVBoxLayout(card)
        self._column.setContentsMargins(6, 2, 6, 4)
        if is_legend_below:
            self._column.addWidget(self.legend)
        self._title, self._tooltip = title, tooltip
        self._put(content)
        self.setTitleBarWidget(bar)
        self.setWidget(card)
        self.toggleViewAction().setText(title)
        self.toggleViewAction().setToolTip(tooltip)

    def furnish(self, content: QWidget) -> None:
        """Put ``content`` where a `PlotPlace` has kept room for it."""
        place = self._content
        self._column.removeWidget(place)
        place.hide()
        place.deleteLater()
        self._put(content)

    def picture(self) -> QPixmap:
        """As it looks, without what is only there to be clicked."""
        cross = self._close_button.text()
        self._close_button.setText("")
        try:
            return self.grab()
        finally:
            self._close_button.setText(cross)

    def _put(self, content: QWidget) -> None:
        self._content = content
        content.setAccessibleName(content.accessibleName() or self._title)
        content.setAccessibleDescription(content.accessibleDescription() or self._tooltip)
        self._column.addWidget(content, 1)


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
        """Nothing is seen before `reset` or `restore`. ``below`` and each group of ``side`` share a place, a tab each.

        To place them first and restore them then would take longer, and leave a stray row of tabs behind.
        """
        self._window = window
        self._watch, self._below, self._side, self._closed = watch, below, side, closed
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        window.setDocumentMode(True)
        for dock in self.all:
            dock.setParent(window)
            # The same stray tabs remain of docks that are placed while they are to be seen.
            dock.hide()

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
            if dock.isFloating():
                dock.setFloating(False)
            window.removeDockWidget(dock)
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
        """As remembered; tells whether that could be understood. If not, `reset` is for the caller."""
        return self._window.restoreState(state, LAYOUT_VERSION)

    def state(self) -> bytes:
        """What `restore` takes."""
        return bytes(self._window.saveState(LAYOUT_VERSION).data())

    def _stack(self, top: PanelDock, docks: Sequence[PanelDock]) -> None:
        for dock in docks:
            self._window.splitDockWidget(top, dock, Qt.Orientation.Vertical)
            top = dock
