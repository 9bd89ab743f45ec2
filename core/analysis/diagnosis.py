"""From figures to findings: what is wrong, in one sentence each, causes before what follows from them.

Each rule looks at one kind of fault. Where a fault of one kind makes figures that look like another's, the rule of the
other knows it and keeps quiet: a stream that is stuck is not judged by its sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from core.analysis.findings import Finding, FindingKind, Severity
from core.analysis.hearing import BAND_LEAST_S
from core.analysis.needs import burst_hold_ms, counted, times
from core.analysis.results import Analysis, Ending, Evidence, Mismatch, Side, Sound, Stall
from core.analysis.sequence import STUCK_MS, STUCK_PACKETS

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

CLOCK_PPM: Final = 100.0
"""Crystals are up to so far off; what certainly is more is no crystal, or a bad one."""

PACED_PPM: Final = 2_000.0
"""No clock is so far off: such a server's pace is made by a timer that sleeps too long or too short."""

SURE: Final = 2.0
"""So many standard errors are allowed for before a skew is called one."""

HOLD_MS: Final = 15.0
"""Bursts that make a listener hold back less than this are those of a small frame size, and cost nobody anything."""

HEARD_LOSS_PCT: Final = 0.5
"""Concealed losses below that are hardly heard; where the line lies is our choice."""

SILENT_S: Final = 10.0
"""Speech and programmes pause for some seconds; longer than that somebody has pulled a plug."""

QUIET_LUFS: Final = -35.0
"""12 LU below the target of EBU R128, more than listeners turn up without noise."""

JUDGED_S: Final = 3.0
"""Sound of less than that is not judged."""

CLIPPED_PCT: Final = 0.02
"""A sample in five thousand beyond full scale is heard; fewer are overshoots of the codec."""

DC_LEAST: Final = 0.01
"""-40 dBFS. No sound has a mean like that over seconds."""

ONE_SIDED_DB: Final = 30.0
"""So much quieter a channel is no matter of balance."""

HALF_BAND: Final = 0.5
LATE_DEPTH_MS: Final = 200.0
LATE_PCT: Final = 1.0
BUSY_PCT: Final = 2.0
"""A machine that reads nothing for more of the time is no judge of when packets come."""

OBSERVER_MS: Final = 100.0
"""Stalls of this machine that were longer in all are worth a note."""


def findings_of(analysis: Analysis) -> tuple[Finding, ...]:
    """All findings, the most important first; a stream without faults has none.

    They are sorted by severity, notes last, and within it as `FindingKind` is: causes before consequences.
    """
    order = {kind: number for number, kind in enumerate(FindingKind)}
    severities = {severity: number for number, severity in enumerate(Severity)}
    found = [finding for rule in _RULES for finding in rule(analysis)]
    # What is nobody's fault comes last; errors and warnings go by what causes what.
    return tuple(sorted(found, key=lambda each: (each.severity is _NOTE, order[each.kind], severities[each.severity])))


def _connection(analysis: Analysis) -> Iterator[Finding]:
    startup = analysis.startup
    agreed = startup.subprotocol
    failure = startup.last_failure or ""
    if agreed is not None and agreed not in startup.offered:
        offered = ", ".join(startup.offered) or "nothing"
        yield Finding(
            FindingKind.WRONG_SUBPROTOCOL,
            _ERROR,
            f"the server agreed to the subprotocol {agreed!r}, which was not offered (offered: {offered})",
            Side.SERVER,
        )
    elif "subprotocol" in failure and startup.connect_ms is None:
        yield Finding(FindingKind.WRONG_SUBPROTOCOL, _ERROR, f"no connection: {failure}", Side.SERVER)
    elif startup.failed_attempts:
        is_never = analysis.connected_s == 0 and not analysis.completeness.packets
        yield Finding(
            FindingKind.NOT_CONNECTED,
            _ERROR if is_never else _WARNING,
            f"{startup.failed_attempts} of {startup.attempts} attempts to connect failed, the last one: {failure}",
            Side.PATH,
        )


def _messages(analysis: Analysis) -> Iterator[Finding]:
    complete = analysis.completeness
    if complete.malformed:
        total = complete.packets + complete.malformed
        example = complete.newest_malformed[-1].note if complete.newest_malformed else ""
        yield Finding(
            FindingKind.UNREADABLE,
            _ERROR if complete.malformed >= 0.01 * total else _WARNING,
            f"{complete.malformed} of {total} messages are no packets of this stream: {example}",
            Side.SERVER,
            complete.newest_malformed,
        )
    if not complete.packets and not complete.malformed and analysis.connected_s > 0:
        idle = analysis.pacing is not None and analysis.pacing.idle_s > 0
        yield Finding(
            FindingKind.NO_PACKETS,
            _NOTE if idle else _ERROR,
            f"no packet came in {analysis.connected_s:.1f} s of connection",
            Side.SERVER,
        )


