"""A target delay that changes: reached in both directions, in time, and without losing a sample."""

from __future__ import annotations

import numpy as np
import pytest

from core.playout.pace import ABOVE_TARGET_MS, BELOW_TARGET_MS
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.playout.target import TargetReason
from tests.playout.bench import CLOCK_ERROR_MS, TICK, Bench, goal_ms, paced, stalled

NEAR_MS = max(ABOVE_TARGET_MS, BELOW_TARGET_MS) + CLOCK_ERROR_MS


@pytest.mark.parametrize(
    ("before_ms", "after_ms", "within_s"),
    [(60, 200, 1.0), (200, 60, 1.0), (0, 1_500, 6.5), (1_500, 0, 4.0), (60, 65, 0.5), (20, 60, 0.5), (60, 20, 0.5)],
)
def test_a_new_target_is_reached_in_time_in_both_directions_without_losing_a_sample(
    before_ms: float, after_ms: float, within_s: float
) -> None:
    bench = Bench.make(before_ms).send(paced(800)).run(4_000)
    bench.set_target(after_ms)
    assert bench.buffer.target_delay_ms == after_ms
    bench.run(15_000)
    reached = bench.delays_ms(4_000 + within_s * 1_000)
    assert np.abs(reached - goal_ms(after_ms)).max() <= NEAR_MS
    counters = bench.buffer.counters()
    assert counters.skipped_samples == counters.concealed_samples == counters.underrun_episodes == 0
    [change] = bench.buffer.take_interval().target_changes
    assert (change.from_ms, change.to_ms, change.reason) == (before_ms, after_ms, TargetReason.SET)


def test_raising_the_target_plays_every_sample_and_some_twice() -> None:
    bench = Bench.make(60).send(paced(300)).run(1_500)
    bench.set_target(200)
    bench.run(5_000)
    counters = bench.buffer.counters()
    assert counters.removed_samples_for_acceleration == 0
    assert counters.inserted_samples_for_deceleration == pytest.approx(140 * 48, abs=NEAR_MS * 48)
    heard = np.sort(bench.media_ms[bench.is_received])
    # Resampling passes over less than one sample in two hundred.
    assert np.diff(heard).max() <= 1.1 / 48 + CLOCK_ERROR_MS


def test_a_target_that_is_lowered_skips_nothing_in_live_mode_either_since_nothing_was_late() -> None:
    bench = Bench.live(500).send(paced(400)).run(3_000)
    bench.set_target(60)
    bench.run(7_500)
    assert np.abs(bench.delays_ms(5_000) - goal_ms(60)).max() <= NEAR_MS
    assert bench.buffer.counters().skipped_samples == bench.buffer.counters().underrun_episodes == 0


@pytest.mark.parametrize("mode", PlayoutMode)
def test_a_target_dragged_up_and_down_ends_where_it_was_left(mode: PlayoutMode) -> None:
    bench = Bench.make(60, mode=mode).send(paced(500))
    for step, target_ms in enumerate([80, 120, 300, 310, 40, 500, 20, 90]):
        bench.run(1_000 + 30 * step)
        bench.set_target(target_ms)
    bench.run(6_000)
    assert np.abs(bench.delays_ms(2_500) - goal_ms(90)).max() <= NEAR_MS
    assert bench.buffer.counters().underrun_episodes == 0


def test_a_change_of_mode_is_in_force_at_once() -> None:
    bench = Bench.make(60).send(paced(600, stalled(600, (4_000, 1_500)))).run(5_600)
    assert bench.buffer.counters().skipped_samples == 0
    bench.buffer.configure(PlayoutSettings(60, mode=PlayoutMode.LIVE), bench.now_ns)
    bench.run(8_000)
    assert bench.buffer.counters().skipped_samples > 0
    assert np.abs(bench.delays_ms(5_650) - goal_ms(60)).max() <= 20


def test_resampling_brings_playout_near_the_goal_and_then_copies_again() -> None:
    bench = Bench.make(60).send(paced(1_500)).run(4_000)
    bench.set_target(62)
    # It takes 3 s; the rest is to see that it stays.
    bench.run(29_900)
    counters = bench.buffer.counters()
    assert counters.inserted_samples_for_deceleration == counters.removed_samples_for_acceleration == 0
    assert np.abs(bench.delays_ms(20_000) - goal_ms(62)).max() <= 3 + CLOCK_ERROR_MS
    last = bench.left[-48_000:]
    assert (np.diff(last) == np.float32(TICK)).all()


@pytest.mark.parametrize("ppm", [-500, -100, 100, 500])
def test_drift_is_followed_without_a_splice_or_a_gap(ppm: float) -> None:
    # Ten minutes of it are in `test_what_it_reaches`; without jitter the skew is known after two seconds.
    arrivals_ms = np.arange(3_000) * 20 * ppm * 1e-6
    bench = Bench.make(60).send(paced(3_000, np.maximum(arrivals_ms - arrivals_ms.min(), 0))).run(59_000)
    counters = bench.buffer.counters()
    assert counters.concealed_samples == 0
    assert counters.inserted_samples_for_deceleration == counters.removed_samples_for_acceleration == 0
    assert bench.buffer.clock_skew_ppm == pytest.approx(ppm, abs=20)
    times, media = bench.times_ms, bench.media_ms
    since = times > 10_000
    begun_ms = arrivals_ms.min()
    late = times[since] - media[since] * (1 + ppm * 1e-6) + begun_ms
    assert np.nanmax(np.abs(late - goal_ms(60))) <= 5


def test_an_adaptive_target_rises_for_stalls_and_falls_when_they_are_over() -> None:
    stalls = [(at, 150.0) for at in np.arange(5_000.0, 20_000.0, 1_000.0)]
    bench = Bench.make(20, is_adaptive=True).send(paced(2_500, stalled(2_500, *stalls)))
    bench.run(4_900)
    assert bench.delay_ms(4_800) <= 20
    bench.run(19_000)
    assert bench.buffer.target_delay_ms >= 80
    before = bench.buffer.counters()
    bench.run(32_000)
    assert bench.buffer.target_delay_ms <= 20
    assert bench.delay_ms(31_900) <= 25
    assert bench.buffer.counters().skipped_samples == before.skipped_samples == 0
    reasons = {change.reason for change in bench.buffer.take_interval().target_changes}
    assert {TargetReason.STALLS, TargetReason.CALM} <= reasons
