"""The network lab's panel, the guided demo, taking back changes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from core.monitor.events import Level
from core.playout.presets import PRESETS, PresetName
from core.playout.settings import PlayoutSettings
from core.receiver.impairment.settings import NO_IMPAIRMENT, Impairment, JitterDistribution
from core.receiver.status import ConnectionState, UnderrunCounts
from gui import settings
from gui.scenario import TOUR, Scenario
from gui.widgets.lab_panel import NETWORKS, LabPanel
from tests.gui.conftest import Bench
from tests.gui.test_main_window import choose


def chosen_by(panel: LabPanel) -> list[Impairment]:
    chosen: list[Impairment] = []
    panel.impairment_chosen.connect(chosen.append)
    return chosen


async def test_a_number_is_in_force_at_once_and_for_later_connections(bench: Bench) -> None:
    session = await bench.stream()
    bench.window.lab_panel.delay.setValue(80.0)
    assert session.snapshot().impairment == Impairment(delay_ms=80.0)
    assert bench.window.lab_panel.is_on.isChecked()
    again = await bench.connect("ws://127.0.0.1:9/other")
    assert again.options.impairment == Impairment(delay_ms=80.0)


async def test_the_switch_compares_with_and_without_and_keeps_the_numbers(bench: Bench) -> None:
    session = await bench.stream()
    panel = bench.window.lab_panel
    panel.jitter.setValue(25.0)
    choose(panel.distribution, JitterDistribution.PARETO)
    wanted = Impairment(jitter_ms=25.0, jitter_distribution=JitterDistribution.PARETO)
    panel.is_on.click()
    assert session.snapshot().impairment == NO_IMPAIRMENT
    assert panel.jitter.value() == 25.0
    panel.is_on.click()
    assert session.snapshot().impairment == wanted


def test_a_stall_without_a_length_has_a_usual_one(bench: Bench) -> None:
    chosen = chosen_by(bench.window.lab_panel)
    bench.window.lab_panel.stall_every.setValue(4.0)
    assert chosen == [Impairment(stall_every_s=4.0, stall_ms=200.0)]
    bench.window.lab_panel.stall_every.setValue(0.0)
    assert chosen[-1] == NO_IMPAIRMENT


def test_what_cannot_be_is_refused_in_one_line_and_the_numbers_go_back(bench: Bench) -> None:
    panel = bench.window.lab_panel
    panel.stall_every.setValue(1.0)
    panel.stall.setValue(5_000.0)
    assert "would let nothing through" in bench.window.banner.text
    assert panel.stall.value() == 200.0


@pytest.mark.parametrize(("name", "impairment"), NETWORKS)
def test_every_kind_of_network_shows_its_numbers(bench: Bench, name: str, impairment: Impairment) -> None:
    panel = bench.window.lab_panel
    chosen = chosen_by(panel)
    choose(panel.network, impairment)
    assert chosen == [impairment]
    assert (panel.delay.value(), panel.jitter.value()) == (impairment.delay_ms, impairment.jitter_ms)
    assert panel.network.currentText() == name


def test_a_trace_is_replayed_and_what_is_none_is_named(bench: Bench, tmp_path: Path) -> None:
    panel = bench.window.lab_panel
    chosen = chosen_by(panel)
    trace = tmp_path / "cafe.json"
    trace.write_text(json.dumps({"frame_ms": 20, "delays_ms": [0, 5, 30, 10]}))
    panel.load_trace(trace)
    assert chosen[-1].trace is not None
    assert chosen[-1].trace.delays_ms == (0, 5, 30, 10)
    assert "cafe.json" in panel.in_force.text()
    trace.write_text("{}")
    panel.load_trace(trace)
    assert "cafe.json" in bench.window.banner.text
    assert len(chosen) == 1
    panel.no_trace.click()
    assert chosen[-1] == NO_IMPAIRMENT


def test_a_trace_starts_from_a_clean_lab_and_takes_its_error_away(bench: Bench, tmp_path: Path) -> None:
    panel = bench.window.lab_panel
    choose(panel.network, NETWORKS[1][1])
    chosen = chosen_by(panel)
    trace = tmp_path / "cafe.json"
    trace.write_text("{}")
    panel.load_trace(trace)
    assert chosen == []
    assert panel.values == NETWORKS[1][1]
    assert "cafe.json" in bench.window.banner.text
    trace.write_text(json.dumps({"frame_ms": 20, "delays_ms": [0, 5, 30, 10]}))
    panel.load_trace(trace)
    assert replace(chosen[-1], trace=None, trace_name=None) == NO_IMPAIRMENT
    assert (panel.delay.value(), panel.random_every.value()) == (0.0, 0.0)
    assert bench.window.banner.text == ""


async def test_what_is_in_force_can_be_read_to_its_end(bench: Bench) -> None:
    window = bench.window
    window.resize(1280, 800)
    window.show()
    window.panels.lab.raise_()
    choose(window.lab_panel.network, NETWORKS[2][1])
    await asyncio.sleep(0.1)
    label = window.lab_panel.in_force
    room = label.fontMetrics().boundingRect(label.contentsRect(), int(Qt.TextFlag.TextWordWrap), label.text())
    assert room.height() <= label.height()
    assert room.width() <= label.width()
    assert label.text().endswith(NETWORKS[2][1].describe())
    assert label.toolTip() == label.text()


class Stage:
    """What a scenario moves, and a clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.done: list[object] = []
        self.captions: list[tuple[str, int, int]] = []
        self.ends: list[str] = []
        self.scenario = Scenario(
            self.done.append, self.done.append, self.done.append, lambda: self.done.append("back"), lambda: self.now_s
        )
        self.scenario.caption_changed.connect(lambda *caption: self.captions.append(caption))
        self.scenario.ended.connect(self.ends.append)

    def at(self, now_s: float) -> None:
        self.now_s = now_s
        self.scenario.tick()


