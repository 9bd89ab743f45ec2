"""Media time of ring positions, against all jumps added up anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.playout.arrivals import duration_ns
from core.playout.media_clock import MediaClock

jumps = st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 500_000)), max_size=12)


def at_their_positions(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    past, position = [], 0
    for step, samples in steps:
        position += step
        past.append((position, samples))
    return past


def with_jumps(past: list[tuple[int, int]]) -> MediaClock:
    clock = MediaClock()
    for position, samples in past:
        clock.jump(position, samples)
    return clock


@given(st.integers(-960, 1 << 40))
def test_without_jumps_media_time_is_the_position(position: int) -> None:
    assert MediaClock().media_ns(position) == duration_ns(position)


@given(jumps, st.integers(-960, 60_000))
def test_media_time_is_the_position_and_all_jumps_up_to_it(steps: list[tuple[int, int]], position: int) -> None:
    past = at_their_positions(steps)
    jumped = sum(samples for at, samples in past if at <= position)
    assert with_jumps(past).media_ns(position) == duration_ns(position + jumped)


@given(jumps, st.integers(0, 60_000), st.integers(0, 60_000))
def test_what_lies_ahead_is_the_same_after_what_lies_behind_was_forgotten(
    steps: list[tuple[int, int]], behind: int, ahead: int
) -> None:
    clock, forgetful = with_jumps(at_their_positions(steps)), with_jumps(at_their_positions(steps))
    forgetful.forget(behind)
    assert forgetful.media_ns(behind + ahead) == clock.media_ns(behind + ahead)


def test_audio_that_is_put_in_before_a_jump_that_was_played_belongs_after_it() -> None:
    clock = with_jumps([(48_000, 480_000)])
    clock.forget(48_010)
    # A splice moves the read position back by what it puts in.
    assert clock.media_ns(47_500) == duration_ns(47_500 + 480_000)


def test_a_stream_with_a_pause_every_second_does_not_pile_up_jumps() -> None:
    clock = MediaClock()
    for second in range(10_000):
        clock.jump(second * 48_000, 480)
        clock.forget(second * 48_000)
    assert clock.media_ns(9_999 * 48_000) == duration_ns(9_999 * 48_000 + 10_000 * 480)
    assert len(clock._jumps) <= 2
