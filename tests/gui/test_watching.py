"""The plots show what the monitor holds, and painting stops where nobody can see it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from core.monitor.events import Level
from core.monitor.monitor import (
    BUFFER_DEPTH_MS,
    LATENCY_BUFFER_MS,
    LATENCY_FRAME_MS,
    STARVED_MS,
    TARGET_DELAY_MS,
    UNDERRUN_CAUSES,
    UNDERRUN_EPISODES,
)
from core.monitor.time_series import Span, ages_s
from tests.gui.conftest import Bench, eventually


async def test_while_no_audio_has_come_every_plot_says_so(bench: Bench) -> None:
    await bench.connect()
    bench.window.show_facts()
    bench.window.watch.refresh_all()
    watch = bench.window.watch
    for plot in (watch.plots.depth, watch.plots.underrun, watch.plots.latency):
        assert plot.empty_text == "Waiting for audio"


async def test_plots_draw_exactly_what_the_monitor_holds(bench: Bench) -> None:
    await bench.stream()
    monitor, clock = bench.monitor, bench.clock
    for step in range(100):
        clock.advance(0.05)
        monitor.record_range(BUFFER_DEPTH_MS, 40.0 + step % 7, 50.0 + step % 7, 60.0 + step % 7)
        monitor.record(TARGET_DELAY_MS, 50.0)
        monitor.record(LATENCY_FRAME_MS, 26.5)
        monitor.record(LATENCY_BUFFER_MS, 50.0)
        if step == 40:
            monitor.tally(STARVED_MS, 35.0)
            monitor.tally(UNDERRUN_EPISODES, 1)
            monitor.tally_episode("decoder", monitor.now_s(), 35.0)
    bench.window.watch.refresh_all()
    watch = bench.window.watch
    window = monitor.series[BUFFER_DEPTH_MS].window()
    recorded = np.isfinite(window.mean)
    x, y = watch.plots.depth.mean_curve.getData()
    np.testing.assert_array_equal(x, ages_s(Span()))
    np.testing.assert_array_equal(y[recorded], window.mean[recorded])
    assert recorded.sum() >= 50
    layers = zip(UNDERRUN_CAUSES, watch.plots.underrun.layers, strict=True)
    tops = {cause: layer.tops.tolist() for cause, layer in layers}
    assert {cause: top for cause, top in tops.items() if top} == {"decoder": [pytest.approx(35.0)]}
    assert watch.plots.underrun.lasting.tops.tolist() == []
    assert len(watch.plots.underrun.triangles.getData()[0]) == 1
    total = watch.plots.latency.total_curve.getData()[1]
    np.testing.assert_allclose(total[recorded], 76.5)
    assert watch.plots.latency.layers[2].tops.tolist() == pytest.approx([76.5] * int(recorded.sum()))
    assert watch.plots.depth.empty_text == watch.plots.underrun.empty_text == watch.plots.latency.empty_text == ""


async def test_a_change_is_marked_on_every_plot_until_it_has_left_the_window(bench: Bench) -> None:
    await bench.stream()
    bench.monitor.record(BUFFER_DEPTH_MS, 50.0)
    bench.monitor.events.add(Level.CHANGE, "frame size is now 10 ms")
    bench.clock.advance(20.0)
    bench.window.watch.refresh_all()
    watch = bench.window.watch
    for plot in (watch.plots.depth, watch.plots.underrun, watch.plots.latency):
        assert [(round(marker.age_s), marker.label) for marker in plot.markers] == [(-20, "1")]
    bench.clock.advance(45.0)
    bench.window.watch.refresh_all()
    assert watch.plots.depth.markers == ()


async def test_history_survives_a_new_session(bench: Bench) -> None:
    await bench.stream()
    bench.monitor.record(BUFFER_DEPTH_MS, 50.0)
    bench.owner.stop()
    await eventually(lambda: not bench.owner.is_running)
    second = await bench.connect()
    assert second.monitor is bench.monitor
    bench.window.watch.refresh_all()
    assert bench.window.watch.plots.depth.empty_text == ""


async def test_nothing_is_painted_while_nobody_can_see_it(bench: Bench) -> None:
    refresh = bench.window._refresh
    assert refresh.interval_ms is None
    bench.window.show()
    assert refresh.interval_ms is not None
    bench.window.showMinimized()
    await eventually(lambda: refresh.interval_ms is None)
    bench.window.showNormal()
    await eventually(lambda: refresh.interval_ms is not None)
    bench.window.hide()
    assert refresh.interval_ms is None


async def test_the_window_measures_its_own_loop_lag_and_painting(bench: Bench) -> None:
    await bench.stream()
    bench.window.resize(1000, 700)
    bench.window.show()
    for _ in range(30):
        bench.clock.advance(0.05)
        bench.monitor.record(BUFFER_DEPTH_MS, 50.0)
        await asyncio.sleep(0.02)
    assert bench.monitor.distributions["loop_lag_ms"].count > 10
    assert bench.monitor.distributions["paint_ms"].count >= 3