def test_the_tour_takes_a_minute_and_puts_everything_back() -> None:
    stage = Stage()
    stage.scenario.begin_once()
    for second in range(70):
        stage.at(float(second))
    assert len(stage.captions) == len(TOUR) - 1
    assert [number for _, number, _ in stage.captions] == [1, 2, 3, 4, 5]
    assert stage.done[-1] == "back"
    assert stage.ends == [TOUR[-1].caption]
    assert TOUR[-1].at_s == 60.0
    stage.scenario.begin_once()
    assert not stage.scenario.is_running


def test_the_tour_shows_a_fixed_buffer_in_stalls_and_then_an_adaptive_one() -> None:
    stage = Stage()
    stage.scenario.begin_once()
    stage.at(25.0)
    impairments = [each for each in stage.done if isinstance(each, Impairment)]
    playouts = [each for each in stage.done if isinstance(each, PlayoutSettings)]
    assert impairments[0] == NO_IMPAIRMENT
    assert impairments[1].stall_ms is not None
    assert impairments[1].stall_ms > playouts[0].target_delay_ms
    assert [playout.is_adaptive for playout in playouts] == [False, True]


@pytest.mark.parametrize("at_s", [0.0, 12.0, 59.0])
def test_the_tour_can_be_stopped_at_any_moment(at_s: float) -> None:
    stage = Stage()
    stage.scenario.begin_once()
    stage.at(at_s)
    stage.scenario.stop()
    assert stage.done[-1] == "back"
    count = len(stage.done)
    stage.at(100.0)
    assert len(stage.done) == count
    assert stage.ends == [""]


async def test_captions_are_true_where_something_was_missing_from_the_beginning(bench: Bench) -> None:
    """What a busy computer or a server without control does must not make a sentence of the demo wrong."""
    bench.window.start_scenario()
    session = await bench.connect()
    session.know(underruns=UnderrunCounts(2, 80.0))
    session.stream()
    bench.window.show_facts()
    caption = bench.window.demo.bar.caption.text()
    assert "nothing is missing" not in caption
    assert "whether anything is missing" in caption
    for step in TOUR:
        for claim in ("nothing is missing", "each time", "at once", "holds", "latency falls", "clean"):
            assert claim not in step.caption


async def test_the_demo_waits_for_sound_and_leaves_what_is_remembered_alone(bench: Bench) -> None:
    before = bench.store.tuning
    bench.window.start_scenario()
    bench.window.show_facts()
    assert "first sound" in bench.window.demo.bar.caption.text()
    session = await bench.stream()
    bench.window.show_facts()
    assert "lab adds nothing" in bench.window.demo.bar.caption.text()
    assert not session.playout.is_adaptive
    bench.window.demo.bar.stop.click()
    assert bench.store.tuning == before
    assert session.playout == before.playout
    assert session.snapshot().impairment == NO_IMPAIRMENT
    bench.store.save()
    assert "tune" not in bench.store._file.childGroups()


