"""The queue of a listener: bounded in time, whatever is put in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.server.send_queue import MAX_CONTROL_MESSAGES, Queued, SendQueue


def drained(queue: SendQueue) -> list[bytes]:
    frames = []
    while queue:
        frames.append(queue.take().frame)
    return frames


def test_the_oldest_sound_is_dropped_and_control_is_kept_in_its_place() -> None:
    queue = SendQueue(100)
    queue.put_control(b"hello")
    for number in range(8):
        queue.put_media(Queued(bytes([number]), 20, 1))
    queue.put_control(b"config")
    assert queue.depth_ms == 100
    assert queue.packets_dropped == 3
    assert drained(queue) == [b"hello", b"\3", b"\4", b"\5", b"\6", b"\7", b"config"]


def test_a_packet_longer_than_the_limit_still_passes() -> None:
    queue = SendQueue(40)
    queue.put_media(Queued(b"a", 60, 1))
    queue.put_media(Queued(b"b", 60, 1))
    assert drained(queue) == [b"b"]


def test_control_is_bounded_too() -> None:
    queue = SendQueue(100)
    for number in range(MAX_CONTROL_MESSAGES + 5):
        queue.put_control(str(number).encode())
    assert queue.control_dropped == 5
    assert drained(queue)[0] == b"5"


def test_what_is_cleared_is_gone() -> None:
    queue = SendQueue(100)
    queue.put_control(b"x")
    queue.put_media(Queued(b"a", 20, 1))
    queue.clear()
    assert not queue
    assert queue.depth_ms == 0
    with pytest.raises(IndexError):
        queue.take()


@given(st.lists(st.one_of(st.sampled_from([2.5, 5.0, 10.0, 20.0, 40.0, 60.0]), st.just("control"), st.just("take"))))
def test_depth_is_always_the_sum_of_what_waits_and_never_above_the_limit(steps: list[float | str]) -> None:
    queue = SendQueue(120)
    expected: list[float] = []  # durations of what waits, 0 for control
    for step in steps:
        if step == "control":
            queue.put_control(b"x")
            expected.append(0.0)
            if expected.count(0.0) > MAX_CONTROL_MESSAGES:
                expected.remove(0.0)
        elif step == "take":
            if expected:
                assert queue.take().duration_ms == expected.pop(0)
        else:
            queue.put_media(Queued(b"", float(step), 1))
            while sum(expected) + float(step) > 120:
                expected.remove(next(duration for duration in expected if duration))
            expected.append(float(step))
        assert queue.depth_ms == sum(expected) <= 120
