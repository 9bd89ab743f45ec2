"""Settings persist, and survive whatever stands in the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from core.playout.presets import PresetName
from core.playout.settings import PlayoutMode, PlayoutSettings
from gui import settings
from gui.options import WindowOptions
from gui.running import override
from gui.settings import Setting, SettingsStore, ThemeChoice
from gui.tuning import Tuning, preset_of, tuning_of
from tests.gui.conftest import Bench
from tests.gui.test_main_window import choose

pytestmark = pytest.mark.usefixtures("qapp")

OWN = Tuning(
    PlayoutSettings(
        target_delay_ms=1234.5,
        is_adaptive=True,
        mode=PlayoutMode.LIVE,
        bias_ms_per_pct=1.5,
        min_target_ms=10.0,
        max_target_ms=900.0,
        live_bound_ms=70.0,
    ),
    7.5,
)
VALUES: list[tuple[Setting[object], object]] = [
    (settings.WINDOW_GEOMETRY, b"\x01\xff\x00geometry"),  # type: ignore[list-item]
    (settings.THEME, ThemeChoice.DARK),  # type: ignore[list-item]
    (settings.URL_HISTORY, ("wss://example.org/a?x=1,2", "ws://[::1]:8765/ws-audio")),  # type: ignore[list-item]
    (settings.VOLUME_DB, -17.0),  # type: ignore[list-item]
    (settings.MUTED, True),  # type: ignore[list-item]
    (settings.OUTPUT, "Kopfhörer, links (ALSA)"),  # type: ignore[list-item]
    (settings.PRESET, PresetName.LOWEST_DELAY),  # type: ignore[list-item]
    (settings.PRESET, None),  # type: ignore[list-item]
    (settings.OWN_TUNING, OWN),  # type: ignore[list-item]
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
    (settings.PRESET, '"fastest"'),  # type: ignore[list-item]
    (settings.PRESET, "not even json"),  # type: ignore[list-item]
    (settings.OWN_TUNING, "5"),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"target_delay_ms": -5}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"target_delay_ms": 5001}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"bias_ms_per_pct": NaN}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"bias_ms_per_pct": "140"}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"min_target_ms": 200, "max_target_ms": 100}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"is_adaptive": 1}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"mode": "fast"}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"device_latency_ms": 0}'),  # type: ignore[list-item]
    (settings.OWN_TUNING, '{"device_latency_ms": true}'),  # type: ignore[list-item]
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
    assert store.get(settings.VOLUME_DB) == 0.0
    assert store.tuning == tuning_of(PresetName.BALANCED)
    store.set(settings.VOLUME_DB, -8.0)
    store.save()
    assert SettingsStore(settings_path).get(settings.VOLUME_DB) == -8.0


def test_what_the_command_line_gives_is_used_but_not_remembered(settings_path: Path) -> None:
    store = SettingsStore(settings_path)
    store.override(settings.OUTPUT, "null")
    assert store.get(settings.OUTPUT) == "null"
    store.save()
    assert SettingsStore(settings_path).get(settings.OUTPUT) == "default"


def test_a_preset_is_remembered_by_its_name_and_own_values_are_kept_beside_it(settings_path: Path) -> None:
    store = SettingsStore(settings_path)
    store.remember_tuning(OWN)
    assert store.tuning == OWN
    store.remember_tuning(tuning_of(PresetName.SAFE))
    store.save()
    again = SettingsStore(settings_path)
    assert again.get(settings.PRESET) is PresetName.SAFE
    assert again.tuning == tuning_of(PresetName.SAFE)
    assert again.get(settings.OWN_TUNING) == OWN


def test_an_adaptive_preset_is_one_wherever_its_target_starts() -> None:
    for name in PresetName:
        preset = tuning_of(name)
        assert preset_of(preset) is name
        assert preset_of(replace(preset, playout=replace(preset.playout, target_delay_ms=345.0))) is name
        assert preset_of(replace(preset, playout=replace(preset.playout, is_adaptive=False))) is None
        assert preset_of(replace(preset, device_latency_ms=17.0)) is None


@pytest.mark.parametrize(
    ("given_options", "expected"),
    [
        (WindowOptions(), OWN),
        (WindowOptions(playout=PlayoutSettings()), Tuning(PlayoutSettings(), None)),
        (
            WindowOptions(playout=tuning_of(PresetName.SAFE).playout, device_latency_ms=60.0),
            tuning_of(PresetName.SAFE),
        ),
        (WindowOptions(device_latency_ms=33.0), replace(OWN, device_latency_ms=33.0)),
    ],
    ids=["nothing", "a buffer", "a preset", "a device latency"],
)
def test_what_the_command_line_says_of_playout_wins_over_what_is_remembered(
    settings_path: Path, given_options: WindowOptions, expected: Tuning
) -> None:
    store = SettingsStore(settings_path)
    store.remember_tuning(OWN)
    override(store, given_options)
    assert store.tuning == expected
    store.save()
    assert SettingsStore(settings_path).tuning == OWN, "used, but not remembered"


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
    window.watch.jitter_dock.close()
    window.watch.level_dock.show()
    (await bench.connect("ws://127.0.0.1:9000/other")).stream()
    window.show_facts()
    window.listen_panel.volume.setValue(-9)
    window.listen_panel.mute.click()
    choose(window.tune_panel.playout.kind, False)
    window.tune_panel.playout.depth_spin.setValue(800)
    window.listen_panel.output.setCurrentIndex(2)
    window.listen_panel.output.activated.emit(2)
    window._choose_theme(ThemeChoice.DARK)
    window.close()
    again = Bench(settings_path)
    # Qt fits sizes to the screen, and the offscreen one is smaller than the window.
    assert again.store.get(settings.WINDOW_GEOMETRY) == bytes(window.saveGeometry().data())
    assert again.window.watch.jitter_dock.isHidden()
    assert not again.window.watch.level_dock.isHidden()
    assert again.window.connect_panel.typed_url == "ws://127.0.0.1:9000/other"
    assert again.window.listen_panel.volume.value() == -9
    assert again.window.listen_panel.mute.isChecked()
    assert again.window.tune_panel.playout.depth_spin.value() == 800
    assert again.window.tune_panel.playout.preset.currentText() == "Own"
    assert again.window.listen_panel.output.currentData() == "Headphones (ALSA)"
    assert again.theme.choice is ThemeChoice.DARK
    again.window.deleteLater()


def test_a_window_opens_whatever_the_file_holds(qapp: QApplication, settings_path: Path) -> None:
    file = QSettings(str(settings_path), QSettings.Format.IniFormat)
    for setting, stored in BROKEN:
        file.setValue(setting.name, stored)
    file.setValue(settings.WINDOW_DOCKS.name, '"AAAA"')
    file.setValue(settings.WINDOW_GEOMETRY.name, '"AAAA"')
    file.sync()
    bench = Bench(settings_path)
    assert bench.window.tune_panel.playout.preset.currentData() is PresetName.BALANCED
    assert any("not usable" in event.text for event in bench.monitor.events.since(0))
    bench.window.deleteLater()