def _endings(analysis: Analysis) -> Iterator[Finding]:
    closing = analysis.closing
    abrupt = closing.endings.get(Ending.ABRUPT, 0)
    if abrupt:
        at_s = closing.newest[-1].at_s if closing.newest else 0.0
        yield Finding(
            FindingKind.CLOSED_ABRUPTLY,
            _ERROR,
            f"the connection broke off without a close frame {times(abrupt)}, the last time after {at_s:.1f} s",
            Side.PATH,
            closing.newest,
        )
    failed = closing.endings.get(Ending.WITH_ERROR, 0)
    if failed:
        note = closing.newest[-1].note if closing.newest else f"code {closing.code}"
        yield Finding(
            FindingKind.CLOSED_WITH_ERROR,
            _ERROR,
            f"the server ended the connection with an error {times(failed)}: {note}",
            Side.SERVER,
            closing.newest,
        )


def _is_stuck(analysis: Analysis) -> bool:
    complete = analysis.completeness
    return complete.longest_repeat >= STUCK_PACKETS and complete.longest_repeat_ms >= STUCK_MS


def _is_silent(sound: Sound) -> bool:
    return sound.measured_s >= JUDGED_S and sound.silent_s >= 0.95 * sound.measured_s


def _stuck_and_silent(analysis: Analysis) -> Iterator[Finding]:
    complete, sound = analysis.completeness, analysis.sound
    if _is_stuck(analysis):
        yield Finding(
            FindingKind.STUCK,
            _ERROR,
            f"the same packet came {complete.longest_repeat} times in a row"
            f" ({complete.longest_repeat_ms / 1e3:.1f} s): the server is stuck, or sends one steady tone",
            Side.SERVER,
            complete.newest_repeats,
        )
    if sound is None or _is_stuck(analysis):
        return
    by_dtx = f", {sound.silent_dtx_s:.1f} s of it declared so by the encoder (DTX)" if sound.silent_dtx_s >= 1 else ""
    if _is_silent(sound):
        text = f"{sound.silent_s:.1f} of {sound.measured_s:.1f} s are silence{by_dtx}"
        yield Finding(FindingKind.SILENT, _ERROR, text, Side.SERVER, sound.newest_silences)
    elif sound.longest_silence_s >= SILENT_S:
        text = f"silence of {sound.longest_silence_s:.1f} s at a time, {sound.silent_s:.1f} s in all{by_dtx}"
        yield Finding(FindingKind.SILENT, _WARNING, text, Side.SERVER, sound.newest_silences)


_MISMATCHED: Final = {
    "frame_ms": FindingKind.FRAME_NOT_AS_DECLARED,
    "bandwidth": FindingKind.BANDWIDTH_NOT_AS_DECLARED,
    "channels": FindingKind.CHANNELS_NOT_AS_DECLARED,
    "codec": FindingKind.UNREADABLE,
}


def _promises(analysis: Analysis) -> Iterator[Finding]:
    sound = analysis.sound
    for mismatch in () if analysis.content is None else analysis.content.mismatches:
        if mismatch.what == "bandwidth" and (_is_stuck(analysis) or (sound is not None and _is_silent(sound))):
            continue  # there is nothing that would need the band
        kind = _MISMATCHED[mismatch.what]
        yield Finding(kind, _WARNING, _promise(mismatch), Side.SERVER, mismatch.evidence)


def _promise(mismatch: Mismatch) -> str:
    names = {"frame_ms": "frames of ", "bandwidth": "", "channels": "channels: ", "codec": "codec "}
    name = names[mismatch.what]
    return (
        f"declares {name}{mismatch.declared} and sends {name}{mismatch.found} ({mismatch.packets_pct:.0f} % of packets)"
    )


