"""The histograms of lateness, against every packet counted anew."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.playout.late_history import GRID_MS, GRID_SIZE, GRID_STEP_NS, LateHistory

MS = 1_000_000
SPAN_MS = 1_000
GRID_NS: NDArray[np.int64] = np.arange(GRID_SIZE, dtype=np.int64) * GRID_STEP_NS

Packets = list[tuple[int, int]]
"""When each came and how late it was."""

gaps_and_delays = st.lists(
    st.tuples(st.integers(0, 300 * MS), st.one_of(st.integers(0, 200 * MS), st.integers(0, 2_500 * MS))),
    min_size=1,
    max_size=60,
)


def at_their_times(steps: list[tuple[int, int]], began_ns: int = 0) -> Packets:
    packets, at_ns = [], began_ns
    for gap_ns, relative_ns in steps:
        at_ns += gap_ns
        packets.append((at_ns, relative_ns))
    return packets


def history_of(packets: Packets, span_ms: int = SPAN_MS) -> LateHistory:
    history = LateHistory(span_ms * MS)
    for at_ns, relative_ns in packets:
        history.add(at_ns, relative_ns)
    return history


def with_predecessors(packets: Packets) -> list[tuple[int, int, int, int]]:
    """Arrival, lateness, the lateness before and the time since, of each packet within the span of the last one."""
    pairs = pairwise([(packets[0][0], 0), *packets])
    return [
        (at_ns, relative_ns, before_ns, at_ns - last_ns)
        for (last_ns, before_ns), (at_ns, relative_ns) in pairs
        if at_ns >= packets[-1][0] - SPAN_MS * MS
    ]


def assert_counts_are_right(history: LateHistory, packets: Packets) -> None:
    known = with_predecessors(packets)
    assert len(history) == len(known)
    late = sum((relative_ns > GRID_NS).astype(int) for _, relative_ns, _, _ in known)
    rises = sum(((before_ns <= GRID_NS) & (rel > GRID_NS)).astype(int) for _, rel, before_ns, _ in known)
    assert (history.late_packets() == late).all()
    assert (history.dropouts() == rises).all()


@given(gaps_and_delays)
def test_late_packets_and_dropouts_are_those_of_direct_counting(steps: list[tuple[int, int]]) -> None:
    packets = at_their_times(steps)
    history = LateHistory(SPAN_MS * MS)
    for count, (at_ns, relative_ns) in enumerate(packets, start=1):
        history.add(at_ns, relative_ns)
        assert_counts_are_right(history, packets[:count])


@given(gaps_and_delays)
def test_what_came_before_the_span_is_forgotten_without_a_trace(steps: list[tuple[int, int]]) -> None:
    before = at_their_times([(20 * MS, 700 * MS), (20 * MS, 0)] * 30)
    # A packet knows the one before it; that one is not late, so that nothing of the old ones shows.
    packets = at_their_times([(2_000 * MS, 0), *steps], before[-1][0])
    assert_counts_are_right(history_of(before + packets), packets)


@given(gaps_and_delays, gaps_and_delays, gaps_and_delays)
def test_discarded_packets_are_as_if_they_had_never_come(
    kept: list[tuple[int, int]], taken_back: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    first = at_their_times(kept)
    since_ns = first[-1][0] + 1
    # Soon enough that nothing that was kept expires on account of what is taken back.
    void = [(min(at_ns, since_ns + SPAN_MS * MS // 2), rel) for at_ns, rel in at_their_times(taken_back, since_ns)]
    first = [(at_ns, rel) for at_ns, rel in first if at_ns > since_ns - SPAN_MS * MS // 2] or first[-1:]
    history = history_of(first + void)
    history.discard(since_ns)
    assert_counts_are_right(history, first)
    then = at_their_times(after, void[-1][0])
    for at_ns, relative_ns in then:
        history.add(at_ns, relative_ns)
    assert_counts_are_right(history, first + then)
    now_ns = then[-1][0]
    assert (history.since_dropout_s(now_ns) == history_of(first + then).since_dropout_s(now_ns)).all()


@given(gaps_and_delays)
def test_overdue_time_is_how_long_one_waited_for_a_packet_beyond_each_delay(steps: list[tuple[int, int]]) -> None:
    packets = at_their_times([(gap_ns, min(relative_ns, 2_000 * MS)) for gap_ns, relative_ns in steps])
    known = with_predecessors(packets)
    waits = [
        # While one waits the packet's lateness grows up to what it is when it comes.
        np.maximum(0, relative_ns - np.maximum(GRID_NS, max(0, relative_ns - gap_ns)))
        for _, relative_ns, _, gap_ns in known
    ]
    off_s = history_of(packets).overdue_s() - sum(waits) / 1e9
    # Both ends of each wait are rounded up to the grid.
    assert np.abs(off_s).max() <= len(known) * GRID_STEP_NS / 1e9 + 1e-9


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 400)), min_size=1, max_size=60))
def test_overdue_time_is_exact_where_everything_lies_on_the_grid(steps: list[tuple[int, int]]) -> None:
    packets = at_their_times([(gap * GRID_STEP_NS, cells * GRID_STEP_NS) for gap, cells in steps])
    waits = [
        np.maximum(0, relative_ns - np.maximum(GRID_NS, max(0, relative_ns - gap_ns)))
        for _, relative_ns, _, gap_ns in with_predecessors(packets)
    ]
    assert history_of(packets).overdue_s() == pytest.approx(sum(waits) / 1e9, abs=1e-9)


def test_a_stall_of_200_ms_is_overdue_for_that_long_and_its_burst_adds_nothing() -> None:
    steps = [(20 * MS, 0)] * 10 + [(220 * MS, 200 * MS)] + [(0, (180 - 20 * i) * MS) for i in range(10)]
    overdue_s = history_of(at_their_times(steps)).overdue_s()
    assert overdue_s[[0, 10, 20, 39, 40]] == pytest.approx([0.2, 0.15, 0.1, 0.005, 0.0])


@given(gaps_and_delays, st.integers(0, 3_000 * MS))
def test_the_time_since_the_last_dropout_is_that_of_the_last_rise_above(
    steps: list[tuple[int, int]], later_ns: int
) -> None:
    packets = at_their_times(steps)
    now_ns = packets[-1][0] + later_ns
    last_ns = np.full(GRID_SIZE, -np.inf)
    for (_, before_ns), (at_ns, relative_ns) in pairwise([(0, 0), *packets]):
        last_ns[(before_ns <= GRID_NS) & (relative_ns > GRID_NS)] = at_ns
    assert (history_of(packets).since_dropout_s(now_ns) == (now_ns - last_ns) / 1e9).all()


def test_a_packet_that_comes_exactly_at_a_delay_is_not_late_for_it() -> None:
    history = history_of([(0, 60 * MS), (20 * MS, 60 * MS + 1)])
    assert history.late_packets()[GRID_MS == 60] == 1
    assert history.late_packets()[GRID_MS == 55] == 2
    assert history.late_packets()[GRID_MS == 65] == 0


def test_what_is_later_than_the_grid_is_late_for_all_of_it() -> None:
    history = history_of([(0, 0), (20 * MS, 60_000 * MS)])
    assert (history.late_packets() == 1).all()
    assert (history.dropouts() == 1).all()


def test_seconds_grow_up_to_the_span() -> None:
    history = LateHistory(SPAN_MS * MS)
    assert history.seconds(5_000 * MS) == 0
    history.add(5_000 * MS, 0)
    assert history.seconds(5_400 * MS) == pytest.approx(0.4)
    assert history.seconds(60_000 * MS) == SPAN_MS / 1000


def test_after_clear_nothing_is_known() -> None:
    history = history_of([(0, 60 * MS), (20 * MS, 600 * MS)])
    history.clear()
    assert len(history) == 0
    assert history.seconds(40 * MS) == 0
    for curve in (history.late_packets(), history.dropouts(), history.overdue_s()):
        assert not curve.any()
    assert np.isinf(history.since_dropout_s(40 * MS)).all()


def test_it_holds_no_more_than_the_packets_of_its_span() -> None:
    history = history_of(at_their_times([(20 * MS, 35 * MS)] * 5_000))
    assert len(history) == SPAN_MS // 20 + 1
