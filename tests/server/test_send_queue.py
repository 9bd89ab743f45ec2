"""The queue of a listener: bounded in time, whatever is put in."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from core.server.send_queue import MAX_CONTROL_MESSAGES, SendQueue


async def drained(queue: SendQueue) -> list[bytes | str]:
    queue.close()
    messages = []
    while (queued := await queue.get()) is not None:
        messages.append(queued.message)
    return messages


async def test_the_oldest_sound_is_dropped_and_control_is_kept_in_its_place() -> None:
    queue = SendQueue(100)
    queue.put_control("hello")
    for number in range(8):
        queue.put_media(bytes([number]), 20, 1)
    queue.put_control("config")
    assert queue.depth_ms == 100
    assert queue.packets_dropped == 3
    assert await drained(queue) == ["hello", b"\3", b"\4", b"\5", b"\6", b"\7", "config"]


async def test_a_packet_longer_than_the_limit_still_passes() -> None:
    queue = SendQueue(40)
    queue.put_media(b"a", 60, 1)
    queue.put_media(b"b", 60, 1)
    assert await drained(queue) == [b"b"]


async def test_control_is_bounded_too() -> None:
    queue = SendQueue(100)
    for number in range(MAX_CONTROL_MESSAGES + 5):
        queue.put_control(str(number))
    assert queue.control_dropped == 5
    assert (await drained(queue))[0] == "5"


async def test_get_waits_for_a_message_and_ends_with_the_queue() -> None:
    queue = SendQueue(100)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_control("now")
    queued = await waiting
    assert queued is not None
    assert queued.message == "now"
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close()
    assert await waiting is None


@given(st.lists(st.one_of(st.sampled_from([2.5, 5.0, 10.0, 20.0, 40.0, 60.0]), st.just("control"), st.just("get"))))
def test_depth_is_always_the_sum_of_what_waits_and_never_above_the_limit(steps: list[float | str]) -> None:
    async def run() -> None:
        queue = SendQueue(120)
        expected: list[float] = []  # durations of what waits, 0 for control
        for step in steps:
            if step == "control":
                queue.put_control("x")
                expected.append(0.0)
                if expected.count(0.0) > MAX_CONTROL_MESSAGES:
                    expected.remove(0.0)
            elif step == "get":
                if expected:
                    queued = await queue.get()
                    assert queued is not None
                    assert queued.duration_ms == expected.pop(0)
            else:
                queue.put_media(b"", float(step), 1)
                while sum(expected) + float(step) > 120:
                    expected.remove(next(duration for duration in expected if duration))
                expected.append(float(step))
            assert queue.depth_ms == sum(expected) <= 120

    asyncio.run(run())
