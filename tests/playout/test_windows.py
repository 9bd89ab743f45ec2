"""Minima over the recent past, against the whole past looked through again each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.playout.device import DevicePattern
from core.playout.windows import SlidingMinimum, SteppedMinimum

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


def test_the_burst_of_a_device_is_learned_and_what_it_fills_at_its_start_is_not() -> None:
    pattern = DevicePattern()
    for _ in range(40):
        pattern.asked(0, 240, 5_000_000)
    for period in range(1, 20):
        for block in range(4):
            pattern.asked(period * 20_000_000, 240, 5_000_000)
            assert pattern.asked_before == block * 240
    assert pattern.burst_frames(400_000_000) == 960
