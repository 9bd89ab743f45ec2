"""Freezing, zooming, panning, pointing, going from problem to problem, saving; the what-if plot."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPainter, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton

from core.monitor.events import Level
from core.monitor.monitor import BUFFER_DEPTH_MS, LATENCY_PARTS, TARGET_DELAY_MS
from core.monitor.time_series import BIN_S, HISTORY_S
from core.playout.late_history import GRID_MS
from core.playout.what_if import WhatIfCurve
from core.receiver.options import ListenOptions
from core.receiver.verdict import Answer
from gui.plots.measures import RIGHT_MARGIN_PX
from gui.view_models.time_window import WINDOWS_S, TimeWindow
from gui.view_models.what_if import WhatIfView, cost_line, depth_at, hover_text, scale_top_ms
from gui.widgets.labels import LegendEntry
from tests.gui.conftest import Bench
from tests.gui.fake_session import NO_VERDICT


def record(bench: Bench, seconds: float) -> None:
    """Buffer depth that tells its time: the seconds since the beginning."""
    began_ns = bench.clock.now_ns
    bench.clock.advance(0.05)  # in the middle of each bin
    for _ in range(round(seconds / 0.1)):
        bench.clock.advance(0.1)
        bench.monitor.record(BUFFER_DEPTH_MS, (bench.clock.now_ns - began_ns) / 1e9)
    bench.clock.advance(0.05)
    bench.monitor.advance()


async def test_frozen_plots_stand_still_while_recording_goes_on(bench: Bench) -> None:
    await bench.stream()
    record(bench, 30)
    bench.window.desk.set_frozen(True)
    before = bench.window.watch.plots.depth.mean_curve.getData()[1].copy()
    record(bench, 5)
    bench.window.watch.refresh_all()
    np.testing.assert_array_equal(bench.window.watch.plots.depth.mean_curve.getData()[1], before)
    assert bench.window.desk.bar.freeze.isChecked()
    bench.window.desk.set_frozen(False)
    after = bench.window.watch.plots.depth.mean_curve.getData()[1]
    assert after[-2] == pytest.approx(4.9, abs=0.2)  # the five seconds were not lost


@pytest.mark.parametrize("seconds", WINDOWS_S)
async def test_every_length_of_the_window_shows_what_was_recorded(bench: Bench, seconds: int) -> None:
    await bench.stream()
    record(bench, 620)
    bar = bench.window.desk.bar
    bar.time_shown.setCurrentIndex(bar.time_shown.findData(seconds))
    bar.time_shown.activated.emit(bar.time_shown.currentIndex())
    x, y = bench.window.watch.plots.depth.mean_curve.getData()
    assert len(x) <= 600
    assert x[0] == pytest.approx(-seconds, abs=seconds / len(x) + 0.01)
    assert y[-2] - y[1] == pytest.approx(seconds, rel=0.05)


async def test_panning_shows_an_earlier_time_and_the_axis_says_which(bench: Bench) -> None:
    await bench.stream()
    record(bench, 200)
    view = bench.window.watch.view
    view.freeze()
    view.pan(-100)
    y = bench.window.watch.plots.depth.mean_curve.getData()[1]
    assert y[-2] == pytest.approx(100, abs=0.5)
    assert view.ticks[-1] == (0.0, "−1:40")
    view.pan(+1_000)
    assert view.ticks[-1] == (0.0, "frozen")


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (10, ["−10 s", "−8 s", "−6 s", "−4 s", "−2 s", "now"]),
        (30, ["−30 s", "−25 s", "−20 s", "−15 s", "−10 s", "−5 s", "now"]),
        (120, ["−120 s", "−100 s", "−80 s", "−60 s", "−40 s", "−20 s", "now"]),
        (300, ["−5 min", "−4 min", "−3 min", "−2 min", "−1 min", "now"]),
        (600, ["−10 min", "−8 min", "−6 min", "−4 min", "−2 min", "now"]),
    ],
)
def test_the_time_axis_has_round_ticks_in_one_unit(seconds: int, texts: list[str]) -> None:
    ticks = TimeWindow(seconds).ticks(5_000)
    assert [text for _, text in ticks] == texts
    assert ticks[0][0] == -seconds
    assert ticks[-1][0] == 0.0


@given(seconds=st.sampled_from(WINDOWS_S), later=st.integers(0, 5_900))
def test_a_frozen_axis_has_round_ticks_too_each_once(seconds: int, later: int) -> None:
    ticks = TimeWindow(seconds, 10_000 - later).ticks(10_000, "frozen")
    texts = [text for _, text in ticks]
    assert len(set(texts)) == len(texts) >= 4
    assert all("." not in text for text in texts)
    steps = np.diff([age_s for age_s, _ in ticks])
    np.testing.assert_allclose(steps, steps[0])
    assert -seconds <= ticks[0][0] < ticks[-1][0] <= 0


async def test_the_last_label_of_the_time_axis_has_room(bench: Bench) -> None:
    await bench.stream()
    record(bench, 620)
    plot = bench.window.watch.plots.depth
    view = bench.window.watch.view
    view.freeze()
    for seconds in WINDOWS_S:
        view.choose(seconds)
        for moved_s in (0, -60):
            view.pan(moved_s)
            half = QFontMetrics(plot.font()).horizontalAdvance(view.ticks[-1][1]) / 2
            assert half <= RIGHT_MARGIN_PX


async def test_the_scale_shrinks_when_smaller_values_are_zoomed_to(bench: Bench) -> None:
    await bench.stream()
    record(bench, 20)
    bench.monitor.record(BUFFER_DEPTH_MS, 900.0)
    record(bench, 60)
    view, plot = bench.window.watch.view, bench.window.watch.plots.depth
    view.choose(120)
    assert plot.top == 1_000
    view.freeze()
    view.zoom(2)
    assert view.window.seconds == 30
    assert plot.top == 100
    view.zoom(-2)
    assert plot.top == 1_000


async def test_a_live_plot_is_not_panned(bench: Bench) -> None:
    await bench.stream()
    record(bench, 20)
    bench.window.watch.view.pan(-10)
    assert bench.window.watch.view.window.end_bin is None


async def test_the_wheel_zooms_about_the_pointer(bench: Bench) -> None:
    await bench.stream()
    record(bench, 200)
    view = bench.window.watch.view
    view.choose(120)
    view.freeze()
    view.zoom(1, at=0.5)
    assert view.window.seconds == 60
    y = bench.window.watch.plots.depth.mean_curve.getData()[1]
    assert (y[0] + y[-2]) / 2 == pytest.approx(140, abs=1)
    view.zoom(-1)
    assert view.window.seconds == 120


async def test_the_crosshair_reads_every_plot_at_the_same_moment(bench: Bench) -> None:
    await bench.stream()
    record(bench, 100)
    view = bench.window.watch.view
    view.point_at(-30.0)
    assert view.crosshair_s is None  # only where the plots stand still
    view.freeze()
    view.point_at(-30.0)
    assert bench.window.watch.depth_dock.value.text() == "70.0 ms"
    bench.window.show_facts()
    assert bench.window.watch.depth_dock.value.text() == "70.0 ms"
    view.point_at(None)
    bench.window.show_facts()
    assert bench.window.watch.depth_dock.value.text() == ""  # 61 ms are of now, and the plots are not
    view.resume()
    bench.window.show_facts()
    assert bench.window.watch.depth_dock.value.text() == "61.0 ms"


async def test_legends_of_frozen_plots_tell_what_was_at_the_crosshair(bench: Bench) -> None:
    await bench.stream()
    began_ns = bench.clock.now_ns
    for _ in range(100):
        bench.clock.advance(0.1)
        for at, name in enumerate((*LATENCY_PARTS, TARGET_DELAY_MS)):
            bench.monitor.record(name, round((bench.clock.now_ns - began_ns) / 1e9) + at * 10)
    bench.monitor.advance()
    watch = bench.window.watch
    bench.window.show_facts()
    stack = watch.latency_dock.legend.findChildren(LegendEntry)
    assert [entry.label.text() for entry in stack][2] == "buffer 61.0 ms"
    bench.window.desk.set_frozen(True)
    names = ["frame + codec", "network", "buffer", "device"]
    assert [entry.label.text() for entry in stack] == names
    assert watch.underrun_dock.value.text() == ""
    watch.view.point_at(-5.0)
    texts = [entry.label.text() for entry in stack]
    assert texts == [f"{name} {5 + at * 10}.0 ms" for at, name in enumerate(names)]
    target = next(
        entry for entry in watch.depth_dock.legend.findChildren(LegendEntry) if "target" in entry.label.text()
    )
    assert target.label.text() == "target 45 ms"
    bench.window.show_facts()
    assert [entry.label.text() for entry in stack] == texts
    bench.window.desk.set_frozen(False)
    bench.window.show_facts()
    assert [entry.label.text() for entry in stack][2] == "buffer 61.0 ms"


async def test_problems_are_found_one_after_the_other_in_both_directions(bench: Bench) -> None:
    await bench.stream()
    record(bench, 30)
    times = []
    for _ in range(3):
        bench.monitor.events.add(Level.WARNING, "underrun")
        times.append(bench.clock.now_ns / 1e9)
        record(bench, 50)
    view, desk = bench.window.watch.view, bench.window.desk
    for expected in reversed(times):
        desk.go_to_problem(False)
        assert view.pointed_s == pytest.approx(expected, abs=0.2)
    desk.go_to_problem(False)
    assert "No earlier problem" in bench.window.banner.text
    for expected in times[1:]:
        desk.go_to_problem(True)
        assert view.pointed_s == pytest.approx(expected, abs=0.2)


async def test_the_table_holds_the_time_shown(bench: Bench, tmp_path: Path) -> None:
    await bench.stream()
    record(bench, 30)
    bench.window.watch.view.choose(10)
    path = tmp_path / "series.csv"
    bench.window.desk.save_table(path)
    assert len(path.read_text().splitlines()) == 101
    assert str(path) in bench.window.banner.text
    bench.window.desk.save_table(tmp_path / "nowhere" / "series.csv")
    assert "cannot be written" in bench.window.banner.text


async def test_the_picture_holds_the_visible_plots(bench: Bench, tmp_path: Path) -> None:
    bench.window.show()
    await bench.stream()
    record(bench, 10)
    await asyncio.sleep(0.05)  # the layout settles
    path = tmp_path / "plots.png"
    docks = [dock for dock in bench.window.watch.docks if dock.isVisible()]
    height = sum(dock.height() for dock in docks)
    bench.window.desk.save_image(path)
    assert len(docks) == 5
    assert QImage(str(path)).height() > height


async def test_the_picture_says_where_and_when_it_is_from_and_has_no_buttons(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.window.show()
    await bench.stream()
    bench.owner.start(ListenOptions("ws://me:secret@127.0.0.1:9/x?token=hidden"))
    await asyncio.sleep(0.05)
    session = bench.session
    session.stream()
    session.judged = replace(NO_VERDICT, answer=Answer.GOOD, seconds=20.0, latest_ms=12.0)
    record(bench, 10)
    drawn: list[str] = []
    draw = QPainter.drawText

    def draw_text(painter: QPainter, *given: object) -> object:
        drawn.append(str(given[-1]))
        return draw(painter, *given)  # type: ignore[call-overload]

    monkeypatch.setattr(QPainter, "drawText", draw_text)
    bench.window.desk.save_image(tmp_path / "plots.png")
    caption = drawn[-1]
    assert caption.startswith("ws://127.0.0.1:9/x")
    assert "secret" not in caption
    assert "hidden" not in caption
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", caption)
    assert "Is a buffer of 60 ms enough? ✓ Yes: In 20 s no packet came more than 12 ms late." in caption
    dock = bench.window.watch.depth_dock
    button = dock.findChild(QToolButton, "dockClose")
    seen: list[str] = []
    monkeypatch.setattr(dock, "grab", lambda: seen.append(button.text()) or QPixmap(4, 4))
    dock.picture()
    assert (seen, button.text()) == ([""], "✕")


async def test_a_change_can_be_gone_to_from_its_row(bench: Bench) -> None:
    await bench.stream()
    record(bench, 40)
    bench.monitor.events.add(Level.CHANGE, "frame size is now 10 ms")
    at_s = bench.clock.now_ns / 1e9
    record(bench, 100)
    bench.window.show_facts()
    table = bench.window.desk.changes
    assert [table.changes.index(0, column).data() for column in (0, 2)] == ["1", "frame size is now 10 ms"]
    table.activated.emit(table.changes.index(0, 0))
    assert bench.window.watch.view.pointed_s == pytest.approx(at_s, abs=0.2)


@given(
    seconds=st.sampled_from(WINDOWS_S),
    newest=st.integers(0, 20_000),
    moves=st.lists(st.tuples(st.sampled_from(["move", "in", "out"]), st.floats(-700, 700)), max_size=12),
)
def test_a_window_never_leaves_what_is_kept(seconds: int, newest: int, moves: list[tuple[str, float]]) -> None:
    window = TimeWindow(seconds, newest)
    for kind, amount in moves:
        if kind == "move":
            window = window.moved(amount, newest)
        elif kind == "in":
            window = window.shorter(abs(amount) / 700, newest)
        else:
            window = window.longer().kept_within(newest)
        assert window.end_bin is not None
        assert window.end_bin <= newest
        assert window.end_bin - window.seconds / BIN_S >= newest - HISTORY_S / BIN_S - 1
        assert window.span.points <= 600


def curve(late_pct: float = 2.0, until_ms: float = 60.0) -> WhatIfCurve:
    late = np.where(until_ms > GRID_MS, late_pct, 0.0)
    return WhatIfCurve(GRID_MS, late, late * 3, 500, 10.0)


def test_hovering_reads_what_a_depth_would_have_met() -> None:
    assert hover_text(curve(1.234), 41.0) == "at 40 ms: 1.2 % late, 3.7 dropouts/min"
    assert hover_text(curve(), 120.0) == "at 120 ms: 0 % late, 0 dropouts/min"


def test_a_click_is_rounded_to_the_curve_s_grid() -> None:
    assert [depth_at(depth) for depth in (-3.0, 41.0, 43.0, 99_999.0)] == [0.0, 40.0, 45.0, 2_000.0]


def test_the_axis_ends_behind_all_that_was_late_and_does_not_jump_about() -> None:
    view = WhatIfView(curve(until_ms=60), curve(until_ms=180), 60.0, 70.0, 140.0)
    assert scale_top_ms(view, 0.0) == 300.0
    smaller = WhatIfView(curve(until_ms=60), curve(until_ms=160), 60.0, 70.0, 140.0)
    assert scale_top_ms(smaller, 0.0) == 200.0
    assert scale_top_ms(smaller, 500.0) == 200.0
    assert scale_top_ms(view, 500.0) == 500.0
    assert scale_top_ms(view, 1_000.0) == 300.0


def test_the_cost_line_goes_through_the_target() -> None:
    view = WhatIfView(curve(2.0), curve(), 40.0, None, 10.0)
    depths, late = cost_line(view)
    assert np.interp(40.0, depths, late) == pytest.approx(2.0)
    assert late[-1] == pytest.approx(0.0)


async def test_a_click_on_the_what_if_plot_fixes_the_buffer_there(bench: Bench) -> None:
    bench.window.resize(1400, 900)
    bench.window.show()
    session = await bench.stream()
    for _ in range(4):
        bench.window.show_facts()
    plot = bench.window.what_if.plot
    spot = plot.getViewBox().mapViewToScene(QPointF(60.0, 0.0)).toPoint()
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert not session.playout.is_adaptive
    assert session.playout.target_delay_ms == pytest.approx(60.0, abs=5.0)
    changes = [event.text for event in bench.monitor.events.since(0) if event.level is Level.CHANGE]
    assert len(changes) == 1


async def test_no_crosshair_is_drawn_any_more_when_the_plots_go_on(bench: Bench) -> None:
    await bench.stream()
    record(bench, 30)
    view = bench.window.watch.view
    view.freeze()
    view.point_at(-10.0)
    assert all(plot._grid._crosshair is not None for plot in bench.window.watch.plots)
    view.resume()
    assert all(plot._grid._crosshair is None for plot in bench.window.watch.plots)


async def test_a_problem_after_the_freezing_is_found_and_one_too_long_ago_is_not(bench: Bench) -> None:
    await bench.stream()
    record(bench, 10)
    bench.monitor.events.add(Level.WARNING, "long ago")
    record(bench, 700)
    view, desk = bench.window.watch.view, bench.window.desk
    desk.go_to_problem(False)
    assert "No earlier problem" in bench.window.banner.text
    desk.set_frozen(True)
    record(bench, 30)
    bench.monitor.events.add(Level.WARNING, "just now")
    at_s = bench.clock.now_ns / 1e9
    record(bench, 5)
    desk.go_to_problem(True)
    assert view.pointed_s == pytest.approx(at_s, abs=0.2)
    desk.go_to(at_s - 690)
    assert "longer ago" in bench.window.banner.text


async def test_in_a_long_window_a_hole_of_seconds_stays_a_hole(bench: Bench) -> None:
    await bench.stream()
    record(bench, 100)
    bench.clock.advance(4.0)
    record(bench, 100)
    bench.window.watch.view.choose(600)
    held = bench.window.watch.plots.depth._held_mean
    assert (~held.shown[held.shown.argmax() :]).sum() >= 3
