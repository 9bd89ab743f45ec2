"""Skew out of arrival times alone: seeds instead of networks, and no clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.playout.skew import WINDOW_STEPS, SkewEstimator, fit_lower_edge, lower_hull_edge

Seconds = NDArray[np.float64]
Network = Callable[[np.random.Generator, Seconds], Seconds]

FRAME_S = 0.02


def exponential(random: np.random.Generator, at: Seconds) -> Seconds:
    return random.exponential(0.004, at.size)


def gaussian(random: np.random.Generator, at: Seconds) -> Seconds:
    return random.normal(0.08, 0.02, len(at))


def stalls(every_s: float, shortest_s: float, longest_s: float, begin_s: float = 0, end_s: float = 1e9) -> Network:
    """Stalls in which nothing comes; what was missed comes in a burst at their end."""

    def delays(random: np.random.Generator, at: Seconds) -> Seconds:
        delay = random.uniform(0, 0.003, len(at))
        stall_s = begin_s
        while (stall_s := stall_s + random.exponential(every_s)) < min(end_s, at[-1]):
            ends_s = stall_s + random.uniform(shortest_s, longest_s)
            is_in = (at >= stall_s) & (at < ends_s)
            delay[is_in] = np.maximum(delay[is_in], ends_s - at[is_in])
        return delay

    return delays


NETWORKS: dict[str, Network] = {
    "exponential": exponential,
    "stalls": stalls(1.0, 0.0, 0.15),
    "long stalls": stalls(6.0, 0.2, 1.5),
    "heavy regime": stalls(0.4, 0.0, 0.4, begin_s=10, end_s=30),
}


def estimate(
    sent_s: Seconds, delay_s: Seconds, seen: Callable[[float, float | None], None] | None = None
) -> float | None:
    """The estimate at the end of a stream whose frames are sent at those times; ``seen`` gets every one on the way."""
    arrived = (np.maximum.accumulate(sent_s + delay_s) * 1e9).astype(np.int64)
    late = arrived - (np.arange(len(sent_s)) * FRAME_S * 1e9).astype(np.int64)
    estimator = SkewEstimator()
    for arrival_ns, lateness_ns in zip(arrived.tolist(), late.tolist(), strict=True):
        estimator.add(arrival_ns, lateness_ns + 123_456_789_000)
        if seen is not None:
            seen(arrival_ns / 1e9, estimator.ppm)
    return estimator.ppm


def frames(seconds: float, ppm: float = 0) -> Seconds:
    """When a server sends them whose clock makes lateness grow by this."""
    at: Seconds = np.arange(int(seconds / FRAME_S), dtype=np.float64) * (FRAME_S / (1 - ppm * 1e-6))
    return at


def off_by(ppm: float | None, true_ppm: float) -> float:
    assert ppm is not None
    return abs(ppm - true_ppm)


@pytest.mark.parametrize("true_ppm", [-500, -100, 0, 100, 500, 5_000, -50_000])
def test_without_jitter_two_seconds_tell_the_skew_to_one_ppm(true_ppm: float) -> None:
    sent = frames(2, true_ppm)
    assert off_by(estimate(sent, np.zeros(len(sent))), true_ppm) < 1


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("true_ppm", [0, -100, 500])
def test_ten_seconds_of_jitter_tell_it_to_150_ppm_and_thirty_to_15(network: str, true_ppm: float) -> None:
    for seed in range(4):
        for seconds, bound in ((10, 150), (30, 15)):
            sent = frames(seconds, true_ppm)
            delay = NETWORKS[network](np.random.default_rng(seed), sent)
            assert off_by(estimate(sent, delay), true_ppm) < bound


def test_under_gaussian_jitter_of_20_ms_nothing_is_said_until_it_can_be() -> None:
    for seed in range(4):
        said: list[float] = []

        def seen(at_s: float, ppm: float | None, said: list[float] = said) -> None:
            if ppm is not None and at_s > 10:
                said.append(abs(ppm))

        sent = frames(90)
        assert off_by(estimate(sent, gaussian(np.random.default_rng(seed), sent), seen), 0) < 100
        assert max(said) < 250


@pytest.mark.parametrize("true_ppm", [10_000, -10_000, 30_000, 50_000])
def test_a_server_some_per_cent_slow_is_known_after_two_seconds(true_ppm: float) -> None:
    for seed in range(4):
        sent = frames(2, true_ppm)
        assert off_by(estimate(sent, exponential(np.random.default_rng(seed), sent)), true_ppm) < 2_000


def test_a_server_that_sleeps_for_each_frame_is_followed() -> None:
    random = np.random.default_rng(1)
    pauses = FRAME_S + 0.0005 + random.exponential(0.0002, 1_500)
    growth_ppm = (1 - FRAME_S / (FRAME_S + 0.0007)) * 1e6
    assert off_by(estimate(np.cumsum(pauses), random.exponential(0.002, 1_500)), growth_ppm) < 1_000


@pytest.mark.parametrize("change_s", [0.03, -0.03, 0.005, -0.005, 0.5])
@pytest.mark.parametrize("when_s", [3, 20])
def test_another_route_is_not_taken_for_skew(change_s: float, when_s: float) -> None:
    def seen(at_s: float, ppm: float | None) -> None:
        assert ppm is None or at_s < when_s or off_by(ppm, 100) < 150

    for seed in range(4):
        sent = frames(50, 100)
        delay = 1 + exponential(np.random.default_rng(seed), sent) + np.where(sent > when_s, change_s, 0)
        assert off_by(estimate(sent, delay, seen), 100) < 20


@pytest.mark.parametrize(("before_ppm", "after_ppm"), [(30_000, 0), (-30_000, 0), (0, 30_000), (500, -500)])
def test_another_pace_is_found_within_ten_seconds(before_ppm: float, after_ppm: float) -> None:
    before = frames(20, before_ppm)
    sent = np.concatenate((before, before[-1] + FRAME_S + frames(10, after_ppm)))
    assert off_by(estimate(sent, exponential(np.random.default_rng(3), sent)), after_ppm) < 150


def test_a_source_that_sends_ahead_has_no_skew() -> None:
    at = frames(60)
    utterance = at // 6
    sent = utterance * 6 + (at - utterance * 6) / 5

    def seen(_: float, ppm: float | None) -> None:
        assert ppm is None

    estimate(sent, exponential(np.random.default_rng(4), sent), seen)


def test_the_past_beyond_the_window_is_forgotten_and_all_of_it_when_cleared() -> None:
    estimator = SkewEstimator()
    for at_ms in range(0, 200_000, 20):
        estimator.add(at_ms * 1_000_000, at_ms * 300)
    assert off_by(estimator.ppm, 300) < 1
    assert estimator.error_ppm is not None
    assert estimator.error_ppm < 1
    assert estimator.span_s <= WINDOW_STEPS / 4
    estimator.clear()
    assert estimator.ppm is None
    assert estimator.error_ppm is None
    assert estimator.span_s == 0


points = st.lists(st.tuples(st.integers(1, 1_000), st.integers(-(10**6), 10**6)), min_size=6, max_size=60).map(
    lambda steps: list(zip(np.cumsum([step for step, _ in steps]).tolist(), [value for _, value in steps], strict=True))
)


@given(points)
def test_the_hull_edge_lies_under_all_points_and_no_line_there_is_nearer(pairs: list[tuple[int, int]]) -> None:
    at, value = np.array(pairs, dtype=np.float64).T
    slope, height = lower_hull_edge(at, value)
    scale = 1e-6 * (1 + abs(slope) * at[-1])
    assert (value - slope * at - height >= -scale).all()
    middle = float(at.mean())
    # The line's height over the middle is the largest of all lines under the points: that of some chord there.
    left, right = at <= middle, at >= middle
    chords = [
        y1 + (y2 - y1) * (middle - x1) / max(x2 - x1, 1)
        for x1, y1 in zip(at[left], value[left], strict=True)
        for x2, y2 in zip(at[right], value[right], strict=True)
    ]
    assert slope * middle + height == pytest.approx(min(chords), abs=scale + 1e-3)


@given(st.integers(0, 1_000), st.integers(-50_000, 50_000), st.integers(-(10**12), 10**12))
def test_skew_and_offset_that_are_added_are_found_in_the_line(seed: int, ppm: int, offset_ns: int) -> None:
    late = np.random.default_rng(seed).exponential(300_000, 40).astype(np.int64).tolist()
    plain = fit_lower_edge([(step * 250_000_000, value) for step, value in enumerate(late)])
    skewed = fit_lower_edge(
        [(step * 250_000_000, value + step * 250 * ppm + offset_ns) for step, value in enumerate(late)]
    )
    assert skewed.ppm - plain.ppm == pytest.approx(ppm, abs=1e-3)
    assert skewed.error_ppm == pytest.approx(plain.error_ppm, rel=1e-3)
