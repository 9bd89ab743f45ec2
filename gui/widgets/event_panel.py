"""Know: the event log with what it takes to find a line in it and to pass lines on."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.monitor.events import Event, EventLog, Level
from gui.theme import Theme
from gui.view_models.text import fixed
from gui.widgets.event_table import EventModel, EventTable, level_word, shape_and_word
from gui.widgets.labels import TextLabel, describe

_WIDEST_COUNT: Final = 2_000
"""As many as the table keeps."""


class EventPanel(QWidget):
    """Level buttons and a search above the `EventTable`. Filtering costs only the lines that are new.

    `bar` holds the buttons and the search; whoever has a better place for it may take it there.
    """

    search_wanted = Signal()
    """Somebody is about to search: whoever holds the panel brings it into sight."""

    def __init__(self, log: EventLog, theme: Theme, parent: QWidget | None = None) -> None:
        """Read from ``log``, and show all of it."""
        super().__init__(parent)
        self.setAccessibleName(self.tr("Event log"))
        self.table = EventTable(log, theme)
        self.levels = {level: LevelButton(level, f"Alt+{at}") for at, level in enumerate(Level, 1)}
        self.search = SearchEdit()
        self.clear_search = QToolButton()
        self.clear_search.setText("✕")
        self.clear_search.setEnabled(False)
        self.empty = TextLabel(role="muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        # A sentence must not make the window wider than its table does.
        self.empty.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        describe(
            self.search,
            self.tr("Search the event log"),
            self.tr("Show only lines that contain this text (Ctrl+F; Esc clears it)"),
        )
        describe(self.clear_search, self.tr("Clear the search"), self.tr("Show all lines again (Esc in the search)"))
        self._lay_out()
        self._make_actions()
        for button in self.levels.values():
            button.action.toggled.connect(self._on_levels)
        self.search.textChanged.connect(self._on_search)
        self.clear_search.clicked.connect(self._on_clear)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._offer_copying())
        self._offer_copying()
        self._show_page()

    @property
    def events(self) -> EventModel:
        """All events, whatever is shown of them."""
        return self.table.events

    def show_new(self) -> list[Event]:
        """Show what is new in the log, and give it back: all of it, whatever is filtered."""
        new = self.table.show_new()
        if new:
            for level, button in self.levels.items():
                button.show_count(self.events.counts[level])
            self._show_page()
        return new

    def focus_search(self) -> None:
        """Let the user type what to look for."""
        self.search_wanted.emit()
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def copy_selected(self) -> None:
        """Put the selected lines onto the clipboard."""
        self._copy(self.table.lines(only_selected=True))

    def copy_shown(self) -> None:
        """Put all lines that are shown onto the clipboard."""
        self._copy(self.table.lines())

    def _lay_out(self) -> None:
        self.bar = QWidget()
        # As the panel itself: it may come to stand outside of it.
        self.bar.setAccessibleName(self.accessibleName())
        bar = QHBoxLayout(self.bar)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.setSpacing(4)
        for button in self.levels.values():
            bar.addWidget(button)
        bar.addSpacing(8)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.clear_search)
        self._pages = QStackedLayout()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.bar)
        column.addLayout(self._pages, 1)

    def _make_actions(self) -> None:
        self.find_action = QAction(self.tr("Search the event log"), self)
        self.find_action.setShortcut(QKeySequence("Ctrl+F"))
        self.find_action.triggered.connect(self.focus_search)
        self.addAction(self.find_action)
        self.copy_action = QAction(self.tr("&Copy"), self.table)
        self.copy_action.setShortcuts(QKeySequence.StandardKey.Copy)
        # Elsewhere the same keys copy what is selected there.
        self.copy_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.copy_action.triggered.connect(self.copy_selected)
        self.copy_all_action = QAction(self.tr("Copy &all shown"), self.table)
        self.copy_all_action.triggered.connect(self.copy_shown)
        self._menu = QMenu(self.table)
        for action in (self.copy_action, self.copy_all_action):
            self.table.addAction(action)
            self._menu.addAction(action)
        # Qt's own way would open the menu with `exec`, an event loop within the event loop.
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._open_menu)

    def _open_menu(self, at: QPoint) -> None:
        self._menu.popup(self.table.viewport().mapToGlobal(at))

    def _offer_copying(self) -> None:
        self.copy_action.setEnabled(self.table.selectionModel().hasSelection())

    def _copy(self, lines: list[str]) -> None:
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    def _on_levels(self) -> None:
        self.table.show_levels(level for level, button in self.levels.items() if button.action.isChecked())
        self._show_page()

    def _on_search(self, text: str) -> None:
        self.clear_search.setEnabled(bool(text))
        self.table.show_only(text)
        self._show_page()

    def _on_clear(self) -> None:
        # First the focus: a button that is disabled while it has the focus gives it to its neighbour.
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)
        self.search.clear()

    def _show_page(self) -> None:
        is_empty = self.table.shown.rowCount() == 0
        if is_empty:
            self.empty.show_text(self._empty_text())
        self._pages.setCurrentWidget(self.empty if is_empty else self.table)

    def _empty_text(self) -> str:
        if self.events.rowCount() == 0:
            return self.tr("Nothing has happened yet.")
        if not any(button.action.isChecked() for button in self.levels.values()):
            return self.tr("All levels are hidden: press one of the buttons above.")
        wanted = self.search.text().strip()
        if wanted:
            return self.tr("No event of the levels shown contains “{text}”.").format(text=wanted)
        return self.tr("There is no event of the levels shown.")


class LevelButton(QToolButton):
    """Shows or hides the events of one level, and says how many there are; struck out while they are hidden."""

    def __init__(self, level: Level, key: str, parent: QWidget | None = None) -> None:
        """Pressed: they are shown. ``key`` does the same as pressing the button."""
        super().__init__(parent)
        self._text = shape_and_word(level)
        word = level_word(level)
        self.action = QAction(self.tr("Show events of level {level}").format(level=word), self)
        self.action.setCheckable(True)
        self.action.setChecked(True)
        self.action.setShortcut(QKeySequence(key))
        tooltip = self.tr("Show or hide events of level {level}; the number says how many there are ({key})")
        self.action.setToolTip(tooltip.format(level=word, key=key))
        self.show_count(_WIDEST_COUNT)
        # A button takes its text from the action's icon text; the action's own text is for the list of keys.
        self.setDefaultAction(self.action)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(self, self.action.text(), self.action.toolTip())
        self._fix_size()
        self.show_count(0)
        self.action.toggled.connect(self._strike_out)

    def show_count(self, count: int) -> None:
        """Say how many events of this level there are."""
        self.action.setIconText(f"{self._text} {fixed(count)}")

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Another font or style needs another size."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and hasattr(self, "action"):
            shown = self.action.iconText()
            self.show_count(_WIDEST_COUNT)
            self._fix_size()
            self.action.setIconText(shown)

    def _fix_size(self) -> None:
        """Wide enough for every number: a button of a fixed size causes no new layout when its text changes."""
        self.setFixedSize(self.sizeHint())

    def _strike_out(self, is_shown: bool) -> None:
        font = self.font()
        font.setStrikeOut(not is_shown)
        self.setFont(font)


class SearchEdit(QLineEdit):
    """A line to search with: Esc empties it, and means what it means elsewhere while there is nothing to empty."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(parent)
        self.setPlaceholderText(self.tr("Search (Ctrl+F)"))
        self.setMinimumWidth(120)

    def event(self, event: QEvent) -> bool:
        """Claim Esc before the window's own shortcut gets it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._empties(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Esc empties the line."""
        if self._empties(event):
            self.clear()
        else:
            super().keyPressEvent(event)

    def _empties(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape and bool(self.text())
