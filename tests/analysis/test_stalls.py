"""Stalls: when, how long, and whose doing; and what is none."""

from __future__ import annotations

import pytest

from core.analysis.findings import FindingKind
from core.analysis.observation import Closed, Observation, ObserverStall, RoundTrip
from core.analysis.results import Analysis, Side, Stall
from core.analysis.stall_book import STALL_MS
from core.wire.control import Bye, State, StreamState
from tests.analysis.streams import (
    analysed,
    at,
    connected,
    finding,
    found,
    held_up,
    jittered,
    paced,
    received,
    said,
    speech_with_pauses,
    voice,
)

FRAMINGS = pytest.mark.parametrize("bare", [False, True], ids=["opus-rtp.v1", "bare"])


def with_a_stall(*more: Observation, bare: bool = False, length_s: float = 0.4) -> Analysis:
    """Of a stream that nothing comes of from the tenth second on for so long."""
    arrivals_s = held_up(jittered(paced(1000), 0.5), 10.0, 10.0 + length_s)
    return analysed(connected(received(voice(1000), arrivals_s, bare=bare), more, bare=bare))


def only_stall(analysis: Analysis) -> Stall:
    assert analysis.pacing is not None
    (stall,) = analysis.pacing.newest_stalls
    return stall


@FRAMINGS
@pytest.mark.parametrize("length_s", [0.15, 0.3, 0.9, 5.0])
def test_a_stall_is_told_with_time_and_length(length_s: float, bare: bool) -> None:
    analysis = with_a_stall(bare=bare, length_s=length_s)
    stall = only_stall(analysis)
    assert stall.at_s == pytest.approx(10.0, abs=0.021)
    assert stall.length_ms == pytest.approx(length_s * 1e3, abs=21)
    assert stall.overdue_ms == pytest.approx(length_s * 1e3, abs=21)
    assert stall.is_caught_up
    assert not stall.is_open
    assert stall.packet == pytest.approx(496, abs=1)
    assert stall.side is Side.PATH
    assert found(analysis) == [FindingKind.STALLS]


@FRAMINGS
@pytest.mark.parametrize("length_s", [0.02, 0.05, 0.09])
def test_less_than_a_tenth_of_a_second_is_jitter(length_s: float, bare: bool) -> None:
    assert length_s * 1e3 < STALL_MS
    analysis = with_a_stall(bare=bare, length_s=length_s)
    assert analysis.pacing is not None
    assert analysis.pacing.stalls == 0


@pytest.mark.parametrize("sign", [RoundTrip(at(10.2), 5.0), said(10.2, Bye("soon", 0))])
def test_where_something_else_came_meanwhile_the_server_has_stalled(sign: Observation) -> None:
    assert only_stall(with_a_stall(sign)).side is Side.SERVER


def test_where_nothing_was_caught_up_the_server_has_stalled() -> None:
    arrivals_s = paced(500) + paced(500, begin_s=11.0)
    stall = only_stall(analysed(connected(received(voice(1000), arrivals_s, bare=True), bare=True)))
    assert not stall.is_caught_up
    assert stall.side is Side.SERVER


@FRAMINGS
def test_what_this_machine_did_not_read_is_its_own(bare: bool) -> None:
    analysis = with_a_stall(ObserverStall(at(10.0), at(10.4)), bare=bare)
    assert only_stall(analysis).side is Side.OBSERVER
    assert found(analysis) == [FindingKind.OBSERVER_STALLED]
    assert finding(analysis, FindingKind.OBSERVER_STALLED).side is Side.OBSERVER


def test_it_does_not_matter_when_this_machine_says_so() -> None:
    # What watches the event loop may run after all that had waited was read.
    seen = connected(received(voice(1000), held_up(paced(1000), 10.0, 10.4)))
    late = [*seen[:-1], ObserverStall(at(10.0), at(10.4)), seen[-1]]
    assert found(analysed(late)) == [FindingKind.OBSERVER_STALLED]


def test_a_machine_that_stalled_at_another_time_is_not_to_blame() -> None:
    analysis = with_a_stall(ObserverStall(at(5.0), at(5.3)))
    assert only_stall(analysis).side is Side.PATH
    assert found(analysis)[0] is FindingKind.STALLS


@FRAMINGS
def test_a_source_that_is_declared_idle_does_not_stall(bare: bool) -> None:
    arrivals_s = paced(500) + paced(500, begin_s=13.0)
    said_so = [said(10.05, State(StreamState.IDLE)), said(12.98, State(StreamState.PLAYING))]
    analysis = analysed(connected(received(voice(1000), arrivals_s, bare=bare), said_so, bare=bare))
    assert analysis.pacing is not None
    assert analysis.pacing.stalls == 0
    assert FindingKind.STALLS not in found(analysis)


@FRAMINGS
def test_silence_that_is_not_sent_is_no_stall(bare: bool) -> None:
    payloads = speech_with_pauses(dtx=True)
    assert sum(len(payload) <= 2 for payload in payloads) > 200
    analysis = analysed(connected(received(payloads, paced(len(payloads)), bare=bare), bare=bare, hello=None))
    assert analysis.pacing is not None
    assert analysis.pacing.stalls == 0
    assert analysis.completeness.left_out_ms in (None, 0)


def test_with_media_times_silence_may_even_be_left_out() -> None:
    payloads = speech_with_pauses(dtx=True)
    sent = [number for number, payload in enumerate(payloads) if len(payload) > 2]
    every_s = paced(len(payloads))
    seen = received(
        [payloads[number] for number in sent],
        [every_s[number] for number in sent],
        timestamps=[number * 960 for number in sent],
    )
    analysis = analysed(connected(seen, hello=None))
    assert analysis.pacing is not None
    assert (analysis.pacing.stalls, analysis.completeness.missing) == (0, 0)


def test_one_that_lasts_is_told_as_such_and_counts_once() -> None:
    seen = connected(received(voice(500), paced(500)), end_s=14.0)
    analysis = analysed([*seen[:-1], RoundTrip(at(14.0), 3.0)])
    stall = only_stall(analysis)
    assert stall.is_open
    assert stall.length_ms == pytest.approx(3_920, abs=1)
    assert "lasts" in finding(analysis, FindingKind.STALLS).sentence


def test_one_that_lasted_to_the_end_of_the_connection_is_kept() -> None:
    seen = connected(received(voice(500), paced(500)))
    analysis = analysed([*seen[:-1], Closed(at(14.0), 1000)])
    assert analysis.pacing is not None
    assert analysis.pacing.stalls == 1


def test_what_was_sent_ahead_is_played_while_nothing_comes() -> None:
    arrivals_s = [max(0.1, at_s - 3.0) for at_s in paced(500)]
    seen = connected(received(voice(500), arrivals_s))
    for later_s, stalls in ((2.5, 0), (4.5, 1)):
        analysis = analysed([*seen[:-1], RoundTrip(at(arrivals_s[-1] + later_s), 3.0)])
        assert analysis.pacing is not None
        assert analysis.pacing.stalls == stalls


def test_stalls_of_days_are_counted_and_the_newest_kept() -> None:
    from core.analysis.results import MAX_EVIDENCE

    arrivals_s = paced(6_000)
    for number in range(100):
        arrivals_s = held_up(arrivals_s, 2.0 + number, 2.3 + number)
    analysis = analysed(connected(received(voice(6_000), arrivals_s)))
    assert analysis.pacing is not None
    assert analysis.pacing.stalls == 100
    assert len(analysis.pacing.newest_stalls) == MAX_EVIDENCE
    assert analysis.pacing.newest_stalls[-1].at_s == pytest.approx(101, abs=0.03)
