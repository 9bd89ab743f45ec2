"""Moving windows, in virtual time."""

from __future__ import annotations

import random
import threading

import pytest

from core.server.access import windows
from core.server.access.windows import MessageQuota, MonotonicStorage, Window


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_as_many_as_allowed_and_then_a_wait_that_is_exact() -> None:
    clock = Clock()
    window = Window(3, 60, clock)
    waits = []
    for _ in range(5):
        waits.append(window.hit("a"))
        clock.now_s += 10
    assert waits == [0, 0, 0, 30, 20]
    assert window.hit("b") == 0
    clock.now_s += 9.9
    assert window.hit("a") == pytest.approx(0.1)
    clock.now_s += 0.1
    assert window.hit("a") == 0


def test_no_window_of_any_place_ever_holds_too_many() -> None:
    clock, rng = Clock(), random.Random(7)
    window, taken = Window(5, 10, clock), []
    for _ in range(2_000):
        clock.now_s += rng.expovariate(2.0)
        if window.hit("a") == 0:
            taken.append(clock.now_s)
    assert all(later - earlier >= 10 for earlier, later in zip(taken, taken[5:], strict=False))
    assert len(taken) > 400


def test_who_waits_as_told_is_let_in() -> None:
    clock, rng = Clock(), random.Random(8)
    window = Window(4, 60, clock)
    for _ in range(500):
        clock.now_s += rng.uniform(0, 5)
        wait_s = window.hit("a")
        if wait_s:
            clock.now_s += wait_s + 1e-6  # reckoning with fractions
            assert window.hit("a") == 0


def test_addresses_that_stay_away_are_forgotten_and_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    storage = MonotonicStorage(clock)
    for i in range(1_000):
        storage.acquire_entry(str(i), 5, 60)
        clock.now_s += 1
    assert storage.keys == 60
    monkeypatch.setattr(windows, "MAX_KEYS", 10)
    for i in range(1_000):
        storage.acquire_entry(str(i), 5, 60)
    assert storage.keys <= 60
    storage.reset()
    for i in range(1_000):
        storage.acquire_entry(str(i), 5, 60)
    assert storage.keys == 10
    storage.clear("999")
    assert storage.keys == 9


def test_no_thread_is_started() -> None:
    before = threading.active_count()
    window = Window(3, 60)
    for _ in range(10):
        window.hit("a")
    assert threading.active_count() == before


def test_what_comes_is_bounded_on_average_and_at_once() -> None:
    clock, rng = Clock(), random.Random(9)
    quota = MessageQuota(messages_per_s=100, flood_messages=100, now_s=clock)
    at_once = 200 * MessageQuota.BYTES_PER_MESSAGE
    assert not quota.is_too_much(at_once)
    assert quota.is_too_much(1)
    clock.now_s += 1_000
    taken = 0
    for _ in range(5_000):
        clock.now_s += 0.01
        amount = rng.randrange(0, 1_024)
        if quota.is_too_much(amount):
            break
        taken += amount
    else:
        # Half a message at a time, a hundred times a second, for ever.
        assert taken > 20 * at_once


def test_a_burst_is_ignored_and_a_flood_is_told_from_it() -> None:
    clock = Clock()
    quota = MessageQuota(messages_per_s=10, flood_messages=20, now_s=clock)
    assert [quota.is_too_many() for _ in range(12)] == [False] * 10 + [True] * 2
    clock.now_s += 1.0
    assert not quota.is_too_many()
    assert not any(quota.is_flood() for _ in range(20))
    assert quota.is_flood()
    clock.now_s += 10.0
    assert not quota.is_flood()
