"""Relative delay and lead, against the quickest packets looked for by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.playout.arrivals import BASE_SPAN_NS, Arrivals, duration_ns, samples_in
from tests.traces.families import drift, gaussian, poisson_stalls

MS = 1_000_000
FRAME_MS = 20.0


def arrive(arrivals: Arrivals, delays_ms: Iterable[float], first: int = 0, media_ms: float = 0.0) -> list[float]:
    """Packets from number ``first`` on, each so late; media time stands still by ``media_ms``. In milliseconds."""
    relative, latest_ms = [], 0.0
    for number, delay_ms in enumerate(delays_ms, start=first):
        latest_ms = max(latest_ms, number * FRAME_MS + delay_ms)
        media_ns = round((number * FRAME_MS - media_ms) * MS)
        relative.append(arrivals.arrived(round(latest_ms * MS), media_ns) / MS)
    return relative


def stall(length_ms: float) -> list[float]:
    """Packets that come at once at the end of a stall."""
    return [length_ms - sent_ms for sent_ms in np.arange(0.0, length_ms, FRAME_MS)]


@given(st.integers(0, 1 << 40))
def test_samples_and_nanoseconds_agree(samples: int) -> None:
    assert 0 <= samples - samples_in(duration_ns(samples)) <= 1


@given(st.lists(st.integers(0, 90), min_size=1, max_size=60), st.integers(-(10**12), 10**12))
def test_relative_delay_is_lateness_over_the_least_so_far_whatever_the_origin(
    delays_ms: list[int], origin_ns: int
) -> None:
    arrivals = Arrivals()
    at_ms = np.maximum.accumulate(np.arange(len(delays_ms)) * FRAME_MS + delays_ms)
    lateness_ms = at_ms - np.arange(len(delays_ms)) * FRAME_MS
    for number, ms in enumerate(at_ms.tolist()):
        relative_ns = arrivals.arrived(round(ms * MS) + origin_ns, round(number * FRAME_MS * MS))
        assert relative_ns / MS == pytest.approx(lateness_ms[number] - lateness_ms[: number + 1].min(), abs=2.0)
        assert relative_ns >= 0


@pytest.mark.parametrize("make", [gaussian, poisson_stalls])
def test_the_base_is_that_of_the_last_two_seconds_of_media_time(make: type) -> None:
    for seed in range(3):
        trace = make(seed, seconds=30.0)
        late_ms = np.array(trace.delays_ms)
        width = BASE_SPAN_NS // round(FRAME_MS * MS) + 1
        base_ms = [late_ms[max(0, i + 1 - width) : i + 1].min() for i in range(len(late_ms))]
        off_ms = np.abs(np.array(arrive(Arrivals(), late_ms.tolist())) - (late_ms - base_ms))
        # The clocks are equal; the estimate of their skew may be off by some millionths.
        assert off_ms.max() < 1.0


@pytest.mark.parametrize("ppm", [-500.0, -100.0, 100.0, 500.0])
def test_a_sender_whose_clock_differs_makes_no_packet_late(ppm: float) -> None:
    trace = drift(1, ppm=ppm, jitter_ms=0.0, seconds=120.0)
    assert max(arrive(Arrivals(), trace.delays_ms)) <= 2.0


def test_while_a_stall_lasts_nothing_is_forgotten() -> None:
    arrivals = Arrivals()
    relative_ms = arrive(arrivals, [10.0] * 200 + stall(5_000.0))
    assert relative_ms[200] == pytest.approx(4_990.0, abs=1.0)


@pytest.mark.parametrize("slower_ms", [15.0, 50.0, 300.0])
def test_a_path_that_becomes_slower_for_good_is_the_usual_one_two_seconds_later(slower_ms: float) -> None:
    relative_ms = arrive(Arrivals(), [5.0] * 200 + [5.0 + slower_ms] * 200)
    assert relative_ms[205] == pytest.approx(slower_ms, abs=1.0)
    assert max(relative_ms[302:]) <= 1.0


def test_a_path_that_becomes_quicker_is_believed_at_once() -> None:
    assert max(arrive(Arrivals(), [80.0] * 200 + [10.0] * 200)[200:]) <= 1.0


def test_before_any_packet_nothing_is_known() -> None:
    arrivals = Arrivals()
    assert arrivals.delay_ns(0, 0) is None
    assert arrivals.lag_ns(0, 0) is None
    assert not arrivals.is_bursting(0)


def test_delay_grows_with_time_and_shrinks_with_media_time() -> None:
    arrivals = Arrivals()
    arrive(arrivals, [7.0] * 50)
    assert arrivals.delay_ns(1_007 * MS, 1_000 * MS) == 0
    assert arrivals.delay_ns(1_107 * MS, 1_000 * MS) == 100 * MS
    assert arrivals.delay_ns(1_107 * MS, 1_050 * MS) == 50 * MS


@pytest.mark.parametrize("ahead_ms", [1_000.0, 5_000.0, 20_000.0])
def test_what_was_sent_ahead_of_time_is_no_lag(ahead_ms: float) -> None:
    arrivals = Arrivals()
    for number in range(2_000):
        arrivals.arrived(round(max(0.0, number * FRAME_MS - ahead_ms) * MS), round(number * FRAME_MS * MS))
    now_ns = round((2_000 * FRAME_MS - ahead_ms) * MS)
    played_ns = now_ns - 60 * MS
    lag_ns, delay_ns = arrivals.lag_ns(now_ns, played_ns), arrivals.delay_ns(now_ns, played_ns)
    assert lag_ns is not None
    assert delay_ns is not None
    assert lag_ns == pytest.approx(60 * MS, abs=25 * MS)
    assert delay_ns - lag_ns == pytest.approx(ahead_ms * MS, abs=25 * MS)


def test_a_backlog_of_half_a_second_at_the_start_is_late_and_not_ahead_of_time() -> None:
    arrivals = Arrivals()
    arrive(arrivals, stall(500.0) + [0.0] * 100)
    now_ns = 2_500 * MS
    assert arrivals.lag_ns(now_ns, now_ns - 560 * MS) == pytest.approx(560 * MS, abs=25 * MS)


@pytest.mark.parametrize("length_ms", [400.0, 1_500.0, 10_000.0])
def test_what_comes_at_once_after_a_stall_is_late_and_not_ahead_of_time(length_ms: float) -> None:
    arrivals = Arrivals()
    relative_ms = arrive(arrivals, [0.0] * 250 + stall(length_ms) + [0.0] * 50)
    assert relative_ms[250] == pytest.approx(length_ms, abs=2.0)
    assert relative_ms[-1] == pytest.approx(0.0, abs=2.0)
    now_ns = round(len(relative_ms) * FRAME_MS * MS)
    lag_ns, delay_ns = arrivals.lag_ns(now_ns, 0), arrivals.delay_ns(now_ns, 0)
    assert lag_ns == delay_ns


@pytest.mark.parametrize("pause_ms", [500.0, 2_000.0, 30_000.0])
def test_a_pause_of_a_source_without_media_times_makes_nothing_late_for_longer_than_it_takes_to_see(
    pause_ms: float,
) -> None:
    arrivals = Arrivals()
    arrive(arrivals, [0.0] * 250)
    pause = round(pause_ms / FRAME_MS)
    relative_ms = arrive(arrivals, [0.0] * 30, first=250 + pause, media_ms=pause_ms)
    assert relative_ms[0] == pytest.approx(pause_ms, abs=2.0)
    assert max(relative_ms[18:]) <= 2.0
    assert arrivals.shifted_since_ns == (250 + pause) * FRAME_MS * MS


@pytest.mark.parametrize("length_ms", [300.0, 1_000.0, 5_000.0])
def test_a_stall_with_its_burst_is_not_taken_for_a_pause(length_ms: float) -> None:
    arrivals = Arrivals()
    arrive(arrivals, [0.0] * 250 + stall(length_ms) + [0.0] * 50)
    assert arrivals.shifted_since_ns is None


def test_packets_that_come_faster_than_they_are_played_are_a_burst_until_they_stop() -> None:
    arrivals = Arrivals()
    arrive(arrivals, [0.0] * 50)
    assert not arrivals.is_bursting(1_000 * MS)
    for number in range(50):
        arrivals.arrived(1_000 * MS + number * MS // 5, (50 + number) * 20 * MS)
        if number > 0:
            assert arrivals.is_bursting(1_000 * MS + number * MS // 5)
    assert not arrivals.is_bursting(1_030 * MS)


@pytest.mark.parametrize("jitter_ms", [0.0, 0.5])
def test_a_paced_stream_is_no_burst(jitter_ms: float) -> None:
    arrivals, random = Arrivals(), np.random.default_rng(1)
    arrive(arrivals, [5.0] * 50)
    for number in range(50, 500):
        at_ns = round((number * FRAME_MS + 5.0 + random.uniform(0, jitter_ms)) * MS)
        arrivals.arrived(at_ns, round(number * FRAME_MS * MS))
        assert not arrivals.is_bursting(at_ns)


def test_another_stream_has_nothing_to_do_with_the_times_before() -> None:
    arrivals = Arrivals()
    arrive(arrivals, [0.0] * 250 + stall(2_000.0))
    arrivals.restart()
    assert arrivals.delay_ns(0, 0) is None
    assert arrivals.skew.ppm is None
    assert arrive(arrivals, [900.0] * 20) == [0.0] * 20
