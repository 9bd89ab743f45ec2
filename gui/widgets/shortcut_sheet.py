"""Know: every key and what it does, read from the actions that really are in the window."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QMainWindow, QMenu, QVBoxLayout, QWidget

from gui.theme import Theme
from gui.view_models.rows import Row, heading
from gui.view_models.text import UNKNOWN
from gui.widgets.labels import describe
from gui.widgets.statistics_table import StatisticsTable

_FIRST_SIZE = (560, 640)
_MNEMONIC = re.compile(r"&(.)")


@dataclass(frozen=True, slots=True)
class SheetGroup:
    """Keys or mouse gestures that belong to no action: ``lines`` are pairs of what it does and how."""

    title: str
    lines: Sequence[tuple[str, str]]


class ShortcutSheet(QDialog):
    """A list beside the window, which goes on working; it is read anew whenever it is opened."""

    def __init__(self, window: QMainWindow, theme: Theme, more: Sequence[SheetGroup] = ()) -> None:
        """About ``window``; ``more`` stands below its actions."""
        super().__init__(window)
        self._window = window
        self._more = tuple(more)
        self.setModal(False)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.table = StatisticsTable(theme)
        # Unlike statistics, it is longer than the screen is high: with the focus, keys scroll it.
        self.table.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(self.table, self.tr("Keyboard shortcuts"), self.tr("What can be done, and the keys that do it"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.close_button = buttons.button(QDialogButtonBox.StandardButton.Close)
        describe(self.close_button, self.tr("Close"), self.tr("Close this list (Esc)"))
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.table, 1)
        column.addWidget(buttons)
        self.resize(*_FIRST_SIZE)

    def open_beside(self) -> None:
        """Show the keys as they are now. Returns at once: a dialog with an event loop of its own would stop audio's."""
        self.table.show_rows(self.rows())
        self.show()
        self.raise_()
        self.activateWindow()

    def rows(self) -> list[Row]:
        """A heading for each menu and for each part of the window with keys of its own, and their lines."""
        rows: list[Row] = []
        seen: set[QAction] = set()
        for entry in self._window.menuBar().actions():
            menu = entry.menu()
            if isinstance(menu, QMenu):
                rows.append(heading(_with_key(plain(entry.text()), QKeySequence.mnemonic(entry.text()))))
                rows += self._menu_rows(menu, "", seen)
        for owner in (self._window, *self._window.findChildren(QWidget)):
            if owner.window() is self._window:
                rows += self._owned_rows(owner, seen)
        for group in self._more:
            rows.append(heading(group.title))
            rows += [Row(what, how) for what, how in group.lines]
        return _merged(rows)

    def _menu_rows(self, menu: QMenu, path: str, seen: set[QAction]) -> Iterator[Row]:
        for action in menu.actions():
            seen.add(action)
            inner = action.menu()
            if isinstance(inner, QMenu):
                yield from self._menu_rows(inner, f"{path}{plain(action.text())}: ", seen)
            elif not action.isSeparator():
                yield Row(f"{path}{plain(action.text())}", keys_of(action), action.toolTip())

    def _owned_rows(self, owner: QWidget, seen: set[QAction]) -> list[Row]:
        """Actions with keys that stand in no menu of the bar, under the name of the nearest part that has one."""
        found = [action for action in owner.actions() if action.shortcuts() and action not in seen]
        seen.update(found)
        if not found:
            return []
        rows = [Row(plain(action.text()), keys_of(action), action.toolTip()) for action in found]
        return [heading(self._name_of(owner)), *rows]

    def _name_of(self, owner: QWidget) -> str:
        """The outermost named part of the window around ``owner``: the card, not the button in it."""
        name = ""
        part: QWidget | None = owner
        while part is not None and part is not self._window:
            name = part.accessibleName() or name
            part = part.parentWidget()
        return name or self.tr("Window")


def plain(text: str) -> str:
    """An action's text without the mark of its mnemonic."""
    return _MNEMONIC.sub(r"\1", text)


def keys_of(action: QAction) -> str:
    """All keys of an action as this system writes them; an em dash where it has none."""
    texts = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
    return ", ".join(text for text in texts if text) or UNKNOWN


def _with_key(text: str, key: QKeySequence) -> str:
    shown = key.toString(QKeySequence.SequenceFormat.NativeText)
    return f"{text} ({shown})" if shown else text


def _merged(rows: list[Row]) -> list[Row]:
    """Several owners may have one name: their rows stand under one heading, in the order they were found."""
    groups: dict[str, list[Row]] = {}
    title = ""
    for row in rows:
        if row.kind is heading("").kind:
            title = row.name
            groups.setdefault(title, [])
        else:
            groups[title].append(row)
    return [line for name, lines in groups.items() for line in (heading(name), *lines)]