def _completeness(analysis: Analysis) -> Iterator[Finding]:
    complete = analysis.completeness
    if complete.missing and complete.missing_pct is not None:
        yield Finding(
            FindingKind.MISSING_PACKETS,
            _ERROR if complete.missing_pct >= HEARD_LOSS_PCT else _WARNING,
            f"{counted(complete.missing, 'packet')} ({complete.missing_pct:.2f} %) numbered and never sent, in"
            f" {counted(complete.gaps or 0, 'gap')}: over TCP the server drops them, not the network",
            Side.SERVER,
            complete.newest_gaps,
        )
    if complete.duplicates:
        pct = 100 * complete.duplicates / max(complete.packets, 1)
        yield Finding(
            FindingKind.DUPLICATES,
            _WARNING,
            f"{counted(complete.duplicates, 'packet')} ({pct:.2f} %) came twice",
            Side.SERVER,
            complete.newest_duplicates,
        )
    if complete.reordered:
        text = f"{complete.reordered} packets came after later ones"
        yield Finding(FindingKind.REORDERED, _WARNING, text, Side.SERVER, complete.newest_reordered)
    if complete.timestamp_overlaps and not complete.reordered:
        pct = 100 * complete.timestamp_overlaps / max(complete.packets, 1)
        yield Finding(
            FindingKind.TIMESTAMPS,
            _ERROR if pct >= 1 else _WARNING,
            f"media time advances by less than the packet before lasts {times(complete.timestamp_overlaps)}"
            f" ({pct:.1f} % of packets)",
            Side.SERVER,
            complete.newest_timestamp_faults,
        )
    if complete.left_out_places and complete.left_out_ms is not None:
        yield Finding(
            FindingKind.AUDIO_LEFT_OUT,
            _WARNING,
            f"{complete.left_out_ms:.0f} ms of sound seem to be missing"
            f" in {counted(complete.left_out_places, 'place')}: packets were left out,"
            " or the source paused (a bare stream does not tell)",
            Side.SERVER,
            complete.newest_left_out,
        )


def _stalls(analysis: Analysis) -> Iterator[Finding]:
    pacing = analysis.pacing
    if pacing is None or not pacing.stalls:
        return
    server, path = (pacing.stalls_by_side.get(side, 0) for side in (Side.SERVER, Side.PATH))
    blamed = tuple(stall for stall in pacing.newest_stalls if stall.side in (Side.SERVER, Side.PATH))
    where = [
        f"{server} by the server" if server and path else "by the server" if server else "",
        f"{path} by the server or the network" if server and path else "by the server or the network" if path else "",
    ]
    yield Finding(
        FindingKind.STALLS,
        _ERROR,
        f"{counted(pacing.stalls, 'stall')} of up to {pacing.longest_stall_ms or 0:.0f} ms"
        f" ({', '.join(filter(None, where))}){_after(blamed)}",
        Side.SERVER if server > path else Side.PATH,
        tuple(_stall_evidence(stall) for stall in blamed),
    )


def _stall_evidence(stall: Stall) -> Evidence:
    note = f"{stall.side.value}{', lasts' if stall.is_open else ''}"
    return Evidence(stall.at_s, stall.packet, length_ms=stall.length_ms, note=note)


def _after(stalls: tuple[Stall, ...]) -> str:
    if any(stall.is_open for stall in stalls):
        return "; the last one lasts"
    uncaught = sum(not stall.is_caught_up for stall in stalls)
    if not uncaught:
        return ", each followed by all that was missed"
    return f"; after {uncaught} of them nothing was caught up: the source paused, or sends nothing in silence (DTX)"


def _has_wrong_times(analysis: Analysis) -> bool:
    """By times that are wrong neither pace nor delay can be told."""
    return (analysis.completeness.timestamp_overlaps or 0) > 0.1 * analysis.completeness.packets


def _pace(analysis: Analysis) -> Iterator[Finding]:
    pacing = analysis.pacing
    if pacing is None or _has_wrong_times(analysis):
        return
    ppm, error_ppm = pacing.skew_ppm, pacing.skew_error_ppm
    is_ahead = pacing.rate is not None and pacing.rate > 1.2
    if ppm is None and is_ahead and pacing.rate is not None:
        text = f"sends {pacing.rate:.1f} times as fast as it is played: all at once rather than live"
        yield Finding(FindingKind.FAST, _WARNING, text, Side.SERVER)
    if ppm is not None and error_ppm is not None and abs(ppm) - SURE * error_ppm > CLOCK_PPM:
        is_paced = abs(ppm) >= PACED_PPM
        amount = f"{abs(ppm) / 1e4:.2f} %" if is_paced else f"{abs(ppm):.0f} ppm"
        word = "slowly" if ppm > 0 else "fast"
        why = "its pace is made by a timer, not by the sound" if is_paced else "its clock is off, or this machine's"
        yield Finding(
            FindingKind.SLOW if ppm > 0 else FindingKind.FAST,
            _ERROR if is_paced else _WARNING,
            f"sends {amount} too {word} (±{max(1.0, SURE * error_ppm):.0f} ppm, from {pacing.skew_span_s:.0f} s):"
            f" {why}",
            Side.SERVER,
        )
    hold_ms = burst_hold_ms(pacing)
    if (pacing.packets_per_burst or 1) >= 2 and hold_ms >= HOLD_MS and not is_ahead:
        yield Finding(
            FindingKind.BURSTS,
            _WARNING,
            f"sends {pacing.packets_per_burst:.0f} packets at a time every {pacing.burst_interval_ms or 0:.0f} ms: a"
            f" listener has to hold back {hold_ms:.0f} ms for it",
            Side.SERVER,
        )


