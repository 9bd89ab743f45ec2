"""The ring of PCM, against a plain list of what was played and one of what is to come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.playout.ring import KEPT_HISTORY_SAMPLES, PcmRing

CAPACITY = 50
operations = st.lists(
    st.tuples(st.sampled_from(["write", "prepend", "read", "skip"]), st.integers(0, 30)), min_size=1, max_size=60
)


def frames(first: int, count: int) -> NDArray[np.float32]:
    """Frames that can be told apart, two channels of opposite sign."""
    ramp = np.arange(first, first + count, dtype=np.float32)[:, np.newaxis]
    return np.concatenate((ramp, -ramp), axis=1)


def empty_out(count: int) -> NDArray[np.float32]:
    return np.full((count, 2), np.nan, dtype=np.float32)


@given(operations)
def test_what_is_put_in_comes_out_in_order_and_the_history_is_what_was_played(steps: list[tuple[str, int]]) -> None:
    ring, number = PcmRing(CAPACITY, 2), 1
    waiting: NDArray[np.float32] = frames(0, 0)
    played: NDArray[np.float32] = frames(0, 0)
    for name, count in steps:
        if name == "read":
            out = empty_out(count)
            taken = ring.read_into(out)
            assert taken == min(count, len(waiting))
            assert np.array_equal(out[:taken], waiting[:taken])
            played, waiting = np.concatenate((played, waiting[:taken])), waiting[taken:]
        elif name == "skip":
            assert ring.skip(count) == min(count, len(waiting))
            waiting = waiting[count:]
        elif count > CAPACITY - len(waiting):
            with pytest.raises(OverflowError):
                (ring.write if name == "write" else ring.prepend)(frames(number, count))
        elif name == "write":
            ring.write(frames(number, count))
            waiting = np.concatenate((waiting, frames(number, count)))
        else:
            ring.prepend(frames(number, count))
            waiting = np.concatenate((frames(number, count), waiting))
        number += count
        assert len(ring) == len(waiting)
        assert np.array_equal(ring.peek(0, len(ring)), waiting)
        past = ring.history_frames
        assert past <= min(len(played), CAPACITY - len(waiting))
        assert np.array_equal(ring.history(past), played[len(played) - past :])
        with pytest.raises(IndexError):
            ring.history(past + 1)


@given(st.integers(0, 400), st.integers(0, 300), st.integers(0, 300))
def test_20_ms_of_history_survive_cuts_and_insertions_while_there_is_room(offset: int, cut: int, put: int) -> None:
    ring = PcmRing(4 * KEPT_HISTORY_SAMPLES, 2)
    ring.write(frames(0, 2 * KEPT_HISTORY_SAMPLES))
    played = empty_out(KEPT_HISTORY_SAMPLES + offset)
    ring.read_into(played)
    for _ in range(3):
        ring.skip(cut, 60)
        ring.prepend(frames(9_000, put))
        assert np.array_equal(ring.history(KEPT_HISTORY_SAMPLES), played[offset:])


def test_positions_move_back_by_what_is_put_in_front_and_ahead_by_what_is_skipped() -> None:
    ring = PcmRing(CAPACITY, 2)
    ring.prepend(frames(0, 10))
    assert (ring.read_position, ring.write_position) == (-10, 0)
    ring.write(frames(10, 20))
    ring.skip(15)
    assert (ring.read_position, ring.write_position) == (5, 20)
    assert ring.peek(0, 1)[0, 0] == 15


def test_what_does_not_fit_in_front_changes_nothing() -> None:
    ring = PcmRing(CAPACITY, 2)
    ring.write(frames(0, 40))
    ring.read_into(empty_out(5))
    with pytest.raises(OverflowError):
        ring.prepend(frames(100, 16))
    assert ring.read_position == 5
    assert np.array_equal(ring.peek(0, 35), frames(5, 35))
    assert np.array_equal(ring.history(5), frames(0, 5))


def test_what_was_written_over_is_no_history_any_more() -> None:
    ring = PcmRing(CAPACITY, 2)
    ring.write(frames(0, CAPACITY))
    ring.read_into(empty_out(30))
    assert ring.history_frames == 30
    ring.write(frames(CAPACITY, 20))
    assert np.array_equal(ring.history(10), frames(20, 10))
    with pytest.raises(IndexError):
        ring.history(11)


def test_there_is_no_history_where_the_sound_before_came_from_elsewhere() -> None:
    ring = PcmRing(CAPACITY, 2)
    ring.write(frames(0, 30))
    ring.read_into(empty_out(10))
    ring.fade_in_from(np.zeros((5, 2), dtype=np.float32))
    assert ring.history_frames == 0
    ring.read_into(empty_out(8))
    assert ring.history_frames == 8
