"""Settings persist, and survive whatever stands in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from gui import settings
from gui.settings import Setting, SettingsStore, ThemeChoice
from tests.gui.conftest import Bench

pytestmark = pytest.mark.usefixtures("qapp")

VALUES: list[tuple[Setting[object], object]] = [
    (settings.WINDOW_GEOMETRY, b"\x01\xff\x00geometry"),  # type: ignore[list-item]
    (settings.THEME, ThemeChoice.DARK),  # type: ignore[list-item]
    (settings.URL_HISTORY, ("wss://example.org/a?x=1,2", "ws://[::1]:8765/ws-audio")),  # type: ignore[list-item]
    (settings.VOLUME_DB, -17.0),  # type: ignore[list-item]
    (settings.MUTED, True),  # type: ignore[list-item]
    (settings.OUTPUT, "Kopfhörer, links (ALSA)"),  # type: ignore[list-item]
    (settings.TARGET_DELAY_MS, 1234.0),  # type: ignore[list-item]
    (settings.FRAME_MS, 2.5),  # type: ignore[list-item]
    (settings.FRAME_MS, None),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("setting", "value"), VALUES, ids=lambda value: getattr(value, "name", ""))
def test_a_value_comes_back_from_the_file(settings_path: Path, setting: Setting[object], value: object) -> None:
    first = SettingsStore(settings_path)
    first.set(setting, value)
    first.save()
    assert SettingsStore(settings_path).get(setting) == value


BROKEN: list[tuple[Setting[object], str]] = [
    (settings.WINDOW_GEOMETRY, '"no base64!"'),  # type: ignore[list-item]
    (settings.THEME, '"pink"'),  # type: ignore[list-item]
    (settings.URL_HISTORY, '{"a": 1}'),  # type: ignore[list-item]
    (settings.URL_HISTORY, "[1, 2]"),  # type: ignore[list-item]
    (settings.VOLUME_DB, "1e99"),  # type: ignore[list-item]
    (settings.VOLUME_DB, "NaN"),  # type: ignore[list-item]
    (settings.VOLUME_DB, "true"),  # type: ignore[list-item]
    (settings.MUTED, "1"),  # type: ignore[list-item]
    (settings.OUTPUT, '""'),  # type: ignore[list-item]
    (settings.TARGET_DELAY_MS, "-5"),  # type: ignore[list-item]
    (settings.TARGET_DELAY_MS, "not even json"),  # type: ignore[list-item]
    (settings.FRAME_MS, "30"),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("setting", "stored"), BROKEN, ids=lambda value: getattr(value, "name", value))
def test_a_broken_value_counts_as_not_set_and_is_told(
    settings_path: Path, setting: Setting[object], stored: str
) -> None:
    file = QSettings(str(settings_path), QSettings.Format.IniFormat)
    file.setValue(setting.name, stored)
    file.sync()
    told: list[str] = []
    store = SettingsStore(settings_path)
    store.value_ignored.connect(told.append)
    assert store.get(setting) == setting.default
    assert setting.name in told[0]


def test_a_file_that_is_no_settings_file_gives_defaults(settings_path: Path) -> None:
    settings_path.write_bytes(b"\x00\xff[[[ nonsense = \n\n]]")
    store = SettingsStore(settings_path)
    assert store.get(settings.TARGET_DELAY_MS) == 60.0
    store.set(settings.TARGET_DELAY_MS, 80.0)
    store.save()
    assert SettingsStore(settings_path).get(settings.TARGET_DELAY_MS) == 80.0


def test_what_the_command_line_gives_is_used_but_not_remembered(settings_path: Path) -> None:
    store = SettingsStore(settings_path)
    store.override(settings.OUTPUT, "null")
    assert store.get(settings.OUTPUT) == "null"
    store.save()
    assert SettingsStore(settings_path).get(settings.OUTPUT) == "default"


def test_the_history_keeps_the_newest_first_and_each_once(settings_path: Path) -> None:
    store = SettingsStore(settings_path)
    for number in (1, 2, 3, 1):
        store.remember_url(f"ws://host:{number}/")
    assert store.get(settings.URL_HISTORY) == ("ws://host:1/", "ws://host:3/", "ws://host:2/")
    for number in range(100, 150):
        store.remember_url(f"ws://host:{number}/")
    assert len(store.get(settings.URL_HISTORY)) == settings.URL_HISTORY_LENGTH


async def test_the_window_comes_back_as_it_was_left(qapp: QApplication, bench: Bench, settings_path: Path) -> None:
    window = bench.window
    window.scan_devices()
    window.resize(1320, 820)
    window.show()
    window._layout._side_splitter.setSizes([900, 420])
    await bench.connect("ws://127.0.0.1:9000/other")
    window.listen_panel.volume.setValue(-9)
    window.listen_panel.mute.click()
    window.tune_panel.depth_spin.setValue(800)
    window.listen_panel.output.setCurrentIndex(2)
    window.listen_panel.output.activated.emit(2)
    window._choose_theme(ThemeChoice.DARK)
    window.close()
    again = Bench(settings_path)
    # Qt fits sizes to the screen, and the offscreen one is smaller than the window.
    assert again.store.get(settings.WINDOW_GEOMETRY) == bytes(window.saveGeometry().data())
    assert again.window._layout._side_splitter.saveState() == window._layout._side_splitter.saveState()
    assert again.window.connect_panel.typed_url == "ws://127.0.0.1:9000/other"
    assert again.window.listen_panel.volume.value() == -9
    assert again.window.listen_panel.mute.isChecked()
    assert again.window.tune_panel.depth_spin.value() == 800
    assert again.window.listen_panel.output.currentData() == "Headphones (ALSA)"
    assert again.theme.choice is ThemeChoice.DARK
    again.window.deleteLater()


def test_a_window_opens_whatever_the_file_holds(qapp: QApplication, settings_path: Path) -> None:
    file = QSettings(str(settings_path), QSettings.Format.IniFormat)
    for setting, stored in BROKEN:
        file.setValue(setting.name, stored)
    file.setValue(settings.SIDE_SPLITTER.name, '"AAAA"')
    file.setValue(settings.WINDOW_GEOMETRY.name, '"AAAA"')
    file.sync()
    bench = Bench(settings_path)
    assert bench.window.tune_panel.depth_spin.value() == 60
    assert any("not usable" in event.text for event in bench.monitor.events.since(0))
    bench.window.deleteLater()
