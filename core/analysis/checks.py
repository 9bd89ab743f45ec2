"""Checks: what was measured against limits. Each passes, fails, or cannot be measured, and says by what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from core.analysis.checks_expected import expectations
from core.analysis.checks_result import NEVER, CheckResult, Outcome
from core.analysis.diagnosis import JUDGED_S, SURE, findings_of
from core.analysis.findings import Finding, Severity
from core.analysis.limits import BANDWIDTHS, EBU_TARGET_LUFS, Limits, Loudness
from core.analysis.make_up import SEEN_PCT
from core.analysis.results import Analysis, Evidence, Side

__all__ = ["CheckResult", "Outcome", "run_checks"]


def run_checks(
    limits: Limits,
    analysis: Analysis,
    findings: Iterable[Finding] | None = None,
    late: tuple[Evidence, ...] = (),
) -> list[CheckResult]:
    """A result for each limit that is set, in the order of `Limits`; ``findings`` if they are known already.

    ``late`` is where packets came too late for the buffer of the limits, which no figure of the analysis says.
    """
    results = [check(limits, analysis) for name, check in _CHECKS.items() if getattr(limits, name) is not None]
    results = [
        replace(each, evidence=late) if each.name == "max_late_pct" and each.outcome is Outcome.FAIL else each
        for each in results
    ]
    results += expectations(limits, analysis)
    if limits.fail_on is not None:
        found = findings_of(analysis) if findings is None else tuple(findings)
        results.append(_findings(limits.fail_on, found))
    return results


def _judge(
    name: str,
    measured: float | None,
    limit: float,
    unit: str,
    reason: str,
    evidence: tuple[Evidence, ...] = (),
    *,
    what: str,
    at_least: bool = False,
) -> CheckResult:
    """At most ``limit``, or at least; ``reason`` is why there is no figure."""
    bound = f"{'at least' if at_least else 'at most'} {limit:g}{unit}"
    if measured is None:
        text = f"{what}: not measurable: {reason} (limit: {bound})"
        return CheckResult(name, Outcome.NOT_MEASURABLE, None, limit, unit.strip(), text)
    is_fine = measured >= limit if at_least else measured <= limit
    text = f"{what}: {measured:.4g}{unit}, {'limit' if is_fine else 'but should be'}: {bound}"
    outcome = Outcome.PASS if is_fine else Outcome.FAIL
    return CheckResult(name, outcome, measured, limit, unit.strip(), text, () if is_fine else evidence)


def _why(section: object, name: str, otherwise: str = NEVER) -> str:
    reasons: Mapping[str, str] = getattr(section, "not_measurable", {})
    return reasons.get(name, otherwise)


def _late(limits: Limits, analysis: Analysis) -> CheckResult:
    needs = analysis.needs
    late_pct = None if needs is None else needs.late_pct_at(limits.at_depth_ms)
    what = f"packets too late for a buffer of {limits.at_depth_ms:g} ms"
    return _judge("max_late_pct", late_pct, limits.max_late_pct or 0.0, " %", NEVER, what=what)


def _buffer(limits: Limits, analysis: Analysis) -> CheckResult:
    needs, limit = analysis.needs, limits.max_buffer_ms or 0.0
    what = "buffer for 0.1 % late packets"
    if needs is not None and needs.buffer_ms_for_0_1_pct is None:
        text = f"{what}: not even 2000 ms, but should be: at most {limit:g} ms ({needs.limited_by})"
        return CheckResult("max_buffer_ms", Outcome.FAIL, "more than 2000", limit, "ms", text, _stalls(analysis))
    measured = None if needs is None else needs.buffer_ms_for_0_1_pct
    return _judge("max_buffer_ms", measured, limit, " ms", NEVER, _stalls(analysis, limit), what=what)


def _skew(limits: Limits, analysis: Analysis) -> CheckResult:
    """Only what the error of the measurement leaves no doubt about passes or fails."""
    pacing, limit = analysis.pacing, limits.max_skew_ppm or 0.0
    ppm = None if pacing is None else pacing.skew_ppm
    error = None if pacing is None else pacing.skew_error_ppm
    reason = _why(pacing, "skew_ppm")
    if ppm is not None and error is not None and abs(abs(ppm) - limit) < SURE * error:
        reason, ppm = f"{ppm:+.0f} ±{SURE * error:.0f} ppm is on both sides of the limit; listen longer", None
    what = "clock skew" if ppm is None or error is None else f"clock skew ({ppm:+.0f} ±{SURE * error:.0f} ppm)"
    return _judge("max_skew_ppm", None if ppm is None else abs(ppm), limit, " ppm", reason, what=what)


def _loss(limits: Limits, analysis: Analysis) -> CheckResult:
    complete = analysis.completeness
    share = complete.missing_pct if complete.packets else None
    reason = _why(complete, "missing_pct") if complete.packets else NEVER
    return _judge(
        "max_loss_pct", share, limits.max_loss_pct or 0.0, " %", reason, complete.newest_gaps, what="missing packets"
    )


def _left_out(limits: Limits, analysis: Analysis) -> CheckResult:
    complete = analysis.completeness
    measured = complete.left_out_ms if complete.packets else None
    return _judge(
        "max_left_out_ms",
        measured,
        limits.max_left_out_ms or 0.0,
        " ms",
        _why(complete, "left_out_ms") if complete.packets else NEVER,
        complete.newest_left_out,
        what="sound that seems to be left out",
    )


def _duplicates(limits: Limits, analysis: Analysis) -> CheckResult:
    complete = analysis.completeness
    share = 100 * complete.duplicates / complete.packets if complete.packets else None
    return _judge(
        "max_duplicate_pct",
        share,
        limits.max_duplicate_pct or 0.0,
        " %",
        NEVER,
        complete.newest_duplicates,
        what="packets that came twice",
    )


def _malformed(limits: Limits, analysis: Analysis) -> CheckResult:
    complete = analysis.completeness
    any_came = complete.packets or complete.malformed
    return _judge(
        "max_malformed",
        complete.malformed if any_came else None,
        limits.max_malformed or 0,
        "",
        NEVER,
        complete.newest_malformed,
        what="unreadable messages",
    )


def _stall(limits: Limits, analysis: Analysis) -> CheckResult:
    pacing, limit = analysis.pacing, limits.max_stall_ms or 0.0
    measured = None if pacing is None else (pacing.longest_stall_ms or 0.0)
    return _judge("max_stall_ms", measured, limit, " ms", NEVER, _stalls(analysis, limit), what="longest stall")


def _stalls(analysis: Analysis, longer_than_ms: float = 0.0) -> tuple[Evidence, ...]:
    """Those that are neither declared nor this machine's."""
    return tuple(
        Evidence(stall.at_s, stall.packet, length_ms=stall.length_ms, note=stall.side.value)
        for stall in (() if analysis.pacing is None else analysis.pacing.newest_stalls)
        if stall.side in (Side.SERVER, Side.PATH) and stall.length_ms > longer_than_ms
    )


