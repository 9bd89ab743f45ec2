"""The verdict: is this server good enough for a buffer of so many milliseconds, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.playout.what_if import WhatIf
from core.receiver.verdict import Answer, Facts, Judge, Verdict

S = 1_000_000_000
MS = 1_000_000


class Listening:
    """Packets of 20 ms, one second after the other, in virtual time."""

    def __init__(self) -> None:
        self.now_ns = 5 * S
        self.what_if = WhatIf()
        self.judge = Judge()
        self.facts = Facts()
        self.skew_ppm: float | None = None

    def listen(self, seconds: int, late_ms: float = 0.0) -> Listening:
        """Each second one packet of the fifty is ``late_ms`` late."""
        for _ in range(seconds):
            for at in range(50):
                late_ns = round(late_ms * MS) if at == 25 else 0
                self.what_if.add(self.now_ns + late_ns, late_ns)
                self.now_ns += 20 * MS
            self.know(received=self.facts.received + 50)
        return self

    def wait(self, seconds: int, **facts: object) -> Listening:
        """Nothing comes."""
        for _ in range(seconds):
            self.now_ns += S
            self.know(**facts)
        return self

    def know(self, **facts: object) -> Listening:
        """Look, with these changed."""
        self.facts = replace(self.facts, **facts)  # type: ignore[arg-type]
        self.judge.look(self.now_ns, self.facts)
        return self

    def verdict(self, depth_ms: float = 60.0) -> Verdict:
        return self.judge.verdict(depth_ms, self.what_if.blameless_curve(self.judge.now_ns), self.skew_ppm)


def test_nothing_is_said_before_ten_seconds_of_audio() -> None:
    assert Listening().verdict().answer is Answer.UNKNOWN
    assert Listening().listen(9).verdict().answer is Answer.UNKNOWN
    assert Listening().listen(11).verdict().answer is Answer.GOOD


@pytest.mark.parametrize(("depth_ms", "answer"), [(60, Answer.BAD), (145, Answer.BAD), (150, Answer.GOOD)])
def test_a_depth_is_enough_from_the_latest_packet_on(depth_ms: float, answer: Answer) -> None:
    verdict = Listening().listen(20, late_ms=148).verdict(depth_ms)
    assert verdict.answer is answer
    assert verdict.latest_ms == 150
    assert verdict.dropouts == (pytest.approx(20, abs=1) if answer is Answer.BAD else 0)


def test_what_comes_later_than_the_curve_reaches_no_depth_can_help() -> None:
    verdict = Listening().listen(11, late_ms=2_500).verdict(2_000)
    assert verdict.latest_ms is None
    assert verdict.answer is Answer.BAD


def test_a_rare_dropout_is_almost_good_enough() -> None:
    listening = Listening().listen(100)
    listening.listen(1, late_ms=90).listen(100)
    assert listening.verdict().answer is Answer.ALMOST
    assert listening.verdict(90).answer is Answer.GOOD


@pytest.mark.parametrize(("lost", "answer"), [(0, Answer.GOOD), (1, Answer.ALMOST), (40, Answer.BAD)])
def test_packets_that_never_came_no_depth_can_help(lost: int, answer: Answer) -> None:
    verdict = Listening().listen(10).know(lost=lost).listen(10).verdict(2_000)
    assert (verdict.lost_packets, verdict.answer) == (lost, answer)


def test_a_broken_connection_counts_like_a_dropout() -> None:
    listening = Listening().listen(100).know(outages=1).listen(100)
    assert listening.verdict().answer is Answer.ALMOST
    assert listening.know(outages=4).verdict().answer is Answer.BAD


def test_an_outage_that_lasts_is_one_however_long_ago_it_began() -> None:
    listening = Listening().listen(20).know(outages=1, is_lost=True)
    for seconds in (5, 200, 200):
        verdict = listening.wait(seconds, is_lost=True).verdict()
        assert verdict.outages == 1
        assert verdict.answer in (Answer.ALMOST, Answer.BAD)
    assert listening.verdict().answer is Answer.BAD, "by now there is nothing good to say"


def test_what_was_late_before_a_reconnect_still_counts_after_it() -> None:
    listening = Listening().listen(200, late_ms=148)
    listening.what_if.begin_stream()
    verdict = listening.know(outages=1).listen(30).verdict()
    assert verdict.answer is Answer.BAD
    assert verdict.latest_ms == 150
    assert verdict.dropouts == pytest.approx(200, rel=0.05)


def test_a_server_that_breaks_off_all_the_time_is_bad_without_ten_seconds_of_audio() -> None:
    listening = Listening()
    for outage in range(1, 4):
        listening.listen(3).know(outages=outage)
    assert listening.verdict().answer is Answer.BAD


def test_a_connection_on_which_nothing_comes_any_more_is_not_good() -> None:
    listening = Listening().listen(20)
    assert listening.verdict().answer is Answer.GOOD
    verdict = listening.wait(1, overdue_ms=990.0).verdict()
    assert verdict.answer is Answer.GOOD, "it may be jitter"
    verdict = listening.wait(1, overdue_ms=1_990.0).verdict()
    assert (verdict.answer, verdict.dropouts, verdict.latest_ms) == (Answer.BAD, 1, 1_990)
    assert listening.verdict(2_000).answer is Answer.GOOD
    verdict = listening.wait(1, overdue_ms=2_990.0).verdict(2_000)
    assert (verdict.answer, verdict.latest_ms) == (Answer.BAD, None)
    assert listening.wait(400, overdue_ms=300_000.0).verdict().answer is Answer.BAD


@pytest.mark.parametrize(("skew_ppm", "answer"), [(None, Answer.GOOD), (-90, Answer.GOOD), (21_000, Answer.ALMOST)])
def test_a_pace_that_no_clock_has_is_the_server_s(skew_ppm: float | None, answer: Answer) -> None:
    listening = Listening().listen(20)
    listening.skew_ppm = skew_ppm
    verdict = listening.verdict()
    assert verdict.answer is answer
    assert verdict.pace_ppm == (skew_ppm if answer is Answer.ALMOST else 0)


def test_what_is_longer_ago_than_five_minutes_is_forgotten() -> None:
    listening = Listening().listen(10, late_ms=148)
    listening.know(lost=3, outages=3, underruns=7, underruns_here=2, has_lab=True)
    before = listening.know(has_lab=False).listen(200).verdict()
    assert (before.lost_packets, before.outages, before.underruns, before.underruns_here) == (3, 3, 7, 2)
    assert before.has_lab
    after = listening.listen(120).verdict()
    assert after.answer is Answer.GOOD
    assert (after.lost_packets, after.outages, after.underruns, after.underruns_here) == (0, 0, 0, 0)
    assert not after.has_lab


@pytest.mark.parametrize("when", ["told before the packets are taken", "told after"])
def test_what_this_machine_read_late_is_no_fault_of_the_server(when: str) -> None:
    listening = Listening().listen(20)
    began_ns, ended_ns = listening.now_ns, listening.now_ns + 300 * MS
    if when.endswith("taken"):
        listening.what_if.stalled(began_ns, ended_ns)
    for late_ms in range(300, 0, -20):
        listening.what_if.add(ended_ns + 1 * MS, late_ms * MS)
    if when == "told after":
        listening.what_if.stalled(began_ns, ended_ns)
    listening.judge.note_stall(began_ns, ended_ns)
    listening.now_ns = ended_ns
    verdict = listening.listen(20).verdict()
    assert (verdict.answer, verdict.dropouts, verdict.stalls) == (Answer.GOOD, 0, 1)
    assert verdict.longest_stall_ms == 300


def test_a_source_that_stands_still_and_tells_nobody_starves_whoever_waits() -> None:
    """Its later packets are no later than those before, by its own new time; but for that long nothing came."""
    listening = Listening().listen(20)
    since_ns = listening.now_ns + 2_700 * MS
    for number in range(15):
        listening.what_if.add(since_ns + number * 20 * MS, 2_700 * MS)
    listening.what_if.paused(since_ns, 1_700 * MS)
    listening.now_ns = since_ns + 300 * MS
    verdict = listening.listen(20).verdict(200)
    assert (verdict.answer, verdict.dropouts, verdict.latest_ms) == (Answer.BAD, 1, 1_700)
    assert listening.verdict(1_700).answer is Answer.GOOD
