"""When things are brought up to date, and how lateness is measured."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from PySide6.QtWidgets import QApplication

from gui.daemon_executor import DaemonExecutor
from gui.loop_lag import LoopLagMeter
from gui.refresh import Refresh


@pytest.mark.parametrize(
    ("ticks_ms", "lags_ms"),
    [
        ([0, 20, 40, 60], [0, 0, 0, 0]),
        ([0, 25, 40, 60], [0, 5, 0, 0]),
        ([0, 120, 140, 160], [0, 100, 0, 0]),
        ([0, 19, 39, 59], [0, 0, 0, 0]),
        ([0, 30, 50, 70], [0, 10, 10, 10]),
    ],
    ids=["on time", "once late", "a stall starts a new grid", "early", "late against the grid each time"],
)
def test_loop_lag_is_lateness_against_the_timer_grid(
    qapp: QApplication, ticks_ms: list[float], lags_ms: list[float]
) -> None:
    clock = iter(tick / 1e3 for tick in ticks_ms)
    lags: list[float] = []
    meter = LoopLagMeter(lags.append, clock=lambda: next(clock))
    for _ in ticks_ms:
        meter.tick()
    assert lags == pytest.approx(lags_ms, abs=1e-6)


def test_texts_change_at_most_four_times_a_second_and_plots_at_all_other_ticks(qapp: QApplication) -> None:
    plots, texts, now = [], [], 0.0
    refresh = Refresh(lambda: plots.append(now), lambda: texts.append(now), clock=lambda: now)
    for tick in range(90):
        now = tick / 30
        refresh.tick()
    assert 10 <= len(texts) <= 12
    assert len(plots) == 90 - len(texts)


def test_refreshing_is_slower_without_focus_and_stops_out_of_sight(qapp: QApplication) -> None:
    refresh = Refresh(lambda: None, lambda: None)
    refresh.set_visibility(is_visible=True, has_focus=True)
    focused = refresh.interval_ms
    refresh.set_visibility(is_visible=True, has_focus=False)
    unfocused = refresh.interval_ms
    refresh.set_visibility(is_visible=False, has_focus=False)
    assert focused == 33
    assert unfocused is not None
    assert unfocused > focused
    assert refresh.interval_ms is None


def test_a_look_up_that_hangs_does_not_hold_up_the_end() -> None:
    release = threading.Event()
    executor = DaemonExecutor()
    hanging = executor.submit(release.wait)
    began = time.monotonic()
    executor.shutdown(wait=True)
    assert time.monotonic() - began < 0.5
    assert not hanging.done()
    release.set()
    assert hanging.result(5)


def test_results_and_errors_of_look_ups_come_back() -> None:
    executor = DaemonExecutor()
    assert executor.submit(lambda: 7).result(5) == 7
    with pytest.raises(socket.gaierror):
        executor.submit(socket.getaddrinfo, "host.invalid.", None).result(30)
