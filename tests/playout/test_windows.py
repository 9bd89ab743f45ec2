"""Fades, minima over the recent past (against all of it, looked through each time), and how a device asks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.playout.device import DevicePattern
from core.playout.windows import SlidingMinimum, SteppedMinimum, rising_fade

steps_and_values = st.lists(st.tuples(st.integers(0, 400), st.integers(-1_000, 1_000)), min_size=1, max_size=80)


def at_their_times(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    past, at = [], 0
    for step, value in steps:
        at += step
        past.append((at, value))
    return past


@given(steps_and_values)
def test_the_sliding_minimum_is_that_of_all_values_within_the_span(steps: list[tuple[int, int]]) -> None:
    window, past = SlidingMinimum(1_000), at_their_times(steps)
    for count, (at, value) in enumerate(past, start=1):
        window.add(at, value)
        assert window.minimum == min(known for when, known in past[:count] if when >= at - 1_000)


@given(steps_and_values)
def test_the_stepped_minimum_tells_now_from_a_while_ago(steps: list[tuple[int, int]]) -> None:
    window, past = SteppedMinimum(250, steps=10), at_their_times(steps)
    for at, value in past:
        window.add(at, value)
    now = past[-1][0]
    for newest, oldest in ((0, 1_000), (1_000, 2_000)):
        inside = [value for when, value in past if (now - oldest) // 250 < when // 250 <= (now - newest) // 250]
        assert window.between(now, newest, oldest) == min(inside, default=None)


@given(steps_and_values)
def test_a_minimum_that_was_cleared_knows_nothing_of_before(steps: list[tuple[int, int]]) -> None:
    sliding, stepped = SlidingMinimum(1_000), SteppedMinimum(250, steps=10)
    for at, value in at_their_times(steps):
        sliding.add(at, value)
        stepped.add(at, value)
    sliding.clear()
    stepped.clear()
    assert sliding.minimum is None
    assert stepped.between(40_000, 0, 10**9) is None
    assert sliding.add(40_000, 5_000) == 5_000


@given(st.integers(0, 2_000))
def test_a_fade_rises_from_silence_to_all_and_both_sides_of_a_cross_fade_are_one(frames: int) -> None:
    window = rising_fade(frames)
    assert window.shape == (frames, 1)
    assert (np.diff(window[:, 0]) > 0).all()
    assert np.allclose(window + window[::-1], 1, atol=1e-6)


def test_the_burst_of_a_device_is_learned_and_what_it_fills_at_its_start_is_not() -> None:
    pattern = DevicePattern()
    for _ in range(40):
        pattern.asked(0, 240, 5_000_000)
    assert pattern.burst_frames(0) == 0
    for period in range(1, 20):
        for block in range(4):
            pattern.asked(period * 20_000_000, 240, 5_000_000)
            assert pattern.asked_before == block * 240
    assert pattern.burst_frames(400_000_000) == 960


def test_a_device_that_asks_evenly_has_a_burst_of_one_block() -> None:
    pattern = DevicePattern()
    for number in range(100):
        # Up to 2 ms of jitter in when it asks.
        pattern.asked(number * 5_000_000 + (number * 7 % 3) * 1_000_000, 240, 5_000_000)
    assert pattern.burst_frames(500_000_000) == pattern.block_frames == 240
    assert pattern.asked_before == 0


def test_a_burst_is_forgotten_two_seconds_after_the_device_asks_evenly_again() -> None:
    pattern = DevicePattern()
    for period in range(50):
        for _ in range(8):
            pattern.asked(period * 40_000_000, 240, 5_000_000)
    assert pattern.burst_frames(2_000_000_000) == 8 * 240
    for number in range(600):
        pattern.asked(2_000_000_000 + number * 5_000_000, 240, 5_000_000)
    assert pattern.burst_frames(5_000_000_000) == 240
