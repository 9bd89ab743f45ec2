"""The controls of playout reach the session at once, show what is in force, and go back where something is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.monitor.events import Level
from core.monitor.monitor import BUFFER_DEPTH_MS, TARGET_DELAY_MS
from core.playout.presets import PRESETS, PresetName
from core.playout.settings import PlayoutMode
from gui import settings
from gui.widgets.playout_controls import PlayoutControls
from tests.gui.conftest import Bench, eventually
from tests.gui.fake_session import FakeSession
from tests.gui.test_main_window import choose

SAFE = PRESETS[PresetName.SAFE]
BALANCED = PRESETS[PresetName.BALANCED].playout


def controls_of(bench: Bench) -> PlayoutControls:
    return bench.window.tune_panel.playout


def in_force(bench: Bench) -> str:
    bench.window.show_facts()
    return bench.window.tune_panel.playout_text.full_text


def changes(bench: Bench) -> list[str]:
    return [event.text for event in bench.monitor.events.since(0) if event.level is Level.CHANGE]


async def stream_fixed(bench: Bench, depth_ms: float = 60.0) -> FakeSession:
    """A session that plays with a fixed buffer."""
    session = await bench.stream()
    session.know(target_delay_ms=depth_ms)
    choose(controls_of(bench).kind, False)
    return session


async def test_depth_slider_and_spin_box_reach_the_session_at_once_and_agree(bench: Bench) -> None:
    session = await stream_fixed(bench)
    controls = controls_of(bench)
    for depth in (61, 80, 200):
        controls.depth_slider.setValue(depth)
        assert session.playout.target_delay_ms == depth
        assert controls.depth_spin.value() == depth
        assert in_force(bench) == f"In force {depth} ms, fixed, complete"
    controls.depth_spin.setValue(1200)
    assert session.playout.target_delay_ms == 1200
    assert controls.depth_slider.value() == 500
    assert controls.depth_spin.value() == 1200, "the slider's end must not pull the spin box back"
    controls.depth_slider.setValue(20)
    assert session.playout.target_delay_ms == 20
    assert controls.depth_spin.value() == 20


async def test_dragging_is_one_line_in_the_log(bench: Bench) -> None:
    await stream_fixed(bench)
    for depth in range(61, 91):
        controls_of(bench).depth_slider.setValue(depth)
    await eventually(lambda: len(changes(bench)) == 2)
    assert changes(bench)[-1] == "buffer is now fixed at 90 ms (was fixed at 60 ms)"


async def test_quick_to_safe_reaches_the_session_while_it_is_dragged(bench: Bench) -> None:
    session = await bench.stream()
    controls = controls_of(bench)
    controls.bias_slider.setValue(0)
    assert session.playout.bias_ms_per_pct == controls.bias_spin.value() == 1
    controls.bias_slider.setValue(100)
    assert session.playout.bias_ms_per_pct == controls.bias_spin.value() == 5_000
    controls.bias_spin.setValue(70)
    assert session.playout.bias_ms_per_pct == 70
    assert controls.bias_slider.value() == 50
    assert controls.bias_spin.text() == "70 ms per %"
    assert controls.preset.currentText() == "Own"


async def test_each_key_press_moves_the_quick_safe_slider_from_one_end_to_the_other(bench: Bench) -> None:
    controls = controls_of(bench)
    controls.bias_slider.setValue(0)
    for position in range(1, 101):
        QTest.keyClick(controls.bias_slider, Qt.Key.Key_Right)
        assert controls.bias_slider.value() == position
    assert controls.bias_spin.value() == 5_000


def test_only_the_number_that_counts_is_shown(bench: Bench) -> None:
    controls = controls_of(bench)
    for_adaptive = (controls.bias_label, controls.bias_slider, controls.bias_spin)
    for_fixed = (controls.depth_label, controls.depth_slider, controls.depth_spin)
    for is_adaptive in (True, False, True):
        choose(controls.kind, is_adaptive)
        assert [widget.isHidden() for widget in for_adaptive] == [not is_adaptive] * 3
        assert [widget.isHidden() for widget in for_fixed] == [is_adaptive] * 3


async def test_a_preset_sets_buffer_mode_bias_and_device_at_once(bench: Bench) -> None:
    session = await bench.stream()
    controls = controls_of(bench)
    choose(controls.preset, PresetName.SAFE)
    assert session.playout == SAFE.playout
    await eventually(lambda: ("latency", 60.0) in session.asked)
    assert controls.bias_spin.value() == 1_000
    assert controls.latency_spin.value() == 60
    assert changes(bench) == [
        "preset is now Safe: adaptive from 100 ms, complete, device l"
        "atency 60 ms (was Balanced: adaptive from 5 ms, complete)"
    ]
    choose(controls.preset, PresetName.LOWEST_DELAY)
    assert controls.mode.currentData() is PlayoutMode.LIVE
    assert bench.store.get(settings.PRESET) is PresetName.LOWEST_DELAY


async def test_what_differs_from_every_preset_is_ones_own_and_can_be_gone_back_to(bench: Bench) -> None:
    session = await bench.stream()
    controls = controls_of(bench)
    model = controls.preset.model()
    own = model.index(controls.preset.count() - 1, 0)
    assert not model.flags(own) & Qt.ItemFlag.ItemIsEnabled, "there are no own values yet"
    choose(controls.mode, PlayoutMode.LIVE)
    assert controls.preset.currentText() == "Own"
    mine = session.playout
    assert mine == replace(BALANCED, mode=PlayoutMode.LIVE)
    choose(controls.preset, PresetName.SAFE)
    assert model.flags(own) & Qt.ItemFlag.ItemIsEnabled
    choose(controls.preset, None)
    assert session.playout == mine
    choose(controls.mode, PlayoutMode.COMPLETE)
    assert controls.preset.currentData() is PresetName.BALANCED, "by hand it is the same"


async def test_choosing_a_fixed_buffer_goes_on_with_the_target_in_force(bench: Bench) -> None:
    session = await bench.stream()
    session.know(target_delay_ms=115.0)
    assert in_force(bench) == "In force 115 ms, adaptive, complete"
    choose(controls_of(bench).kind, False)
    assert session.playout.target_delay_ms == controls_of(bench).depth_spin.value() == 115
    assert changes(bench) == ["buffer is now fixed at 115 ms (was adaptive)"]
    choose(controls_of(bench).kind, True)
    assert controls_of(bench).preset.currentData() is PresetName.BALANCED


async def test_settings_that_are_refused_are_told_and_everything_stays(bench: Bench) -> None:
    session = await bench.stream()
    before = session.playout
    session.refuses_playout = "a bias of 7 ms per % is not possible; accepted: 10 to 20 ms per %"
    controls = controls_of(bench)
    controls.bias_spin.setValue(7)
    choose(controls.preset, PresetName.SAFE)
    assert "accepted: 10 to 20" in bench.window.banner.text
    assert session.playout == before
    assert controls.bias_spin.value() == 140
    assert controls.preset.currentData() is PresetName.BALANCED
    assert bench.store.get(settings.PRESET) is PresetName.BALANCED
    assert changes(bench) == []


async def test_the_device_is_opened_anew_once_when_the_spin_box_rests(bench: Bench) -> None:
    session = await bench.stream()
    spin = controls_of(bench).latency_spin
    assert spin.text() == "low"
    for latency_ms in (5, 10, 15, 20):
        spin.setValue(latency_ms)
    await eventually(lambda: ("latency", 20.0) in session.asked)
    assert [value for what, value in session.asked if what == "latency"] == [20.0]
    spin.setValue(0)
    await eventually(lambda: ("latency", None) in session.asked)
    assert bench.window.tune_panel.latency_text.full_text == "In force 10.0 ms"


async def test_a_device_latency_that_cannot_be_had_goes_back(bench: Bench) -> None:
    session = await bench.stream()
    session.refuses_latency = "the device cannot be opened with 3 ms"
    controls_of(bench).latency_spin.setValue(3)
    await eventually(lambda: bool(bench.window.banner.text))
    assert bench.window.banner.text == "The device cannot be opened with 3 ms"
    assert controls_of(bench).latency_spin.text() == "low"
    assert controls_of(bench).preset.currentData() is PresetName.BALANCED
    assert bench.store.tuning.device_latency_ms is None


async def test_a_number_that_is_typed_counts_when_it_is_complete(bench: Bench) -> None:
    session = await stream_fixed(bench)
    spin = controls_of(bench).depth_spin
    spin.selectAll()
    QTest.keyClicks(spin, "250")
    assert session.playout.target_delay_ms == 60
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert session.playout.target_delay_ms == 250


async def test_without_a_session_the_panel_says_when_settings_take_effect(bench: Bench) -> None:
    assert in_force(bench) == "Used from the next connection on."
    choose(controls_of(bench).kind, False)
    assert controls_of(bench).depth_spin.value() == 60
    assert changes(bench) == []
    session = await bench.connect()
    assert session.options.playout == replace(BALANCED, is_adaptive=False, target_delay_ms=60.0)
    assert in_force(bench) == "In force 60 ms, fixed, complete"


async def test_the_target_line_follows_the_target_in_force(bench: Bench) -> None:
    await bench.stream()
    for step in range(40):
        bench.clock.advance(0.1)
        bench.monitor.record(BUFFER_DEPTH_MS, 50.0)
        bench.monitor.record(TARGET_DELAY_MS, 20.0 if step < 20 else 115.0)
    bench.window.watch.refresh_all()
    plot = bench.window.watch.plots.depth
    drawn = plot.target_curve.getData()[1]
    np.testing.assert_array_equal(drawn[-30:-22], 20.0)
    np.testing.assert_array_equal(drawn[-15:-1], 115.0)
    assert plot.top >= 115


async def test_a_target_that_follows_the_network_is_in_the_log_but_no_marker(bench: Bench) -> None:
    await bench.stream()
    bench.monitor.record(BUFFER_DEPTH_MS, 50.0)
    bench.monitor.events.add(Level.INFO, "target delay 20 -> 115 ms: stalls in the last 5 s")
    bench.window.show_facts()
    bench.window.watch.refresh_all()
    assert bench.window.events.events.rowCount() == 1
    assert bench.window.watch.plots.depth.markers == ()