def _silence(limits: Limits, analysis: Analysis) -> CheckResult:
    sound = analysis.sound
    measured = None if sound is None else sound.longest_silence_s
    silences = () if sound is None else sound.newest_silences
    evidence = tuple(each for each in silences if (each.length_ms or 0.0) > (limits.max_silence_s or 0.0) * 1e3)
    reason = _why(analysis, "sound")
    return _judge(
        "max_silence_s", measured, limits.max_silence_s or 0.0, " s", reason, evidence, what="longest silence"
    )


def _startup(name: str, attribute: str, what: str) -> Callable[[Limits, Analysis], CheckResult]:
    def check(limits: Limits, analysis: Analysis) -> CheckResult:
        startup = analysis.startup
        measured: float | None = getattr(startup, attribute)
        return _judge(name, measured, getattr(limits, name), " ms", _why(startup, attribute), what=what)

    return check


def _round_trip(limits: Limits, analysis: Analysis) -> CheckResult:
    trips = analysis.round_trips
    return _judge(
        "max_round_trip_ms",
        None if trips is None else trips.p95_ms,
        limits.max_round_trip_ms or 0.0,
        " ms",
        _why(analysis, "round_trips"),
        what="round trip (95 % of pings)",
    )


def _loudness(limits: Limits, analysis: Analysis) -> CheckResult:
    wanted, sound = limits.loudness or Loudness(EBU_TARGET_LUFS), analysis.sound
    measured = None if sound is None else sound.loudness_lufs
    reason = _why(analysis, "sound") if sound is None else _why(sound, "loudness_lufs")
    if sound is not None and measured is not None and sound.measured_s - sound.silent_s < JUDGED_S:
        reason = f"{measured:.1f} LUFS, but of {sound.measured_s - sound.silent_s:.1f} s only; needs {JUDGED_S:g} s"
        measured = None
    if sound is not None and measured is None and sound.silent_s >= JUDGED_S and sound.true_peak_dbtp is not None:
        text = f"loudness: {reason}, but should be: {wanted}"
        return CheckResult("loudness", Outcome.FAIL, "below -70", str(wanted), "LUFS", text, sound.newest_silences)
    if measured is None:
        text = f"loudness: not measurable: {reason} (limit: {wanted})"
        return CheckResult("loudness", Outcome.NOT_MEASURABLE, None, str(wanted), "LUFS", text)
    is_fine = abs(measured - wanted.target_lufs) <= wanted.tolerance_lu
    heard_s = 0.0 if sound is None else sound.measured_s
    text = f"loudness: {measured:.1f} LUFS over {heard_s:.0f} s, {'limit' if is_fine else 'but should be'}: {wanted}"
    return CheckResult("loudness", Outcome.PASS if is_fine else Outcome.FAIL, measured, str(wanted), "LUFS", text)


