"""Series, distributions and events: what went in comes out, in fixed memory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.monitor.distribution import Distribution
from core.monitor.events import EventLog, Level
from core.monitor.monitor import BUFFER_DEPTH_MS, GAUGES, STARVED_MS, UNDERRUN_CAUSES, Monitor
from core.monitor.time_series import Span, TallySeries, TimeSeries, ages_s
from core.playout.cause import UnderrunCause

times_and_values = st.lists(st.tuples(st.floats(0, 3), st.floats(-1e6, 1e6)), min_size=1, max_size=80)


@given(times_and_values)
def test_each_bin_holds_minimum_mean_and_maximum_of_what_fell_into_it(steps: list[tuple[float, float]]) -> None:
    series, bins = TimeSeries(bin_s=0.5, bins=8), {}  # type: ignore[var-annotated]
    at_s = 100.0
    for step_s, value in steps:
        at_s += step_s
        series.add(at_s, value)
        bins.setdefault(math.floor(at_s / 0.5), []).append(value)
    newest = math.floor(at_s / 0.5)
    window = series.window(Span(8))
    for i in range(8):
        values = bins.get(newest - 7 + i)
        if values is None:
            assert math.isnan(window.mean[i])
        else:
            assert window.low[i] == min(values)
            assert window.high[i] == max(values)
            assert window.mean[i] == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    assert series.newest_s == (newest + 1) * 0.5


@given(times_and_values)
def test_a_tally_sums_what_fell_into_a_bin(steps: list[tuple[float, float]]) -> None:
    series, at_s, in_last_bins = TallySeries(bin_s=0.5, bins=8), 0.0, {}  # type: ignore[var-annotated]
    for step_s, amount in steps:
        at_s += step_s
        series.add(at_s, amount)
        number = math.floor(at_s / 0.5)
        in_last_bins[number] = in_last_bins.get(number, 0.0) + amount
    newest = math.floor(at_s / 0.5)
    sums = series.window(Span(8))
    assert sums == pytest.approx([in_last_bins.get(newest - 7 + i, 0.0) for i in range(8)], abs=1e-6)


def test_a_window_is_a_view_and_its_ages_end_at_now() -> None:
    series = TimeSeries()
    series.add(5.0, 1.0)
    window = series.window()
    assert window.mean.base is not None
    assert len(window.mean) == 600
    assert ages_s(Span())[0] == pytest.approx(-59.9)
    assert ages_s(Span())[-1] == 0
    assert window.mean[-1] == 1.0


@given(
    values=st.dictionaries(st.integers(0, 60), st.floats(-1e3, 1e3), min_size=1),
    points=st.integers(1, 12),
    bins_per_point=st.integers(1, 4),
    back=st.integers(0, 70),
)
def test_any_part_of_the_past_can_be_read_in_points_of_any_size(
    values: dict[int, float], points: int, bins_per_point: int, back: int
) -> None:
    kept = 40
    series, tally = TimeSeries(bin_s=1.0, bins=kept), TallySeries(bin_s=1.0, bins=kept)
    for number, value in sorted(values.items()):
        series.add(number + 0.5, value)
        tally.add(number + 0.5, value)
    newest = max(values)
    end = newest - back
    span = Span(points, bins_per_point, end)
    window, sums = series.window(span), tally.window(span)
    last = end + (bins_per_point - 1 - end % bins_per_point if bins_per_point > 1 else 0)
    for point in range(points):
        first = last - (points - point) * bins_per_point + 1
        inside = [
            value
            for number, value in values.items()
            if first <= number < first + bins_per_point and number > newest - kept
        ]
        assert sums[point] == pytest.approx(sum(inside), abs=1e-9)
        if not inside:
            assert math.isnan(window.mean[point])
            continue
        assert window.low[point] == min(inside)
        assert window.high[point] == max(inside)
        assert window.mean[point] == pytest.approx(np.mean(inside), abs=1e-9)


def test_points_of_several_bins_hold_the_same_bins_while_the_window_moves_on() -> None:
    series = TimeSeries(bin_s=1.0, bins=100)
    for number in range(50):
        series.add(number + 0.5, float(number % 7))
    before = series.window(Span(10, 5)).high.tolist()
    series.add(50.5, 0.0)
    assert series.window(Span(10, 5)).high.tolist()[:-1] == before[1:]


def test_a_copy_stands_still_while_recording_goes_on() -> None:
    monitor = Monitor(clock_ns=lambda: 5_000_000_000)
    monitor.record(BUFFER_DEPTH_MS, 1.0)
    copy = monitor.history.copy()
    monitor.record(BUFFER_DEPTH_MS, 99.0)
    monitor.tally(STARVED_MS, 7.0)
    assert copy.series[BUFFER_DEPTH_MS].window().high[-1] == 1.0
    assert copy.tallies[STARVED_MS].window().sum() == 0


def test_an_episode_s_milliseconds_lie_where_nothing_was_played() -> None:
    now_ns = [10_000_000_000]
    monitor = Monitor(clock_ns=lambda: now_ns[0])
    monitor.advance()
    monitor.tally_episode("late network", 9.75, 220.0)
    window = monitor.tallies["late network"].window(Span(5))
    assert window.tolist() == pytest.approx([0.0, 50.0, 100.0, 70.0, 0.0], abs=0.01)


def test_the_causes_of_underruns_are_those_that_playout_tells() -> None:
    assert tuple(cause.value for cause in UnderrunCause) == UNDERRUN_CAUSES


def test_time_without_values_leaves_a_gap() -> None:
    series = TimeSeries(bin_s=0.1, bins=10)
    series.add(0.05, 1.0)
    series.add(0.45, 2.0)
    assert [str(value) for value in series.window(Span(10)).mean[-5:]] == ["1.0", "nan", "nan", "nan", "2.0"]
    series.advance(60.0)
    assert np.isnan(series.window(Span(10)).mean).all()


@given(st.lists(st.floats(0, 900), min_size=1, max_size=300), st.floats(0, 100))
def test_percentiles_are_exact_to_the_resolution(values: list[float], percent: float) -> None:
    distribution = Distribution(resolution=0.5, limit=1_000)
    for value in values:
        distribution.add(value)
    rank = max(1, math.ceil(len(values) * percent / 100))
    assert distribution.percentile(percent) == pytest.approx(sorted(values)[rank - 1], abs=0.5)
    assert distribution.mean == pytest.approx(np.mean(values), abs=1e-6)


@given(st.lists(st.floats(-5, 2_000), min_size=1, max_size=100))
def test_values_counted_together_count_as_one_after_the_other(values: list[float]) -> None:
    together, single = Distribution(limit=1_000), Distribution(limit=1_000)
    together.add_all(np.array(values))
    for value in values:
        single.add(value)
    assert (together.count, together.minimum, together.maximum) == (single.count, single.minimum, single.maximum)
    assert together.mean == pytest.approx(single.mean)
    assert [together.percentile(p) for p in (0, 10, 50, 99)] == [single.percentile(p) for p in (0, 10, 50, 99)]


def test_an_empty_distribution_knows_nothing() -> None:
    assert Distribution().percentile(50) is None
    assert Distribution().mean is None


def test_the_log_gives_each_event_once_and_forgets_the_oldest() -> None:
    events = EventLog(lambda: 7, lambda: 8.0, capacity=3)
    for i in range(5):
        events.add(Level.INFO, str(i))
    assert [event.text for event in events.since(0)] == ["2", "3", "4"]
    assert [event.text for event in events.since(4)] == ["4"]
    assert events.since(events.next_number) == []
    events.add(Level.ERROR, "5")
    assert [(event.number, event.text) for event in events.since(5)] == [(5, "5")]


def test_the_monitor_keeps_history_and_totals_apart() -> None:
    now_ns = [0]
    monitor = Monitor(clock_ns=lambda: now_ns[0], window_s=1.0)
    for i in range(100):
        now_ns[0] = i * 100_000_000 + 50_000_000
        monitor.record(BUFFER_DEPTH_MS, float(i))
    assert monitor.series[BUFFER_DEPTH_MS].window(Span(10)).mean[0] == 90.0
    assert monitor.distributions[BUFFER_DEPTH_MS].minimum == 0.0
    now_ns[0] += 5_000_000_000
    monitor.advance()
    assert all(np.isnan(monitor.series[name].window(Span(10)).mean).all() for name in GAUGES)


def test_of_an_episode_of_hours_only_what_is_kept_is_told_and_no_bin_holds_more_than_its_time() -> None:
    monitor = Monitor(clock_ns=lambda: 10_000_000_000_000)
    monitor.advance()
    monitor.tally_episode("late network", 2_800.0, 7_200_000.0)
    window = monitor.tallies["late network"].window(Span(6_000))
    assert window.max() <= 200.1  # an edge may share its bin with its neighbour
    assert window.sum() == pytest.approx(600_000, rel=0.001)