def _sound(analysis: Analysis) -> Iterator[Finding]:
    sound = analysis.sound
    if sound is None or _is_stuck(analysis) or _is_silent(sound) or sound.measured_s - sound.silent_s < JUDGED_S:
        return
    if sound.clipped_pct >= CLIPPED_PCT:
        yield Finding(
            FindingKind.CLIPPED,
            _ERROR,
            f"clipped: {sound.clipped_pct:.2f} % of samples reach full scale, the peak is {sound.peak_dbfs:+.1f} dBFS",
            Side.SERVER,
            sound.newest_clipped,
        )
    worst = max(sound.dc_offset, key=abs)
    if abs(worst) >= DC_LEAST:
        text = f"an offset of {100 * worst:+.1f} % of full scale lies under the sound"
        yield Finding(FindingKind.DC_OFFSET, _WARNING, text, Side.SERVER)
    if sound.loudness_lufs is not None and sound.loudness_lufs < QUIET_LUFS:
        yield Finding(
            FindingKind.QUIET,
            _WARNING,
            f"too quiet: {sound.loudness_lufs:.1f} LUFS over {sound.measured_s:.0f} s (EBU R128 asks for -23)",
            Side.SERVER,
        )
    if sound.imbalance_db is not None and abs(sound.imbalance_db) >= ONE_SIDED_DB:
        quiet = "right" if sound.imbalance_db > 0 else "left"
        text = f"the {quiet} channel is {abs(sound.imbalance_db):.0f} dB quieter than the other"
        yield Finding(FindingKind.ONE_SIDED, _WARNING, text, Side.SERVER)
    if sound.is_mono_as_stereo and sound.stereo_difference_db is not None:
        text = f"coded as stereo, with the same in both channels (difference {sound.stereo_difference_db:.0f} dB)"
        yield Finding(FindingKind.MONO_AS_STEREO, _WARNING, text, Side.SERVER)
    yield from _band(sound)


def _band(sound: Sound) -> Iterator[Finding]:
    limit_hz, coded_hz = sound.band_limit_hz, sound.coded_band_hz
    if limit_hz is None or coded_hz is None or sound.measured_s - sound.silent_s < BAND_LEAST_S:
        return
    if limit_hz < HALF_BAND * coded_hz:
        yield Finding(
            FindingKind.BAND_LIMITED,
            _NOTE if coded_hz < 12_000 else _WARNING,
            f"nothing above {limit_hz / 1e3:.1f} kHz, where the packets could carry {coded_hz / 1e3:.0f} kHz:"
            " the source has less, or was recorded with less",
            Side.SERVER,
        )


def _late(analysis: Analysis) -> Iterator[Finding]:
    needs, pacing = analysis.needs, analysis.pacing
    if needs is None or pacing is None or pacing.stalls or _has_wrong_times(analysis):
        return
    if pacing.observer_stalled_ms > BUSY_PCT / 100 * pacing.listened_s * 1e3:
        return  # what was held up here is told apart packet by packet, but not what waited behind it
    late_pct = needs.late_pct_at(LATE_DEPTH_MS)
    if late_pct > LATE_PCT and burst_hold_ms(pacing) < LATE_DEPTH_MS:
        yield Finding(
            FindingKind.LATE_PACKETS,
            _WARNING,
            f"{late_pct:.1f} % of packets come too late for a buffer of {LATE_DEPTH_MS:.0f} ms; what limits it:"
            f" {needs.limited_by}",
            Side.PATH,
        )


def _observer(analysis: Analysis) -> Iterator[Finding]:
    pacing = analysis.pacing
    if pacing is not None and pacing.observer_stalled_ms >= OBSERVER_MS:
        yield Finding(
            FindingKind.OBSERVER_STALLED,
            _NOTE,
            f"this machine read nothing {times(pacing.observer_stalls)}, {pacing.observer_stalled_ms:.0f} ms in all;"
            " it is not counted against the server",
            Side.OBSERVER,
        )


_Rule = Callable[[Analysis], Iterator[Finding]]
_RULES: Final[tuple[_Rule, ...]] = (
    _connection,
    _messages,
    _endings,
    _stuck_and_silent,
    _promises,
    _completeness,
    _stalls,
    _pace,
    _sound,
    _late,
    _observer,
)
