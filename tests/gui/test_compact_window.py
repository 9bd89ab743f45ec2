"""The compact window turns the same knobs as the full one, and one of the two can always be seen."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QSlider, QToolButton

from core.receiver.status import ConnectionState
from gui import settings
from gui.compact_room import CompactRoom
from gui.settings import SettingsStore
from gui.theme import Theme
from tests.gui.conftest import URL, Bench, eventually


def make_room(bench: Bench) -> CompactRoom:
    window = bench.window
    return CompactRoom(
        window,
        window.listen_panel,
        bench.owner,
        bench.store,
        bench.theme,
        connect=lambda: window.connect_to(window.connect_panel.typed_url),
        disconnect=bench.owner.stop,
        dismiss=window.banner.dismiss,
        problem=lambda: window.banner.text,
        clock_ns=bench.clock,
        parent=window,
    )


@pytest.fixture
def room(bench: Bench) -> CompactRoom:
    """Wired as the window wires it."""
    room = make_room(bench)
    bench.window.closing.connect(room.end)
    bench.window.show()
    return room


async def test_one_of_the_two_windows_can_be_seen_at_any_time(bench: Bench, room: CompactRoom) -> None:
    assert not room.is_open
    room.open()
    assert room.is_open
    assert not bench.window.isVisible()
    room.window.full.click()
    assert not room.is_open
    assert bench.window.isVisible()
    room.open()
    room.window.close()
    assert not room.is_open
    assert bench.window.isVisible()


async def test_the_key_that_opens_it_leads_back(bench: Bench, room: CompactRoom) -> None:
    room.open()
    await eventually(room.window.isActiveWindow)
    QTest.keyClick(room.window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert not room.is_open
    assert bench.window.isVisible()
    assert "Ctrl+M" in room.window.full.toolTip()


async def test_m_mutes_and_so_it_does_wherever_the_focus_is(bench: Bench, room: CompactRoom) -> None:
    room.open()
    await eventually(room.window.isActiveWindow)
    for control in room.window.findChildren(QPushButton):
        control.setFocus()
        before = bench.window.listen_panel.mute.isChecked()
        QTest.keyClick(control, Qt.Key.Key_M)
        assert bench.window.listen_panel.mute.isChecked() is not before


async def test_escape_takes_what_was_read_away_and_nothing_else(bench: Bench, room: CompactRoom) -> None:
    bench.window.report("something went wrong")
    room.open()
    await eventually(room.window.isActiveWindow)
    assert room.window.detail.full_text == "Something went wrong"
    for _ in range(2):
        QTest.keyClick(room.window, Qt.Key.Key_Escape)
        assert room.is_open
        assert bench.window.banner.text == ""
        assert room.window.detail.full_text != "Something went wrong"


async def test_it_stays_above_other_windows(room: CompactRoom) -> None:
    flags = room.window.windowFlags()
    assert flags & Qt.WindowType.WindowStaysOnTopHint
    assert flags & Qt.WindowType.Tool == Qt.WindowType.Tool


async def test_it_shows_state_name_and_level_of_the_stream(bench: Bench, room: CompactRoom) -> None:
    await bench.stream()
    room.open()
    assert (room.window.shape.text(), room.window.word.text()) == ("●", "Streaming")
    assert room.window.name.full_text == URL
    assert "−7 dB" in room.window.meter.accessibleDescription()


async def test_secrets_of_the_address_are_not_shown(bench: Bench, room: CompactRoom) -> None:
    await bench.connect(URL + "?token=geheim")
    room.open()
    assert "geheim" not in room.window.name.full_text


async def test_it_says_why_there_is_no_sound(bench: Bench, room: CompactRoom) -> None:
    session = await bench.connect()
    room.open()
    session.become(ConnectionState.WAITING, reason="nobody listens there")
    await eventually(lambda: room.window.detail.full_text == "Nobody listens there")
    bench.window.report("the sound device has gone")
    await eventually(lambda: room.window.detail.full_text == "The sound device has gone")


async def test_a_refused_address_is_told_here_too(bench: Bench, room: CompactRoom) -> None:
    bench.window.connect_panel.set_address("nonsense://x")
    room.open()
    room.window.button.click()
    await eventually(lambda: room.window.detail.full_text == bench.window.banner.text != "")


async def test_the_button_connects_and_disconnects(bench: Bench, room: CompactRoom) -> None:
    bench.window.connect_panel.set_address(URL)
    room.open()
    assert room.window.button.text() == "&Connect"
    room.window.button.click()
    await eventually(lambda: bench.owner.is_running)
    assert room.window.button.text() == "Dis&connect"
    room.window.button.click()
    await eventually(lambda: not bench.owner.is_running)
    assert room.window.button.text() == "&Connect"


async def test_volume_and_mute_are_the_same_in_both_windows(bench: Bench, room: CompactRoom) -> None:
    session = await bench.stream()
    room.open()
    room.window.volume.setValue(-12)
    assert bench.window.listen_panel.volume.value() == -12
    assert room.window.volume_text.text() == "−12 dB"
    assert session.asked[-1] == ("volume", -12.0)
    room.window.mute.click()
    assert bench.window.listen_panel.mute.isChecked()
    assert room.window.mute.text() == "✕ Muted"
    assert session.asked[-1] == ("muted", True)
    bench.window.listen_panel.set_volume_db(3)
    bench.window.listen_panel.set_muted(False)
    assert room.window.volume.value() == 3
    assert not room.window.mute.isChecked()


@pytest.mark.parametrize(
    ("percent", "balance", "text"),
    [(-100, -1.0, "left 100 %"), (-40, -0.4, "left 40 %"), (3, 0.0, "even"), (25, 0.25, "right 25 %")],
)
async def test_balance_reaches_the_session_and_is_remembered(
    bench: Bench, room: CompactRoom, percent: int, balance: float, text: str
) -> None:
    session = await bench.stream()
    room.open()
    room.window.balance.setValue(percent)
    assert room.window.balance_text.text() == text
    assert session.asked[-1] == ("balance", balance)
    assert bench.store.get(settings.BALANCE) == balance


async def test_another_session_and_another_start_have_the_balance_again(bench: Bench, room: CompactRoom) -> None:
    room.window.balance.setValue(50)
    session = await bench.connect()
    assert ("balance", 0.5) in session.asked
    assert make_room(bench).window.balance.value() == 50


async def test_keys_do_what_they_do_in_the_full_window(bench: Bench, room: CompactRoom) -> None:
    room.open()
    window = room.window
    await eventually(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_M)
    assert window.mute.isChecked()
    QTest.keyClick(window, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert window.volume.value() == -1
    QTest.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert window.balance.value() == -5
    QTest.keyClick(window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert window.balance.value() == 0
    QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    await eventually(lambda: bench.owner.is_running)


async def test_where_it_stood_is_remembered(bench: Bench, room: CompactRoom, settings_path: object) -> None:
    room.open()
    room.window.move(120, 90)
    before = room.window.pos()
    room.show_full()
    bench.store.save()
    again = make_room(bench)
    again.open()
    assert again.window.pos() == before
    assert isinstance(bench.store, SettingsStore)
    again.end()


async def test_quitting_from_it_ends_the_program(bench: Bench, room: CompactRoom) -> None:
    await bench.stream()
    closed: list[bool] = []
    bench.owner.closed.connect(lambda: closed.append(True))
    room.open()
    room.window.quit_wanted.emit()
    await eventually(lambda: bool(closed))
    assert not room.is_open
    assert not bench.window.isVisible()


async def test_closing_the_hidden_full_window_takes_it_along(bench: Bench, room: CompactRoom) -> None:
    closed: list[bool] = []
    bench.owner.closed.connect(lambda: closed.append(True))
    room.open()
    bench.window.close()
    await eventually(lambda: bool(closed))
    assert not room.is_open


async def test_while_closed_it_costs_nothing(bench: Bench, room: CompactRoom) -> None:
    await bench.stream()
    room.open()
    room.show_full()
    # The full window looks once a second while it is hidden, and that may be just now.
    bench.window._books.stop()
    asked: list[int] = []
    snapshot = bench.session.snapshot
    bench.session.snapshot = lambda: asked.append(1) or snapshot()  # type: ignore[assignment, func-returns-value]
    bench.window.hide()
    await asyncio.sleep(0.3)
    assert asked == []


async def test_every_control_has_a_name_a_tooltip_and_a_place_in_the_tab_order(room: CompactRoom, theme: Theme) -> None:
    window = room.window
    controls = [*window.findChildren(QPushButton), *window.findChildren(QSlider), *window.findChildren(QToolButton)]
    assert len(controls) == 5
    for control in controls:
        assert control.accessibleName()
        assert control.toolTip()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert "dB" in window.volume.toolTip()
    assert "%" in window.balance.toolTip()
    assert window.sizeHint().width() < 480


@pytest.fixture
def theme(bench: Bench) -> Theme:
    return bench.theme
