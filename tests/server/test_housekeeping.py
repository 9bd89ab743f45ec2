"""Every listener gets its report once a second, and a flush as long as something waits."""

from __future__ import annotations

from core.server.clock import ServerClock
from core.server.housekeeping import Housekeeping

S = 1_000_000_000


class Someone:
    """A listener that writes down when it was called."""

    def __init__(self, waits: int = 0) -> None:
        self.waits = waits
        self.flushed: list[int] = []
        self.reported: list[int] = []

    def flush(self, now_ns: int) -> bool:
        self.flushed.append(now_ns)
        self.waits -= 1
        return self.waits > 0

    def report(self, now_ns: int) -> None:
        self.reported.append(now_ns)


class Time:
    """Nanoseconds that only the test moves."""

    def __init__(self) -> None:
        self.now_ns = 7 * S
        self.clock = ServerClock(lambda: self.now_ns, lambda: 0)


def test_each_is_reported_to_once_a_second_from_its_own_beginning() -> None:
    time = Time()
    keeping = Housekeeping(time.clock)
    early, late = Someone(), Someone()
    keeping.join(early)
    for turn in range(300):
        time.now_ns += S // 100
        if turn == 49:
            keeping.join(late)
        keeping.turn()
    assert early.reported == [8 * S, 9 * S, 10 * S]
    assert late.reported == [8 * S + S // 2, 9 * S + S // 2]


def test_who_has_left_is_not_called_any_more() -> None:
    time = Time()
    keeping = Housekeeping(time.clock)
    gone = Someone(waits=5)
    keeping.join(gone)
    keeping.blocked(gone)
    keeping.leave(gone)
    time.now_ns += 3 * S
    keeping.turn()
    assert (gone.flushed, gone.reported) == ([], [])


def test_who_waits_is_flushed_at_each_turn_until_nothing_waits() -> None:
    time = Time()
    keeping = Housekeeping(time.clock)
    slow = Someone(waits=3)
    keeping.join(slow)
    keeping.blocked(slow)
    for _ in range(5):
        keeping.turn()
    assert len(slow.flushed) == 3


def test_after_a_stall_there_is_one_report_and_no_burst_of_them() -> None:
    time = Time()
    keeping = Housekeeping(time.clock)
    someone = Someone()
    keeping.join(someone)
    time.now_ns += 10 * S
    for _ in range(5):
        keeping.turn()
    assert len(someone.reported) == 1
