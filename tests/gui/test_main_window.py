"""The controls of the window reach the session, and go back where something is refused."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QWidget

from core.audio.output import OutputError
from core.monitor.events import Level
from core.playout.presets import PRESETS, PresetName
from core.receiver.options import ListenOptions
from core.receiver.status import FrameSizeControl
from gui import settings
from tests.gui.conftest import URL, Bench, eventually
from tests.gui.fake_session import ALL_SIZES


def choose(box: QComboBox, data: object) -> None:
    """Choose an entry as a user does."""
    at = next(at for at in range(box.count()) if box.itemData(at) == data)
    box.setCurrentIndex(at)
    box.activated.emit(at)


async def test_frame_size_shows_what_is_asked_in_force_and_accepted(bench: Bench) -> None:
    session = await bench.stream()
    tune = bench.window.tune_panel
    assert [tune.frame_size.itemData(at) for at in range(tune.frame_size.count())] == [None, *ALL_SIZES]
    choose(tune.frame_size, 10.0)
    await eventually(lambda: ("frame", 10.0) in session.asked)
    bench.window.show_facts()
    assert tune.frame_text.text() == "Asked 10 ms · in force still 20 ms"
    assert "Waiting" in tune.frame_size.toolTip()
    assert tune.frame_note.text() == "", "a wait of a moment must not move what stands below"
    session.know(frame_size=FrameSizeControl(10.0, 10.0, (10.0, 20.0), None))
    bench.window.show_facts()
    assert tune.frame_text.text() == "Asked 10 ms · in force 10 ms"
    assert tune.frame_note.text() == ""
    model = tune.frame_size.model()
    usable = [
        tune.frame_size.itemData(at)
        for at in range(tune.frame_size.count())
        if model.flags(model.index(at, 0)) & Qt.ItemFlag.ItemIsEnabled
    ]
    assert usable == [10.0, 20.0]


async def test_where_the_server_cannot_change_the_frame_size_the_control_is_disabled_and_says_why(bench: Bench) -> None:
    session = await bench.stream()
    session.know(frame_size=FrameSizeControl(None, 20.0, (), "this server takes no control messages"))
    bench.window.show_facts()
    tune = bench.window.tune_panel
    assert not tune.frame_size.isEnabled()
    assert "this server takes no control messages" in tune.frame_note.text()
    assert "this server takes no control messages" in tune.frame_size.toolTip()
    assert "in force 20 ms" in tune.frame_text.text()


async def test_a_refused_frame_size_leaves_everything_as_it_was(bench: Bench) -> None:
    session = await bench.stream()
    session.refuses_frame_ms = "the frame size cannot be changed: not connected"
    choose(bench.window.tune_panel.frame_size, 5.0)
    await eventually(lambda: bool(bench.window.banner.text))
    assert bench.window.banner.text == "The frame size cannot be changed: not connected"
    assert bench.store.get(settings.FRAME_MS) is None
    assert bench.window.tune_panel.frame_size.currentData() is None


async def test_wishes_made_before_connecting_go_into_the_next_session(bench: Bench) -> None:
    window = bench.window
    window.scan_devices()
    choose(window.tune_panel.playout.preset, PresetName.SAFE)
    window.tune_panel.playout.latency_spin.setValue(15)
    choose(window.tune_panel.frame_size, 5.0)
    choose(window.listen_panel.output, "ear (ALSA)")
    window.listen_panel.volume.setValue(-12)
    window.listen_panel.mute.click()
    session = await bench.connect()
    safe = PRESETS[PresetName.SAFE].playout
    assert session.options == ListenOptions(
        URL, frame_ms=5.0, playout=safe, device_latency_ms=15.0, output="ear (ALSA)"
    )
    assert session.asked == [("volume", -12.0), ("muted", True)]


async def test_volume_mute_and_output_reach_the_session(bench: Bench) -> None:
    session = await bench.stream()
    bench.window.scan_devices()
    bench.window.listen_panel.volume.setValue(-6)
    bench.window.listen_panel.mute.click()
    choose(bench.window.listen_panel.output, "null")
    await eventually(lambda: ("output", "null") in session.asked)
    assert ("volume", -6.0) in session.asked
    assert ("muted", True) in session.asked
    assert bench.window.listen_panel.volume_text.text() == "−6 dB"
    assert bench.window.listen_panel.mute.text() == "✕ Muted"


async def test_an_output_that_cannot_be_had_goes_back_to_the_present_one(bench: Bench) -> None:
    session = await bench.stream()
    bench.window.scan_devices()
    session.refuses_output = "no sound device named 'ear'"
    choose(bench.window.listen_panel.output, "ear (ALSA)")
    await eventually(lambda: bool(bench.window.banner.text))
    assert bench.window.listen_panel.output.currentData() == "default"
    assert bench.store.get(settings.OUTPUT) == "default"


def test_without_portaudio_the_null_output_remains_and_the_banner_says_so(bench: Bench) -> None:
    def no_portaudio(look_again: bool) -> list[str]:
        raise OutputError("no sound: PortAudio could not be loaded; on Debian and Ubuntu install libportaudio2")

    bench.window.listening._list_devices = no_portaudio
    bench.window.scan_devices()
    box = bench.window.listen_panel.output
    assert [box.itemData(at) for at in range(box.count())] == ["default", "null"]
    assert "libportaudio2" in bench.window.banner.text


def test_a_remembered_device_that_is_away_stays_chosen_and_says_so(bench: Bench) -> None:
    bench.store.set(settings.OUTPUT, "USB headset (ALSA)")
    bench.window.scan_devices()
    assert bench.window.listen_panel.output.currentText() == "USB headset (ALSA) (not there now)"


async def test_an_error_in_the_log_is_shown_in_the_banner_and_replaces_the_one_before(bench: Bench) -> None:
    await bench.stream()
    bench.monitor.events.add(Level.ERROR, "the sound device has gone")
    bench.window.show_facts()
    bench.monitor.events.add(Level.ERROR, "the second thing")
    bench.window.show_facts()
    assert bench.window.banner.text == "The second thing"
    bench.window.banner.dismiss_button.click()
    bench.window.show_facts()
    assert bench.window.banner.text == ""
    assert bench.window.events.events.rowCount() == 2


async def test_closing_while_connected_stops_the_session(bench: Bench) -> None:
    session = await bench.stream()
    closed = asyncio.Event()
    bench.owner.closed.connect(closed.set)
    bench.window.show()
    bench.window.close()
    assert not bench.window.isVisible(), "the window vanishes at once"
    async with asyncio.timeout(2.0):
        await closed.wait()
    assert session.stopped
    assert not bench.owner.is_running


def test_up_and_down_are_the_volume_and_m_mutes(bench: Bench) -> None:
    window = bench.window
    window.show()
    QTest.keyClick(window, Qt.Key.Key_Down)
    QTest.keyClick(window, Qt.Key.Key_Down)
    QTest.keyClick(window, Qt.Key.Key_Up)
    assert window.listen_panel.volume.value() == -1
    window.actions_.mute.trigger()
    assert window.listen_panel.mute.isChecked()
    assert window.actions_.mute.isChecked()
    window.listen_panel.mute.click()
    assert not window.actions_.mute.isChecked()


def test_every_control_has_a_name_a_tooltip_and_can_be_reached_by_key(bench: Bench) -> None:
    connect, listen, tune = bench.window.connect_panel, bench.window.listen_panel, bench.window.tune_panel
    controls: list[QWidget] = [connect.address, connect.button]
    controls += [listen.volume, listen.mute, listen.output, listen.refresh]
    playout = tune.playout
    controls += [playout.preset, playout.kind, playout.mode, playout.latency_spin, tune.frame_size]
    controls += [tune.encoder.application]
    controls += [playout.depth_slider, playout.depth_spin, playout.bias_slider, playout.bias_spin]
    for control in controls:
        assert control.accessibleName(), control
        assert control.toolTip(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_the_mnemonics_of_the_tune_panel_and_of_its_neighbours_differ(bench: Bench) -> None:
    labels = [label for label in bench.window.findChildren(QLabel) if label.buddy() is not None]
    keys = [label.text()[label.text().index("&") + 1].lower() for label in labels]
    assert len(keys) == len(set(keys)) >= 9
    assert set(keys).isdisjoint("cr"), "taken by Connect and Rescan"
    menus = [action.text()[action.text().index("&") + 1].lower() for action in bench.window.menuBar().actions()]
    assert len(menus) == len(set(menus))
    assert set(keys).isdisjoint(menus)
    buttons = bench.window.connect_panel.findChildren(QAbstractButton)
    pressed = [text[text.index("&") + 1].lower() for text in (button.text() for button in buttons) if "&" in text]
    assert len(pressed) == len(set(pressed)) >= 1
    assert set(pressed).isdisjoint([*keys, *menus])


def test_every_action_has_a_key_of_its_own(bench: Bench) -> None:
    bar = bench.window.menuBar()
    # Each entry is kept while its menu is used: without it older PySide6 drops the menu.
    actions = [action for entry in bar.actions() for action in (entry, *entry.menu().actions())]
    keys = [key.toString() for action in actions for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    assert {"Ctrl+L", "Ctrl+Return", "Ctrl+D", "M", "Ctrl+Q", "Ctrl+Up", "Ctrl+Down", "F5", "Esc"} <= set(keys)
