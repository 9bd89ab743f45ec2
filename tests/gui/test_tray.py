"""The tray's symbol tells the state by shape and colour; without a tray nothing happens."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QSystemTrayIcon

from core.receiver.status import ConnectionState
from gui.theme import DARK, LIGHT, Colors
from gui.tray import Tray
from gui.tray_icon import state_icon
from tests.gui.conftest import URL, Bench, eventually
from tests.gui.test_compact_window import make_room


class Desktop:
    """Has a tray, or not."""

    has_tray = True


@pytest.fixture
def desktop() -> Desktop:
    return Desktop()


@pytest.fixture
def tray(bench: Bench, desktop: Desktop) -> Tray:
    tray = make_tray(bench, desktop)
    bench.window.show()
    tray.refresh()
    return tray


def make_tray(bench: Bench, desktop: Desktop) -> Tray:
    window = bench.window
    tray = Tray(
        window,
        make_room(bench),
        window.listen_panel,
        bench.owner,
        bench.theme,
        connect=lambda: window.connect_to(URL),
        disconnect=bench.owner.stop,
        is_available=lambda: desktop.has_tray,
        clock_ns=bench.clock,
        parent=window,
    )
    window.closing.connect(tray.end)
    return tray


def picture(state: ConnectionState, is_muted: bool, colors: Colors) -> QImage:
    return state_icon(state, is_muted, colors).pixmap(22, 22).toImage()


def tooltip(tray: Tray) -> str:
    assert tray.icon is not None
    return tray.icon.toolTip()


async def test_without_a_tray_nothing_happens(bench: Bench, desktop: Desktop) -> None:
    desktop.has_tray = False
    tray = make_tray(bench, desktop)
    assert tray.icon is None
    tray.refresh()
    await bench.stream()
    tray.end()


async def test_the_tooltip_names_state_stream_and_latency(bench: Bench, tray: Tray) -> None:
    assert tooltip(tray) == "Opuscope: Not connected"
    await bench.stream()
    tray.refresh()
    first, second, third = tooltip(tray).splitlines()
    assert first == "Opuscope: Streaming"
    assert second == URL
    assert third.startswith("latency ")
    assert "102 ms" in third
    bench.window.listen_panel.set_muted(True)
    assert tooltip(tray).startswith("Opuscope: Streaming, muted\n")


async def test_secrets_of_the_address_are_not_shown(bench: Bench, tray: Tray) -> None:
    await bench.connect(URL + "?token=geheim")
    tray.refresh()
    assert "geheim" not in tooltip(tray)


async def test_the_menu_connects_and_disconnects(bench: Bench, tray: Tray) -> None:
    assert not tray.disconnect_.isEnabled()
    tray.connect_.trigger()
    await eventually(lambda: bench.owner.is_running)
    assert not tray.connect_.isEnabled()
    tray.disconnect_.trigger()
    await eventually(lambda: not bench.owner.is_running)
    assert tray.connect_.isEnabled()


async def test_mute_is_the_same_everywhere(bench: Bench, tray: Tray) -> None:
    tray.mute.trigger()
    assert bench.window.listen_panel.mute.isChecked()
    assert tray.mute.isChecked()
    bench.window.listen_panel.mute.click()
    assert not tray.mute.isChecked()


async def test_a_click_hides_the_window_and_another_brings_it_back(bench: Bench, tray: Tray) -> None:
    assert tray.icon is not None
    tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert not bench.window.isVisible()
    assert tray.toggle_window.text() == "S&how the window"
    tray.toggle_window.trigger()
    assert bench.window.isVisible()
    assert tray.toggle_window.text() == "&Hide the window"


async def test_a_minimised_window_is_brought_back_and_not_hidden(bench: Bench, tray: Tray) -> None:
    bench.window.showMinimized()
    tray.refresh()
    assert tray.toggle_window.text() == "S&how the window"
    tray.toggle()
    assert bench.window.isVisible()
    assert not bench.window.isMinimized()


async def test_the_full_window_takes_the_place_of_the_compact_one(bench: Bench, tray: Tray) -> None:
    tray.open_compact.trigger()
    assert not bench.window.isVisible()
    tray.refresh()
    assert not tray.open_compact.isEnabled()
    tray.toggle_window.trigger()
    assert bench.window.isVisible()
    assert tray.open_compact.isEnabled()


async def test_a_hidden_window_comes_back_when_the_tray_goes(bench: Bench, tray: Tray, desktop: Desktop) -> None:
    tray.toggle()
    assert not bench.window.isVisible()
    desktop.has_tray = False
    tray.refresh()
    assert bench.window.isVisible()


async def test_quitting_a_hidden_window_ends_the_program_and_the_symbol(bench: Bench, tray: Tray) -> None:
    await bench.stream()
    closed: list[bool] = []
    bench.owner.closed.connect(lambda: closed.append(True))
    tray.toggle()
    quit_action = tray.menu.actions()[-1]
    assert quit_action.text() == "&Quit"
    quit_action.trigger()
    await eventually(lambda: bool(closed))
    assert tray.icon is None
    assert not bench.window.isVisible()


@pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])
def test_states_differ_by_shape_and_not_by_colour_alone(bench: Bench, colors: Colors) -> None:
    one_color = dict.fromkeys(("muted", "accent", "good", "warning", "bad"), colors.text)
    grey = replace(colors, **one_color)
    pictures = [picture(state, is_muted, grey) for state in ConnectionState for is_muted in (False, True)]
    for first, second in itertools.combinations(pictures, 2):
        differing = sum(
            first.pixel(x, y) != second.pixel(x, y) for x in range(first.width()) for y in range(first.height())
        )
        assert differing > 20