@pytest.mark.parametrize("set_before", [None, Impairment(delay_ms=40.0, jitter_ms=7.0)])
async def test_after_the_demo_the_network_lab_is_back_where_it_was(bench: Bench, set_before: Impairment | None) -> None:
    lab = bench.window.lab_panel
    if set_before is not None:
        bench.window.set_impairment(set_before)
        lab.is_on.click()
    kept = (lab.delay.value(), lab.jitter.value(), lab.stall_every.value(), lab.network.currentText())
    bench.window.start_scenario()
    session = await bench.stream()
    bench.window.show_facts()
    stalls = next(step.impairment for step in TOUR if step.impairment is not None and step.impairment.is_active)
    bench.window.set_impairment(stalls)
    assert lab.stall_every.value() == stalls.stall_every_s
    bench.window.demo.bar.stop.click()
    assert (lab.delay.value(), lab.jitter.value(), lab.stall_every.value(), lab.network.currentText()) == kept
    assert not lab.is_on.isChecked()
    assert lab.in_force.text() == f"In force: {NO_IMPAIRMENT.describe()}"
    lab.is_on.click()
    assert session.snapshot().impairment == (set_before or NO_IMPAIRMENT)


async def test_a_demo_stopped_before_there_was_sound_never_begins(bench: Bench) -> None:
    bench.window.start_scenario()
    bench.window.demo.bar.stop.click()
    session = await bench.stream()
    bench.window.show_facts()
    assert bench.window.demo.bar.isHidden()
    assert session.playout == PRESETS[PresetName.BALANCED].playout


async def test_changes_are_taken_back_one_after_the_other(bench: Bench) -> None:
    session = await bench.stream()
    controls = bench.window.tune_panel.playout
    tuner = bench.window._tuner
    choose(controls.preset, PresetName.SAFE)
    choose(controls.kind, False)
    for depth in (70, 75, 80):  # one drag
        controls.depth_slider.setValue(depth)
    tuner.undo()
    assert not session.playout.is_adaptive
    assert session.playout.target_delay_ms not in (70, 75, 80)
    tuner.undo()
    assert session.playout == PRESETS[PresetName.SAFE].playout
    tuner.undo()
    assert session.playout == PRESETS[PresetName.BALANCED].playout
    assert bench.store.get(settings.PRESET) is PresetName.BALANCED
    tuner.undo()
    assert session.playout == PRESETS[PresetName.BALANCED].playout
    changes = [event for event in bench.monitor.events.since(0) if event.level is Level.CHANGE]
    assert len(changes) == 4  # a drag is one; and taking back is one, too


def test_undoing_works_without_a_session(bench: Bench) -> None:
    before = bench.store.tuning
    choose(bench.window.tune_panel.playout.preset, PresetName.LOWEST_DELAY)
    bench.window._tuner.undo()
    assert replace(bench.store.tuning) == before


async def test_undoing_after_the_demo_does_not_bring_its_buffer_back(bench: Bench) -> None:
    bench.window.start_scenario()
    session = await bench.stream()
    bench.window.show_facts()
    bench.window.demo.bar.stop.click()
    bench.window._tuner.undo()
    assert session.playout == PRESETS[PresetName.BALANCED].playout
    bench.store.save()
    assert "tune" not in bench.store._file.childGroups()


def test_random_disconnects_can_be_switched_off_where_they_are_set(bench: Bench) -> None:
    panel = bench.window.lab_panel
    panel.show_impairment(Impairment(delay_ms=5.0, disconnect_every_s=30.0, is_disconnect_random=True))
    panel.disconnect_every.setValue(0.0)
    assert panel.disconnect_every.value() == 0.0
    assert bench.window.connecting.impairment == Impairment(delay_ms=5.0)


async def test_while_nobody_sees_the_window_problems_and_changes_are_kept_up(bench: Bench) -> None:
    session = await bench.stream()
    bench.window.hide()
    session.become(ConnectionState.WAITING, reason="the server went away", attempt=1, next_attempt_at_ns=0)
    bench.monitor.events.add(Level.CHANGE, "something changed")
    bench.window._keep_books()
    assert "went away" in bench.window._problems._banner._label.text()
    assert len(bench.window.watch.changes.changes) == 1
    session.become(ConnectionState.STREAMING)
    bench.window._keep_books()
    assert bench.window.banner.text == ""