def _true_peak(limits: Limits, analysis: Analysis) -> CheckResult:
    sound, limit = analysis.sound, limits.max_true_peak_dbtp
    measured = None if sound is None else sound.true_peak_dbtp
    reason = _why(analysis, "sound") if sound is None else _why(sound, "true_peak_dbtp", "all is digital silence")
    evidence = () if sound is None else sound.newest_clipped
    return _judge("max_true_peak_dbtp", measured, limit or 0.0, " dBTP", reason, evidence, what="true peak")


def _clipped(limits: Limits, analysis: Analysis) -> CheckResult:
    sound = analysis.sound
    return _judge(
        "max_clipped_pct",
        None if sound is None else sound.clipped_pct,
        limits.max_clipped_pct or 0.0,
        " %",
        _why(analysis, "sound"),
        () if sound is None else sound.newest_clipped,
        what="clipped samples",
    )


def _bandwidth(limits: Limits, analysis: Analysis) -> CheckResult:
    wanted, content = limits.min_bandwidth or "", analysis.content
    if content is None:
        text = f"bandwidth: not measurable: {NEVER} (limit: at least {wanted})"
        return CheckResult("min_bandwidth", Outcome.NOT_MEASURABLE, None, wanted, "", text)
    seen = [name for name, share in content.bandwidths_pct.items() if share >= SEEN_PCT]
    widest = max(seen or content.bandwidths_pct, key=BANDWIDTHS.index)
    is_fine = BANDWIDTHS.index(widest) >= BANDWIDTHS.index(wanted)
    text = f"bandwidth: up to {widest}, {'limit' if is_fine else 'but should be'}: at least {wanted}"
    return CheckResult("min_bandwidth", Outcome.PASS if is_fine else Outcome.FAIL, widest, wanted, "", text)


def _bitrate(name: str, *, at_least: bool) -> Callable[[Limits, Analysis], CheckResult]:
    def check(limits: Limits, analysis: Analysis) -> CheckResult:
        content = analysis.content
        measured = None if content is None else content.bitrate_kbps
        return _judge(name, measured, getattr(limits, name), " kbit/s", NEVER, what="bit rate", at_least=at_least)

    return check


_CHECKS: Final[dict[str, Callable[[Limits, Analysis], CheckResult]]] = {
    "max_late_pct": _late,
    "max_buffer_ms": _buffer,
    "max_skew_ppm": _skew,
    "max_loss_pct": _loss,
    "max_left_out_ms": _left_out,
    "max_duplicate_pct": _duplicates,
    "max_malformed": _malformed,
    "max_stall_ms": _stall,
    "max_silence_s": _silence,
    "max_connect_ms": _startup("max_connect_ms", "connect_ms", "time to connect"),
    "max_first_packet_ms": _startup("max_first_packet_ms", "first_packet_ms", "time to the first packet"),
    "max_first_sound_ms": _startup("max_first_sound_ms", "first_sound_ms", "time to the first sound"),
    "max_round_trip_ms": _round_trip,
    "loudness": _loudness,
    "max_true_peak_dbtp": _true_peak,
    "max_clipped_pct": _clipped,
    "min_bandwidth": _bandwidth,
    "min_bitrate_kbps": _bitrate("min_bitrate_kbps", at_least=True),
    "max_bitrate_kbps": _bitrate("max_bitrate_kbps", at_least=False),
}


def _findings(fail_on: str, findings: tuple[Finding, ...]) -> CheckResult:
    bad = [Severity.ERROR] if fail_on == Severity.ERROR.value else [Severity.ERROR, Severity.WARNING]
    found = [finding for finding in findings if finding.severity in bad]
    limit = f"no {' or '.join(severity.value for severity in bad)}"
    if not found:
        return CheckResult("fail_on", Outcome.PASS, 0, limit, "", f"findings: {limit}")
    told = "; ".join(finding.kind.value for finding in found)
    text = f"findings: {told}, but should be: {limit}"
    return CheckResult("fail_on", Outcome.FAIL, len(found), limit, "", text, found[0].evidence)
