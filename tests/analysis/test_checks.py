"""Checks: each passes, fails, or cannot be measured, and says by what."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from core.analysis.checks import CheckResult, Outcome, run_checks
from core.analysis.limits import Expected, LimitError, Limits, Loudness
from core.analysis.results import Analysis
from core.wire.control import State, StreamState
from tests.analysis.reports.made import report_of
from tests.analysis.streams import analysed, connected, paced, received, said, speech_with_pauses, voice

PASS, FAIL, UNMEASURED = Outcome.PASS, Outcome.FAIL, Outcome.NOT_MEASURABLE


def check(limits: Limits, fault: str = "clean", *, bare: bool = False, seconds: float = 13.0) -> CheckResult:
    """Of one limit; what was analysed once serves for all of them."""
    [result] = run_checks(limits, report_of(fault, None, seconds, bare=bare).analysis)
    return result


def nothing() -> Analysis:
    return analysed([*connected([said(0.1, State(StreamState.PLAYING))], end_s=5.0)])


LIMITS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"max_late_pct": 0.1}, {"max_late_pct": 0.1}, "300 ms stall every 10 s"),
    ({"max_buffer_ms": 20.0}, {"max_buffer_ms": 200.0}, "300 ms stall every 10 s"),
    ({"max_stall_ms": 200.0}, {"max_stall_ms": 200.0}, "300 ms stall every 10 s"),
    ({"max_skew_ppm": 500.0}, {"max_skew_ppm": 500.0}, "2 % slow"),
    ({"max_loss_pct": 0.1}, {"max_loss_pct": 0.1}, "1 % dropped"),
    ({"max_duplicate_pct": 0.1}, {"max_duplicate_pct": 0.1}, "duplicates"),
    ({"max_silence_s": 2.0}, {"max_silence_s": 2.0}, "silent"),
    ({"loudness": Loudness(-26, 3)}, {"loudness": Loudness(-26, 3)}, "-40 LUFS"),
    ({"max_true_peak_dbtp": -1.0}, {"max_true_peak_dbtp": -1.0}, "clipped"),
    ({"max_clipped_pct": 0.02}, {"max_clipped_pct": 0.02}, "clipped"),
    ({"min_bandwidth": "FB"}, {"min_bandwidth": "FB"}, "declares 48 kHz, sends narrowband"),
    ({"min_bitrate_kbps": 60.0}, {"min_bitrate_kbps": 60.0}, "declares 48 kHz, sends narrowband"),
    ({"max_bitrate_kbps": 100.0}, {"max_bitrate_kbps": 20.0}, "declares 48 kHz, sends narrowband"),
    ({"fail_on": "warning"}, {"fail_on": "warning"}, "5-packet bursts"),
    ({"fail_on": "error"}, {"fail_on": "error"}, "stuck on one packet"),
]
"""Limits that a clean server keeps, and limits that this fault does not."""


@pytest.mark.parametrize(("kept", "broken", "fault"), LIMITS, ids=lambda value: str(value))
def test_a_clean_server_keeps_a_limit_and_one_with_the_fault_does_not(
    kept: dict[str, Any], broken: dict[str, Any], fault: str
) -> None:
    good, bad = check(Limits(**kept)), check(Limits(**broken), fault)
    assert (good.outcome, bad.outcome) == (PASS, FAIL), (good.text, bad.text)
    assert "limit" in good.text or "findings" in good.text
    assert "but should be" in bad.text
    assert "\n" not in good.text + bad.text
    assert good.evidence == ()


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        (Limits(max_stall_ms=200), "300 ms stall every 10 s"),
        (Limits(max_buffer_ms=100), "300 ms stall every 10 s"),
        (Limits(max_loss_pct=0.1), "1 % dropped"),
        (Limits(max_duplicate_pct=0.1), "duplicates"),
        (Limits(max_silence_s=2), "silent"),
        (Limits(max_clipped_pct=0.02), "clipped"),
        (Limits(fail_on="warning"), "1 % dropped"),
        (Limits(expect=Expected(frame_ms=20.0)), "declares 20 ms, sends 60"),
    ],
    ids=str,
)
def test_a_failure_says_when_and_which_packets(limits: Limits, fault: str) -> None:
    evidence = check(limits, fault).evidence
    assert evidence
    assert all(each.at_s >= 0 and each.packet is not None for each in evidence)


def test_late_packets_are_shown_where_they_came_late() -> None:
    [result] = report_of("300 ms stall every 10 s", Limits(max_late_pct=0.1)).checks
    [place] = result.evidence
    assert place.packet == 500  # of 20 ms each; the stall begins at 10 s
    assert place.at_s == pytest.approx(10.3, abs=0.1)
    assert place.length_ms == pytest.approx(300, abs=10)
    # Of the 15 packets that waited, those that were due in the last 60 ms were still on time.
    assert place.packets == pytest.approx(12, abs=1)


@pytest.mark.parametrize(
    ("expect", "fault", "outcome"),
    [
        (Expected(frame_ms=20.0), "clean", PASS),
        (Expected(frame_ms=20.0), "declares 20 ms, sends 60", FAIL),
        (Expected(frame_ms=60.0), "declares 20 ms, sends 60", PASS),
        (Expected(channels=2), "clean", PASS),
        (Expected(channels=1), "clean", FAIL),
        (Expected(mode="CELT"), "clean", PASS),
        (Expected(mode="SILK"), "clean", FAIL),
        (Expected(bandwidth="FB"), "clean", PASS),
        (Expected(bandwidth="FB"), "declares 48 kHz, sends narrowband", FAIL),
        (Expected(fec=False), "clean", PASS),
        (Expected(fec=True), "clean", FAIL),
        (Expected(dtx=False), "clean", PASS),
        (Expected(cbr=False), "clean", PASS),
        (Expected(cbr=True), "clean", FAIL),
        (Expected(subprotocol="opus-rtp.v1"), "clean", PASS),
        (Expected(subprotocol="opus-rtp.v2"), "clean", FAIL),
    ],
    ids=str,
)
def test_what_is_expected_of_packets_is_compared_with_what_came(expect: Expected, fault: str, outcome: Outcome) -> None:
    result = check(Limits(expect=expect), fault)
    assert result.outcome is outcome, result.text
    assert ("but expected" in result.text) is (outcome is FAIL)


def test_each_expectation_is_a_check_of_its_own() -> None:
    report = report_of("clean", Limits(expect=Expected(frame_ms=20.0, channels=1)))
    assert [(each.name, each.outcome) for each in report.checks] == [
        ("expect.frame_ms", PASS),
        ("expect.channels", FAIL),
    ]


def test_what_a_bare_stream_does_not_tell_is_not_measurable_and_says_why() -> None:
    result = check(Limits(max_loss_pct=0.1), bare=True)
    assert result.outcome is UNMEASURED
    assert result.measured is None
    assert "not measurable: bare packets have no sequence numbers" in result.text


def test_sound_that_is_left_out_is_a_check_of_bare_streams() -> None:
    limits = Limits(max_left_out_ms=50)
    assert check(limits, "1 % dropped", bare=True, seconds=40.0).outcome is FAIL
    assert check(limits, bare=True).outcome is PASS
    assert check(limits).outcome is UNMEASURED


def all_limits() -> Limits:
    return Limits(
        **{key: value for kept, _, _ in LIMITS for key, value in kept.items() if key != "fail_on"},
        max_malformed=0,
        max_connect_ms=1000,
        max_first_packet_ms=1000,
        max_first_sound_ms=1000,
        max_round_trip_ms=1000,
        max_left_out_ms=50,
        expect=Expected(20.0, 2, "CELT", "FB", False, False, False, "opus-rtp.v1"),
    )


def test_where_no_packet_came_nothing_is_passed_that_rests_on_packets() -> None:
    results = {each.name: each for each in run_checks(all_limits(), nothing())}
    known = {"max_connect_ms", "expect.subprotocol"}
    assert {name for name, each in results.items() if each.outcome is not UNMEASURED} == known
    assert all("not measurable" in each.text for name, each in results.items() if name not in known)


def test_every_limit_that_there_is_makes_a_check() -> None:
    limits = all_limits()
    names = {each.name for each in run_checks(limits, nothing())}
    keys = {each.name for each in fields(Limits)} - {"at_depth_ms", "expect", "fail_on"}
    expected = {f"expect.{each.name}" for each in fields(Expected)}
    assert names == keys | expected
    assert run_checks(Limits(at_depth_ms=20), nothing()) == []


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        (Limits(max_connect_ms=1000), PASS),
        (Limits(max_connect_ms=1), FAIL),
        (Limits(max_first_packet_ms=1000), PASS),
        (Limits(max_first_packet_ms=1), FAIL),
        (Limits(max_first_sound_ms=1000), PASS),
        (Limits(max_first_sound_ms=1), FAIL),
        (Limits(max_round_trip_ms=100), PASS),
        (Limits(max_round_trip_ms=1), FAIL),
        (Limits(max_malformed=0), PASS),
    ],
    ids=str,
)
def test_starting_and_pings_have_limits_too(limits: Limits, outcome: Outcome) -> None:
    assert check(limits).outcome is outcome


def test_a_skew_that_may_be_on_either_side_of_its_limit_is_not_measurable() -> None:
    near = check(Limits(max_skew_ppm=300), "300 ppm fast", seconds=30.0)
    assert near.outcome is UNMEASURED
    assert "both sides of the limit; listen longer" in near.text
    assert check(Limits(max_skew_ppm=200), "300 ppm fast", seconds=30.0).outcome is FAIL
    assert check(Limits(max_skew_ppm=400), "300 ppm fast", seconds=30.0).outcome is PASS
    assert check(Limits(max_skew_ppm=100), seconds=1.0).outcome is UNMEASURED


def test_loudness_fails_in_silence_and_is_not_measurable_in_a_second() -> None:
    limits = Limits(loudness=Loudness(-23, 3))
    silent = check(limits, "silent")
    assert silent.outcome is FAIL
    assert silent.measured == "below -70"
    assert check(limits, seconds=1.0).outcome is UNMEASURED


def test_pauses_of_speech_count_as_silence_of_their_length() -> None:
    payloads = speech_with_pauses()[:1500]
    analysis = analysed(connected(received(payloads, paced(len(payloads)))), with_sound=True)
    [short] = run_checks(Limits(max_silence_s=1.0), analysis)
    [long] = run_checks(Limits(max_silence_s=4.0), analysis)
    assert (short.outcome, long.outcome) == (FAIL, PASS)
    assert short.measured == pytest.approx(2.0, abs=0.3)
    assert all((each.length_ms or 0) > 1000 for each in short.evidence)


def test_without_sound_what_is_heard_is_not_measurable() -> None:
    analysis = analysed(connected(received(voice(200), paced(200))))
    results = run_checks(Limits(max_silence_s=1, loudness=Loudness(-23), max_clipped_pct=1), analysis)
    assert {each.outcome for each in results} == {UNMEASURED}
    assert all("not decoded" in each.text for each in results)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Limits(max_loss_pct=-1), "max_loss_pct -1 is not possible; accepted: 0 or more"),
        (lambda: Limits(max_stall_ms=float("nan")), "max_stall_ms nan is not possible"),
        (lambda: Limits(min_bandwidth="XB"), "min_bandwidth 'XB' is not possible; accepted: NB, MB, WB, SWB, FB"),
        (lambda: Limits(fail_on="note"), "fail_on 'note' is not possible; accepted: error, warning"),
        (lambda: Expected(frame_ms=7.0), "frame_ms 7 is not possible; accepted: 2.5 to 120 in steps of 2.5"),
        (lambda: Expected(channels=6), "channels 6 is not possible; accepted: 1, 2"),
        (lambda: Expected(mode="celt"), "mode 'celt' is not possible; accepted: SILK, Hybrid, CELT"),
    ],
)
def test_limits_that_nothing_can_be_measured_against_are_refused(make: Any, line: str) -> None:
    with pytest.raises(LimitError) as caught:
        make()
    assert line in str(caught.value)
