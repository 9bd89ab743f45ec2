"""The list of keys is read from the window's own actions, and stands beside the window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from core.monitor.events import EventLog
from gui.actions import WindowActions
from gui.settings import ThemeChoice
from gui.theme import Theme
from gui.view_models.rows import RowKind
from gui.view_models.text import UNKNOWN
from gui.widgets.event_panel import EventPanel
from gui.widgets.shortcut_sheet import SheetGroup, ShortcutSheet

PLOTS = SheetGroup("Plots", (("Show an earlier time", "Drag"), ("Zoom the time", "Wheel")))
SILENT = pytest.mark.qt_log_ignore("propagateSizeHints", r"raise\(\)")
"""Qt's offscreen platform cannot raise windows, and says so."""


class Room:
    """A window with menus, an event panel, a line to type into, and the sheet."""

    def __init__(self, qtbot: QtBot) -> None:
        self.asked: list[str] = []
        self.theme = Theme(ThemeChoice.DARK)
        self.theme.apply()
        self.window = QMainWindow()
        self.events = EventPanel(EventLog(lambda: 0, lambda: 0.0), self.theme)
        self.line = QLineEdit()
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.addWidget(self.line)
        column.addWidget(self.events)
        self.window.setCentralWidget(centre)
        self.sheet = ShortcutSheet(self.window, self.theme, (PLOTS,))
        self.actions = WindowActions(
            self.window,
            focus_address=self._note("address"),
            connect=self._note("connect"),
            disconnect=self._note("disconnect"),
            try_now=self._note("try now"),
            toggle_mute=self._note("mute"),
            change_volume=lambda step: self.asked.append(f"volume {step}"),
            rescan=self._note("rescan"),
            choose_theme=lambda choice: self.asked.append(choice.value),
            theme=ThemeChoice.DARK,
            dismiss=self._note("dismiss"),
            show_shortcuts=self.sheet.open_beside,
            copy_diagnostics=self._note("diagnostics"),
            open_log_folder=self._note("folder"),
        )
        qtbot.addWidget(self.window)

    def show(self, qtbot: QtBot) -> None:
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()

    def _note(self, what: str) -> Callable[[], None]:
        return lambda: self.asked.append(what)

    @property
    def groups(self) -> dict[str, dict[str, str]]:
        """Heading -> what -> keys."""
        groups: dict[str, dict[str, str]] = {}
        for row in self.sheet.rows():
            if row.kind is RowKind.HEADING:
                group = groups.setdefault(row.name, {})
            else:
                assert row.name not in group, "listed twice"
                group[row.name] = row.value
        return groups


@pytest.fixture
def room(qtbot: QtBot) -> Room:
    return Room(qtbot)


def test_every_action_of_every_menu_is_listed_with_its_keys(room: Room) -> None:
    groups = room.groups
    assert groups["Stream (Alt+S)"]["Connect"] == "Ctrl+Return, Ctrl+Enter"
    assert groups["Sound (Alt+N)"]["Mute"] == "M"
    assert groups["View (Alt+V)"]["Theme: Dark"] == UNKNOWN
    assert groups["Help (Alt+H)"] == {
        "Keyboard shortcuts": "F1, ?",
        "Copy diagnostics": "Ctrl+Shift+C",
        "Open the log folder": UNKNOWN,
    }
    # Each entry is kept while its menu is used: without it older PySide6 drops the menu.
    for entry in room.window.menuBar().actions():
        for action in entry.menu().actions():
            if not action.isSeparator() and action.menu() is None:
                assert any(action.text().replace("&", "") in group for group in groups.values()), action.text()


def test_keys_of_parts_of_the_window_stand_under_their_names(room: Room) -> None:
    log = room.groups["Event log"]
    assert log["Search the event log"] == "Ctrl+F"
    assert log["Copy"].startswith("Ctrl+C")
    assert log["Show events of level error"] == "Alt+4"


def test_mouse_and_keys_of_plots_can_be_added(room: Room) -> None:
    assert room.groups["Plots"] == dict(PLOTS.lines)


def test_an_action_that_comes_later_is_in_the_list_when_it_is_opened_again(room: Room) -> None:
    action = QAction("&Record", room.window)
    action.setShortcut(QKeySequence("Ctrl+R"))
    room.window.menuBar().actions()[0].menu().addAction(action)
    assert room.groups["Stream (Alt+S)"]["Record"] == "Ctrl+R"


@SILENT
@pytest.mark.parametrize("key", [Qt.Key.Key_F1, Qt.Key.Key_Question])
def test_f1_and_question_mark_open_it_beside_the_window_and_esc_closes_it(
    qtbot: QtBot, room: Room, key: Qt.Key
) -> None:
    room.show(qtbot)
    room.events.table.setFocus()
    QTest.keyClick(room.window, key)
    qtbot.waitUntil(lambda: QApplication.activeWindow() is room.sheet)
    assert not room.sheet.isModal()
    assert room.sheet.table.model().rowCount() == len(room.sheet.rows())
    QTest.keyClick(room.sheet, Qt.Key.Key_Escape)
    assert not room.sheet.isVisible()
    assert room.asked == [], "Esc was for the list"


@SILENT
def test_a_question_mark_can_still_be_typed(qtbot: QtBot, room: Room) -> None:
    room.show(qtbot)
    room.line.setFocus()
    QTest.keyClicks(room.line, "ws://h/p?")
    assert room.line.text() == "ws://h/p?"
    assert not room.sheet.isVisible()


@SILENT
def test_the_window_goes_on_working_while_the_list_is_open(qtbot: QtBot, room: Room) -> None:
    room.show(qtbot)
    room.sheet.open_beside()
    room.sheet.open_beside()
    room.window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is room.window)
    QTest.keyClick(room.window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert room.asked == ["diagnostics"]
    room.sheet.close_button.click()
    assert not room.sheet.isVisible()


def test_its_controls_have_names_and_tooltips(room: Room) -> None:
    for control in (room.sheet.table, room.sheet.close_button):
        assert control.accessibleName()
        assert control.toolTip()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_without_anything_to_help_with_there_is_no_help_menu(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    WindowActions(
        window,
        focus_address=lambda: None,
        connect=lambda: None,
        disconnect=lambda: None,
        try_now=lambda: None,
        toggle_mute=lambda: None,
        change_volume=lambda _step: None,
        rescan=lambda: None,
        choose_theme=lambda _choice: None,
        theme=ThemeChoice.DARK,
        dismiss=lambda: None,
    )
    assert [entry.text() for entry in window.menuBar().actions()] == ["&Stream", "Sou&nd", "&View"]
