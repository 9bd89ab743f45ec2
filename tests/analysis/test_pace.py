"""When packets come: skew, bursts, lead and intervals, against what the made-up server did."""

from __future__ import annotations

import numpy as np
import pytest

from core.analysis.findings import FindingKind
from core.analysis.results import Pacing
from core.opus.media import MediaPacket
from core.wire.control import State, StreamState
from tests.analysis.streams import FRAME_S, analysed, connected, found, held_up, jittered, paced, received, said, voice

FRAMINGS = pytest.mark.parametrize("bare", [False, True], ids=["opus-rtp.v1", "bare"])
COUNT = 1_500
"""Half a minute."""


def pacing_of(arrivals_s: list[float], *, bare: bool = False) -> Pacing:
    pacing = analysed(connected(received(voice(len(arrivals_s)), arrivals_s, bare=bare), bare=bare)).pacing
    assert pacing is not None
    return pacing


@FRAMINGS
@pytest.mark.parametrize("ppm", [-20_000, -300, -40, 0, 40, 300, 20_000])
def test_skew_is_measured_within_a_few_ppm(ppm: float, bare: bool) -> None:
    # A sender whose clock runs slower by ppm takes longer for each packet.
    interval_s = FRAME_S / (1 - ppm * 1e-6)
    pacing = pacing_of(jittered(paced(COUNT, interval_s=interval_s), 1.0), bare=bare)
    assert pacing.skew_ppm == pytest.approx(ppm, abs=max(3.0, abs(ppm) * 2e-4))
    assert pacing.skew_error_ppm is not None
    assert pacing.rate == pytest.approx(1 - ppm * 1e-6, rel=2e-4)


@FRAMINGS
@pytest.mark.parametrize("seed", range(5))
def test_the_error_that_is_told_is_honest(seed: int, bare: bool) -> None:
    pacing = pacing_of(jittered(paced(COUNT, interval_s=FRAME_S * (1 - 300e-6)), 15.0, seed), bare=bare)
    assert pacing.skew_ppm is not None
    assert pacing.skew_error_ppm is not None
    assert abs(pacing.skew_ppm + 300) <= 5 * pacing.skew_error_ppm


def test_of_a_few_seconds_no_skew_of_clocks_is_told() -> None:
    pacing = pacing_of(jittered(paced(100), 5.0))
    assert pacing.skew_ppm is None
    assert "too short" in pacing.not_measurable["skew_ppm"]
    assert "rate" in pacing.not_measurable


@FRAMINGS
@pytest.mark.parametrize("together", [1, 2, 5, 10])
def test_bursts_are_told_by_their_size_and_distance(together: int, bare: bool) -> None:
    leave_s = [0.1 + (number // together + 1) * together * FRAME_S for number in range(COUNT)]
    pacing = pacing_of(jittered(leave_s, 0.5), bare=bare)
    assert pacing.packets_per_burst == together
    assert pacing.largest_burst == together
    assert pacing.burst_interval_ms == pytest.approx(together * 20, abs=0.3)
    assert pacing.departure_interval_ms == pytest.approx(20, abs=0.1)
    assert pacing.packet_ms == 20
    assert pacing.lead_ms == pytest.approx(0, abs=1)


@FRAMINGS
@pytest.mark.parametrize("lead_s", [0.2, 1.0, 3.0])
def test_what_is_sent_ahead_at_the_start_is_the_lead(lead_s: float, bare: bool) -> None:
    leave_s = [max(0.1, at_s - lead_s) for at_s in paced(COUNT)]
    pacing = pacing_of(jittered(leave_s, 0.5), bare=bare)
    assert pacing.lead_ms == pytest.approx(lead_s * 1e3, abs=2)
    assert pacing.packets_per_burst == 1
    assert pacing.rate == pytest.approx(1, abs=1e-3)


def test_intervals_are_those_between_arrivals() -> None:
    arrivals_s = jittered(paced(COUNT), 12.0)
    told = pacing_of(arrivals_s).interval_ms
    intervals_ms = np.diff(arrivals_s) * 1e3
    assert told is not None
    for percent, value in ((50, told.p50), (95, told.p95), (99, told.p99)):
        assert value == pytest.approx(np.percentile(intervals_ms, percent), abs=0.3)
    assert told.maximum == pytest.approx(intervals_ms.max(), abs=0.001)


def test_jitter_is_that_of_rfc_3550() -> None:
    arrivals_s = jittered(paced(COUNT), 12.0)
    jitter_ms = 0.0
    for number in range(1, COUNT):
        difference_ms = abs((arrivals_s[number] - arrivals_s[number - 1]) * 1e3 - 20)
        jitter_ms += (difference_ms - jitter_ms) / 16
    assert pacing_of(arrivals_s).jitter_ms == pytest.approx(jitter_ms, abs=0.05)


@pytest.mark.parametrize("drops", [0.002, 0.01, 0.03])
@pytest.mark.parametrize("ppm", [0, -300, 20_000])
def test_packets_left_out_of_a_bare_stream_are_counted_and_spoil_no_skew(ppm: float, drops: float) -> None:
    chance = np.random.default_rng(4)
    every_s = paced(2 * COUNT, interval_s=FRAME_S / (1 - ppm * 1e-6))
    kept = [number == 0 or chance.random() >= drops for number in range(len(every_s))]
    arrivals_s = jittered((at_s for at_s, is_kept in zip(every_s, kept, strict=True) if is_kept), 2.0)
    analysis = analysed(connected(received(voice(len(arrivals_s)), arrivals_s, bare=True), bare=True))
    dropped = kept.count(False)
    assert analysis.pacing is not None
    assert analysis.pacing.skew_ppm == pytest.approx(ppm, abs=max(20.0, abs(ppm) * 1e-3))
    # Those of the first seconds, before the pace is known, and of the last one are not seen.
    unseen = kept[:250].count(False) + kept[-60:].count(False)
    assert (dropped - unseen) * 20 <= (analysis.completeness.left_out_ms or 0) <= dropped * 20
    assert found(analysis)[0] is FindingKind.AUDIO_LEFT_OUT


def test_a_stall_that_is_caught_up_leaves_nothing_out() -> None:
    analysis = analysed(connected(received(voice(COUNT), held_up(paced(COUNT), 10, 10.9), bare=True), bare=True))
    assert analysis.completeness.left_out_ms == 0
    assert found(analysis) == [FindingKind.STALLS]


def test_a_pause_that_was_declared_is_no_time_of_the_stream() -> None:
    first, second = paced(500), paced(500, begin_s=40.1)
    seen = connected(
        received(voice(1000), first + second, bare=False, timestamps=[number * 960 for number in range(1000)]),
        [said(10.2, State(StreamState.IDLE)), said(40.05, State(StreamState.PLAYING))],
    )
    analysis = analysed(seen)
    assert analysis.pacing is not None
    assert analysis.pacing.idle_s == pytest.approx(29.85)
    assert analysis.pacing.stalls == 0
    assert found(analysis) == []


def test_the_newest_packet_is_told_against_the_quickest() -> None:
    from core.analysis.analyzer import StreamAnalyzer

    analyzer = StreamAnalyzer(with_sound=False)
    for each in connected(received(voice(200), [*paced(199), 0.1 + 199 * FRAME_S + 0.035])):
        analyzer.take(each)
        event = getattr(each, "event", None)
        if isinstance(event, MediaPacket):
            late_ms = analyzer.newest_relative_delay_ms
    assert late_ms == pytest.approx(35, abs=0.1)
