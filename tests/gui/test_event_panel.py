"""The event log can be searched and filtered, and its lines can be taken along."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QMainWindow
from pytestqt.qtbot import QtBot

from core.monitor.events import EventLog, Level
from gui.settings import ThemeChoice
from gui.theme import Theme
from gui.widgets.event_panel import EventPanel


class Room:
    """A window with the panel in it, and the log that it shows."""

    def __init__(self, qtbot: QtBot) -> None:
        self.log = EventLog(lambda: 0, lambda: 1_760_000_000.25)
        self.theme = Theme(ThemeChoice.DARK)
        self.theme.apply()
        self.window = QMainWindow()
        self.panel = EventPanel(self.log, self.theme)
        self.window.setCentralWidget(self.panel)
        self.window.resize(900, 240)
        qtbot.addWidget(self.window)

    def show(self, qtbot: QtBot) -> None:
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()

    def say(self, *lines: tuple[Level, str]) -> None:
        for level, text in lines:
            self.log.add(level, text)
        self.panel.show_new()

    @property
    def texts(self) -> list[str]:
        """The texts that are shown."""
        return [line.split("  ", 2)[2] for line in self.panel.table.lines()]


SOME = (
    (Level.INFO, "Connecting to ws://127.0.0.1:8765"),
    (Level.CHANGE, "frame size is now 10 ms"),
    (Level.WARNING, "underrun: nothing to play for 62 ms"),
    (Level.WARNING, "underrun: nothing to play for 24 ms"),
    (Level.ERROR, "the sound device has gone"),
)


@pytest.fixture
def room(qtbot: QtBot) -> Room:
    room = Room(qtbot)
    room.say(*SOME)
    return room


def test_every_level_can_be_hidden_and_says_how_many_there_are(room: Room) -> None:
    buttons = room.panel.levels
    assert [buttons[level].text() for level in Level] == ["· info 1", "◆ change 1", "▲ warning 2", "✕ error 1"]
    buttons[Level.WARNING].click()
    assert room.texts == ["Connecting to ws://127.0.0.1:8765", "frame size is now 10 ms", "the sound device has gone"]
    room.say((Level.WARNING, "underrun: nothing to play for 11 ms"))
    assert len(room.texts) == 3
    assert buttons[Level.WARNING].text() == "▲ warning 3", "hidden ones are counted, too"
    buttons[Level.WARNING].click()
    assert len(room.texts) == 6


def test_that_a_level_is_hidden_is_not_told_by_colour_alone(room: Room) -> None:
    button = room.panel.levels[Level.ERROR]
    assert not button.font().strikeOut()
    button.click()
    assert button.font().strikeOut()
    assert not button.isChecked()
    assert button.text() == "✕ error 1"


def test_new_counts_cause_no_new_layout(room: Room) -> None:
    sizes = {level: button.size() for level, button in room.panel.levels.items()}
    for _ in range(150):
        room.say((Level.INFO, "target delay 40 -> 60 ms"))
    for level, button in room.panel.levels.items():
        assert button.minimumSize() == button.maximumSize() == sizes[level]
        assert button.sizeHint().width() <= sizes[level].width()


def test_a_search_finds_text_level_and_time_whatever_the_capitals(room: Room) -> None:
    for wanted, found in (("UNDERRUN", 2), ("error", 1), (".250", 5), ("10 ms", 1), ("  ", 5)):
        room.panel.search.setText(wanted)
        assert len(room.texts) == found, wanted


def test_search_and_levels_hold_together(room: Room) -> None:
    room.panel.search.setText("ms")
    room.panel.levels[Level.WARNING].click()
    assert room.texts == ["frame size is now 10 ms"]


def test_what_is_filtered_away_still_reaches_whoever_asks_for_the_news(room: Room) -> None:
    room.panel.search.setText("nothing like it")
    room.log.add(Level.ERROR, "the disk is full")
    assert [event.text for event in room.panel.show_new()] == ["the disk is full"]
    assert room.panel.show_new() == []
    assert room.panel.events.rowCount() == 6


@pytest.mark.parametrize(
    ("wanted", "hidden", "sentence"),
    [
        ("violin", (), "No event of the levels shown contains “violin”."),
        ("", tuple(Level), "All levels are hidden: press one of the buttons above."),
    ],
)
def test_where_nothing_matches_a_sentence_says_so(
    room: Room, wanted: str, hidden: tuple[Level, ...], sentence: str
) -> None:
    for level in hidden:
        room.panel.levels[level].click()
    room.panel.search.setText(wanted)
    assert room.panel.table.isHidden()
    assert room.panel.empty.text() == sentence
    room.panel.search.clear()
    for level in hidden:
        room.panel.levels[level].click()
    assert not room.panel.table.isHidden()


def test_an_empty_log_and_a_level_without_events_say_so(qtbot: QtBot) -> None:
    room = Room(qtbot)
    assert room.panel.empty.text() == "Nothing has happened yet."
    room.say((Level.INFO, "Connecting"))
    room.panel.levels[Level.INFO].click()
    assert room.panel.empty.text() == "There is no event of the levels shown."
    room.say((Level.ERROR, "the device has gone"))
    assert not room.panel.table.isHidden(), "a line that matches takes the sentence's place"


def test_ctrl_f_leads_to_the_search_and_esc_clears_it_before_it_means_anything_else(qtbot: QtBot, room: Room) -> None:
    dismissed: list[bool] = []
    dismiss = QAction("Dismiss", room.window)
    dismiss.setShortcut(QKeySequence("Esc"))
    dismiss.triggered.connect(lambda: dismissed.append(True))
    room.window.addAction(dismiss)
    room.show(qtbot)
    room.panel.table.setFocus()
    QTest.keyClick(room.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert room.panel.search.hasFocus()
    QTest.keyClicks(room.panel.search, "gone")
    assert room.texts == ["the sound device has gone"]
    QTest.keyClick(room.panel.search, Qt.Key.Key_Escape)
    assert (room.panel.search.text(), dismissed) == ("", [])
    assert len(room.texts) == 5
    QTest.keyClick(room.panel.search, Qt.Key.Key_Escape)
    assert dismissed == [True]


def test_ctrl_f_in_a_menu_finds_the_panel_even_where_it_is_out_of_sight(qtbot: QtBot, room: Room) -> None:
    room.window.menuBar().addMenu("View").addAction(room.panel.find_action)
    room.panel.search_wanted.connect(room.panel.show)
    room.show(qtbot)
    room.panel.hide()
    QTest.keyClick(room.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert room.panel.isVisible()
    assert room.panel.search.hasFocus()


def test_the_clear_button_works_where_there_is_something_to_clear(room: Room) -> None:
    assert not room.panel.clear_search.isEnabled()
    room.panel.search.setText("gone")
    room.panel.clear_search.click()
    assert room.panel.search.text() == ""
    assert not room.panel.clear_search.isEnabled()
    assert len(room.texts) == 5


def test_alt_and_a_digit_press_the_level_buttons(qtbot: QtBot, room: Room) -> None:
    room.show(qtbot)
    QTest.keyClick(room.window, Qt.Key.Key_4, Qt.KeyboardModifier.AltModifier)
    assert not room.panel.levels[Level.ERROR].isChecked()
    assert len(room.texts) == 4


def test_ctrl_c_copies_the_selected_lines_in_the_order_of_the_log(qtbot: QtBot, room: Room) -> None:
    room.show(qtbot)
    room.panel.levels[Level.WARNING].click()
    table = room.panel.table
    table.setFocus()
    assert not room.panel.copy_action.isEnabled(), "nothing is selected yet"
    table.selectRow(2)
    table.selectionModel().select(
        table.model().index(1, 0),
        table.selectionModel().SelectionFlag.Select | table.selectionModel().SelectionFlag.Rows,
    )
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    first, second = QGuiApplication.clipboard().text().split("\n")
    assert first.endswith(".250  change  frame size is now 10 ms")
    assert second.endswith(".250  error  the sound device has gone")


def test_ctrl_c_in_the_search_copies_what_is_selected_there(qtbot: QtBot, room: Room) -> None:
    room.show(qtbot)
    room.panel.table.selectRow(0)
    room.panel.search.setText("ms")
    room.panel.focus_search()
    QTest.keyClick(room.panel.search, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "ms"


def test_all_that_is_shown_can_be_copied(room: Room) -> None:
    room.panel.search.setText("underrun")
    room.panel.copy_all_action.trigger()
    assert [line.split("  ")[2] for line in QGuiApplication.clipboard().text().split("\n")] == room.texts


@pytest.mark.qt_log_ignore("propagateSizeHints", r"raise\(\)", "grabbing the keyboard")
def test_the_context_menu_offers_both_and_does_not_stop_the_event_loop(qtbot: QtBot, room: Room) -> None:
    room.show(qtbot)
    room.panel.table.customContextMenuRequested.emit(QPoint(5, 5))
    menu = room.panel._menu
    assert menu.isVisible()
    assert [action.text() for action in menu.actions()] == ["&Copy", "Copy &all shown"]
    menu.close()


def test_the_newest_line_stays_in_sight_unless_the_user_has_scrolled_up(qtbot: QtBot, room: Room) -> None:
    room.show(qtbot)
    bar = room.panel.table.verticalScrollBar()
    room.say(*[(Level.INFO, f"line {at}") for at in range(100)])
    qtbot.waitUntil(lambda: bar.maximum() > 50)
    assert bar.value() == bar.maximum()
    before = bar.maximum()
    room.window.resize(900, 180)
    qtbot.waitUntil(lambda: bar.maximum() > before)
    assert bar.value() == bar.maximum(), "a smaller window is no scrolling up"
    bar.setValue(10)
    room.say((Level.INFO, "one more"))
    before = bar.maximum()
    qtbot.waitUntil(lambda: bar.maximum() > before)
    assert bar.value() == 10
    bar.setValue(bar.maximum())
    room.say((Level.INFO, "another one"))
    qtbot.waitUntil(lambda: bar.maximum() > before + 1)
    assert bar.value() == bar.maximum()


def test_a_line_that_was_found_stays_in_sight_when_the_search_is_over(qtbot: QtBot, room: Room) -> None:
    room.say(*[(Level.INFO, f"line {at}") for at in range(100)])
    room.show(qtbot)
    room.panel.search.setText("gone")
    room.panel.table.selectRow(0)
    room.panel.search.clear()
    table = room.panel.table
    index = table.selectionModel().selectedRows()[0]
    assert table.shown.event_at(index.row()).text == "the sound device has gone"
    assert table.viewport().rect().contains(table.visualRect(index).center())


def test_the_oldest_lines_go_from_the_filtered_list_too(room: Room) -> None:
    room.panel.levels[Level.INFO].click()
    room.say(*[(Level.INFO, f"line {at}") for at in range(1_997)])
    assert len(room.texts) == 3, "the first two are forgotten, and one of those was shown"
    assert room.panel.levels[Level.CHANGE].text() == "◆ change 0"
    assert room.panel.events.rowCount() == 2_000
    room.panel.search.setText("line 1995")
    room.panel.levels[Level.INFO].click()
    assert room.texts == ["line 1995"]


def test_every_control_has_a_name_and_a_tooltip_and_is_reached_by_tab(room: Room) -> None:
    controls = [*room.panel.levels.values(), room.panel.search, room.panel.clear_search]
    for control in controls:
        assert control.accessibleName(), control
        assert control.toolTip(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control
    names = [button.accessibleName() for button in controls if isinstance(button, QAbstractButton)]
    assert len(set(names)) == len(names)


def test_both_themes_colour_the_panel(room: Room) -> None:
    for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
        room.theme.choose(choice)
        row = room.panel.table.model().index(2, 1)
        shown = row.data(Qt.ItemDataRole.ForegroundRole).name()
        assert shown == room.theme.colors.warning
