"""The verdict: is this server good enough for a buffer of so many milliseconds, and why not."""

from __future__ import annotations

import pytest

from core.playout.cause import UnderrunCause
from core.playout.figures import UnderrunEpisode
from core.playout.what_if import WhatIf, WhatIfSpan
from core.receiver.verdict import Answer, Judge, Verdict

S = 1_000_000_000
MS = 1_000_000


class Listening:
    """Packets of 20 ms, one second after the other, in virtual time."""

    def __init__(self) -> None:
        self.now_ns = 5 * S
        self.what_if = WhatIf()
        self.judge = Judge()
        self.received = self.lost = self.outages = 0
        self.episodes: list[UnderrunEpisode] = []
        self.skew_ppm: float | None = None

    def listen(self, seconds: int, late_ms: float = 0.0, has_lab: bool = False) -> Listening:
        """Each second one packet of the fifty is ``late_ms`` late."""
        for _ in range(seconds):
            for at in range(50):
                late_ns = round(late_ms * MS) if at == 25 else 0
                self.what_if.add(self.now_ns + late_ns, late_ns)
                self.now_ns += 20 * MS
            self.received += 50
            self.judge.look(self.now_ns, self.received, self.lost, self.outages, has_lab)
        return self

    def underrun(self, cause: UnderrunCause) -> None:
        self.episodes.append(UnderrunEpisode(self.now_ns, 960, cause))

    def verdict(self, depth_ms: float = 60.0) -> Verdict:
        curve = self.what_if.curve(WhatIfSpan.LONG, self.judge.now_ns)
        return self.judge.verdict(depth_ms, curve, self.episodes, self.skew_ppm)


def test_nothing_is_said_before_ten_seconds_of_audio() -> None:
    assert Listening().verdict().answer is Answer.UNKNOWN
    assert Listening().listen(9).verdict().answer is Answer.UNKNOWN
    assert Listening().listen(11).verdict().answer is Answer.GOOD


@pytest.mark.parametrize(("depth_ms", "answer"), [(60, Answer.BAD), (145, Answer.BAD), (150, Answer.GOOD)])
def test_a_depth_is_enough_from_the_latest_packet_on(depth_ms: float, answer: Answer) -> None:
    verdict = Listening().listen(20, late_ms=148).verdict(depth_ms)
    assert verdict.answer is answer
    assert verdict.latest_ms == 150
    assert verdict.dropouts_per_min == (pytest.approx(60, rel=0.06) if answer is Answer.BAD else 0)


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
    listening = Listening().listen(10)
    listening.lost = lost
    verdict = listening.listen(10).verdict(2_000)
    assert (verdict.lost_packets, verdict.answer) == (lost, answer)


def test_a_broken_connection_counts_like_a_dropout() -> None:
    listening = Listening().listen(100)
    listening.outages = 1
    assert listening.listen(100).verdict().answer is Answer.ALMOST
    listening.outages = 4
    assert listening.listen(1).verdict().answer is Answer.BAD


@pytest.mark.parametrize(("skew_ppm", "answer"), [(None, Answer.GOOD), (-90, Answer.GOOD), (21_000, Answer.ALMOST)])
def test_a_pace_that_no_clock_has_is_the_server_s(skew_ppm: float | None, answer: Answer) -> None:
    listening = Listening().listen(20)
    listening.skew_ppm = skew_ppm
    verdict = listening.verdict()
    assert verdict.answer is answer
    assert verdict.pace_ppm == (skew_ppm if answer is Answer.ALMOST else 0)


def test_what_this_machine_did_is_told_apart() -> None:
    listening = Listening().listen(20)
    for cause in (UnderrunCause.NETWORK, UnderrunCause.INTERPRETER, UnderrunCause.DEVICE, UnderrunCause.OUTAGE):
        listening.underrun(cause)
    verdict = listening.verdict()
    assert (verdict.underruns, verdict.underruns_here) == (4, 2)


def test_what_is_longer_ago_than_five_minutes_is_forgotten() -> None:
    listening = Listening().listen(10, late_ms=148, has_lab=True)
    listening.underrun(UnderrunCause.INTERPRETER)
    listening.lost = listening.outages = 3
    before = listening.listen(200).verdict()
    assert (before.lost_packets, before.outages, before.underruns_here, before.has_lab) == (3, 3, 1, True)
    after = listening.listen(120).verdict()
    assert after.answer is Answer.GOOD
    assert (after.lost_packets, after.outages, after.underruns_here, after.has_lab) == (0, 0, 0, False)
