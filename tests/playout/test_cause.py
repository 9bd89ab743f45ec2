"""Which side an underrun is put down to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.playout.cause import CauseFinder, Dryness, UnderrunCause

MS = 1_000_000
BEGAN = 10_000 * MS


def dry(length_ms: int = 200, *, overdue_ms: int = 60, lost_ms: int = 0, malformed: int = 0) -> Dryness:
    return Dryness(BEGAN, BEGAN + length_ms * MS, overdue_ms * MS, lost_ms * MS, malformed)


def test_where_nothing_else_is_known_the_network_was_late() -> None:
    assert CauseFinder().find(dry()) is UnderrunCause.NETWORK


@pytest.mark.parametrize(("lost_ms", "cause"), [(200, "SERVER"), (120, "SERVER"), (40, "NETWORK")])
def test_what_never_came_is_the_servers_fault_if_it_explains_the_gap(lost_ms: int, cause: str) -> None:
    assert CauseFinder().find(dry(lost_ms=lost_ms)) is UnderrunCause[cause]


def test_packets_that_could_not_be_decoded_are_the_decoders_fault() -> None:
    assert CauseFinder().find(dry(malformed=1)) is UnderrunCause.DECODER


@pytest.mark.parametrize(
    ("began_ms", "ended_ms", "cause"),
    [
        (-100, 220, "INTERPRETER"),
        (0, 150, "INTERPRETER"),
        (0, 40, "NETWORK"),
        (-5_000, -4_000, "NETWORK"),
        (300, 900, "NETWORK"),
    ],
)
def test_a_stall_of_the_event_loop_is_the_cause_if_it_explains_the_gap(
    began_ms: int, ended_ms: int, cause: str
) -> None:
    finder = CauseFinder()
    finder.loop_stalled(BEGAN + began_ms * MS, BEGAN + ended_ms * MS)
    assert finder.find(dry()) is UnderrunCause[cause]


def test_several_stalls_of_the_event_loop_count_together() -> None:
    finder = CauseFinder()
    for start_ms in (0, 50, 100, 150):
        finder.loop_stalled(BEGAN + start_ms * MS, BEGAN + (start_ms + 30) * MS)
    assert finder.find(dry()) is UnderrunCause.INTERPRETER


def test_an_xrun_at_that_time_is_the_devices_fault() -> None:
    finder = CauseFinder()
    finder.device_xrun(BEGAN - 20 * MS)
    assert finder.find(dry(30, overdue_ms=0)) is UnderrunCause.DEVICE


def test_an_xrun_long_ago_has_nothing_to_do_with_it() -> None:
    finder = CauseFinder()
    finder.device_xrun(BEGAN - 5_000 * MS)
    assert finder.find(dry()) is UnderrunCause.NETWORK


def test_a_ring_that_runs_dry_while_no_packet_is_overdue_was_emptied_by_the_device() -> None:
    assert CauseFinder().find(dry(5, overdue_ms=0)) is UnderrunCause.DEVICE


times = st.integers(-3_000, 3_000).map(lambda ms: BEGAN + ms * MS)


@given(
    st.lists(st.tuples(times, times).map(sorted), max_size=100),
    st.lists(times, max_size=100),
    st.integers(0, 3_000),
    st.integers(-100, 3_000),
    st.integers(0, 3_000),
)
def test_there_is_always_one_cause_whatever_was_noticed(
    stalls: list[list[int]], xruns: list[int], length_ms: int, overdue_ms: int, lost_ms: int
) -> None:
    finder = CauseFinder()
    for began_ns, ended_ns in stalls:
        finder.loop_stalled(began_ns, ended_ns)
    for at_ns in xruns:
        finder.device_xrun(at_ns)
    cause = finder.find(dry(length_ms, overdue_ms=overdue_ms, lost_ms=lost_ms))
    assert cause in UnderrunCause
    if not xruns and cause is UnderrunCause.DEVICE:
        assert overdue_ms <= 0
    if not stalls:
        assert cause is not UnderrunCause.INTERPRETER


def test_while_there_is_no_connection_nothing_else_is_to_blame() -> None:
    finder = CauseFinder()
    episode = dry(3_000)
    finder.connection_lost(episode.began_ns - 100_000_000, episode.ended_ns - 500_000_000)
    assert finder.find(episode) is UnderrunCause.OUTAGE
    finder = CauseFinder()
    finder.connection_lost(episode.began_ns - 900_000_000, episode.began_ns + 200_000_000)
    assert finder.find(episode) is UnderrunCause.NETWORK
