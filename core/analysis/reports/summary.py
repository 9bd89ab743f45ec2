"""The figures of a report as labels and texts, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from core.analysis.diagnosis import SURE
from core.analysis.needs import counted, times
from core.analysis.results import Analysis, Blame, Completeness, Content, Needs, Pacing, Sound, Startup

Row = tuple[str, str]

UNKNOWN: Final = "-"


def needs_lines(needs: Needs | None) -> list[str]:
    """What a listener needs, in sentences; the first is the shortest answer there is."""
    if needs is None:
        return ["no packet came, so nothing can be said"]
    lines = [
        f"{_buffer(needs.buffer_ms_for_0_1_pct)} for 0.1 % late packets, {_buffer(needs.buffer_ms_for_1_pct)} for 1 %",
        f"what limits it: {needs.limited_by}",
    ]
    if needs.without_observer_ms != needs.buffer_ms_for_0_1_pct and needs.without_observer_ms is not None:
        lines.append(f"without what this machine read late itself: {_buffer(needs.without_observer_ms)}")
    return [*lines, *(_blame(blame) for blame in needs.blames)]


def _buffer(size_ms: float | None) -> str:
    if size_ms is None:
        return "more than 2000 ms of buffer"
    return "no buffer" if size_ms == 0 else f"a buffer of {size_ms:.0f} ms"


def _blame(blame: Blame) -> str:
    share = f" ({blame.late_pct:.0f} % of what a buffer of 60 ms would miss)" if blame.late_pct is not None else ""
    return f"{blame.side.value}: {blame.text}{share}"


def rows(analysis: Analysis) -> list[Row]:
    """What was measured, from connecting to closing; what could not be had says why, or is left out."""
    makers: tuple[tuple[object, Callable[[Any], Iterator[Row]]], ...] = (
        (analysis.startup, _startup),
        (analysis.content, _content),
        (analysis.pacing, _pacing),
        (analysis.completeness, _completeness),
        (analysis.sound, _sound),
    )
    found = [row for section, make in makers if section is not None for row in make(section)]
    trips, closing = analysis.round_trips, analysis.closing
    if trips is not None:
        text = f"median {trips.median_ms:.1f} ms, 95 % {trips.p95_ms:.1f} ms ({counted(trips.count, 'ping')})"
        found.append(("round trip", text))
    if analysis.connected_s > 0:
        code = "" if closing.code is None or closing.ending.value == "ended here" else f" (code {closing.code})"
        found.append(("end", f"{closing.ending.value}{code}{f': {closing.bye}' if closing.bye else ''}"))
    for section, name in ((analysis.sound, "sound"), (analysis.pacing, "pacing"), (analysis.content, "content")):
        if section is None and name in analysis.not_measurable and analysis.completeness.packets:
            found.append((name, f"not measured: {analysis.not_measurable[name]}"))
    return found


def _startup(startup: Startup) -> Iterator[Row]:
    parts = (
        ("connected after", startup.connect_ms),
        ("first packet after", startup.first_packet_ms),
        ("first sound after", startup.first_sound_ms),
    )
    told = [f"{words} {value:.0f} ms" for words, value in parts if value is not None]
    if told:
        yield "start", ", ".join(told)
    if startup.offered or startup.subprotocol:
        yield "subprotocol", startup.subprotocol or f"none of those offered ({', '.join(startup.offered)})"


def _content(content: Content) -> Iterator[Row]:
    yield (
        "packets are",
        f"{_shares(content.modes_pct)}, {_shares(content.bandwidths_pct)}, {_shares(content.packet_ms_pct)} ms,"
        f" {_shares(content.channels_pct)} ch{_flags(content)}",
    )
    if content.bitrate_kbps is not None:
        p95 = "" if content.bitrate_p95_kbps is None else f", 95 % of seconds below {content.bitrate_p95_kbps:.1f}"
        kind = {True: "constant", False: "variable", None: "mean"}[content.is_cbr]
        yield "bit rate", f"{content.bitrate_kbps:.1f} kbit/s {kind}{p95}"
    declared = content.declared
    if declared is not None:
        rate = "" if declared.bitrate is None else f", {declared.bitrate / 1e3:g} kbit/s"
        yield (
            "declared",
            f"{declared.sample_rate / 1e3:g} kHz, {declared.frame_ms:g} ms, {declared.channels} ch{rate},"
            f" {declared.application}",
        )
    if content.changes:
        newest = content.newest_changes[-1]
        yield (
            "changed",
            f"{times(content.changes)}, last at {newest.at_s:.1f} s: {newest.what} {newest.before} to {newest.after}",
        )


def _flags(content: Content) -> str:
    flags = (("FEC", content.fec_pct), ("DTX", content.dtx_pct))
    return "".join(f", {name} in {share:.0f} %" for name, share in flags if share > 0)


def _shares(shares: Mapping[Any, float]) -> str:
    """One value alone, or several with their shares."""
    names = {key: f"{key:g}" if isinstance(key, float) else str(key) for key in shares}
    if len(shares) == 1:
        return next(iter(names.values()))
    return " / ".join(f"{names[key]} ({share:.0f} %)" for key, share in shares.items()) or UNKNOWN


def _pacing(pacing: Pacing) -> Iterator[Row]:
    if pacing.packets_per_burst is not None and pacing.burst_interval_ms is not None:
        burst = pacing.packets_per_burst
        alone = burst < 2
        every = pacing.departure_interval_ms if alone else pacing.burst_interval_ms
        what = "one packet" if alone else f"{burst:.0f} packets"
        ahead = f", {pacing.lead_ms:.0f} ms ahead" if pacing.lead_ms is not None and pacing.lead_ms >= 1 else ""
        yield "pacing", f"{what} every {UNKNOWN if every is None else f'{every:.2f}'} ms{ahead}"
    if pacing.skew_ppm is not None and pacing.skew_error_ppm is not None:
        error_ppm = max(1.0, SURE * pacing.skew_error_ppm)
        figure = f"{pacing.skew_ppm:+.0f} ±{error_ppm:.0f} ppm"
        words = "too slow" if pacing.skew_ppm > 0 else "too fast"
        yield "clock skew", f"none to be told ({figure})" if abs(pacing.skew_ppm) <= error_ppm else f"{figure}: {words}"
    else:
        yield "clock skew", f"not measurable: {pacing.not_measurable.get('skew_ppm', UNKNOWN)}"
    late = pacing.relative_delay_ms
    if late is not None:
        worst = "2000 or more" if late.maximum >= 2000 else f"{late.maximum:.0f}"
        jitter = "" if pacing.jitter_ms is None else f"; jitter {pacing.jitter_ms:.2f} ms (RFC 3550)"
        yield "lateness", f"p50 {late.p50:.0f}, p95 {late.p95:.0f}, p99 {late.p99:.0f}, most {worst} ms{jitter}"
    longest = "" if pacing.longest_stall_ms is None else f", longest {pacing.longest_stall_ms:.0f} ms"
    idle = f"; idle as declared {pacing.idle_s:.1f} s" if pacing.idle_s else ""
    yield "stalls", f"{pacing.stalls or 'none'}{longest}{idle}"


def _completeness(complete: Completeness) -> Iterator[Row]:
    told = [counted(complete.packets, "packet")]
    if complete.missing is not None and complete.missing_pct is not None:
        told.append(f"{complete.missing} missing ({complete.missing_pct:.2f} %)")
    elif complete.packets:
        told.append("missing ones not measurable (bare packets have no numbers)")
    told += [
        f"{count} {words}"
        for count, words in (
            (complete.duplicates, "twice"),
            (complete.reordered, "out of order"),
            (complete.malformed, "unreadable"),
        )
        if count
    ]
    yield "came", ", ".join(told)
    if complete.left_out_ms:
        yield "left out", f"{complete.left_out_ms:.0f} ms, as it seems, in {complete.left_out_places} places"


def _sound(sound: Sound) -> Iterator[Row]:
    if sound.loudness_lufs is not None:
        spread = "" if sound.loudness_range_lu is None else f", range {sound.loudness_range_lu:.1f} LU"
        yield "loudness", f"{sound.loudness_lufs:.1f} LUFS over {sound.measured_s:.0f} s{spread}"
    else:
        yield "loudness", f"not measurable: {sound.not_measurable.get('loudness_lufs', UNKNOWN)}"
    peak = UNKNOWN if sound.true_peak_dbtp is None else f"{sound.true_peak_dbtp:.1f} dBTP"
    yield "true peak", f"{peak}, clipped {sound.clipped_pct:.3f} % of samples"
    yield "silence", f"{sound.silent_s:.1f} s in all, {sound.longest_silence_s:.1f} s at a time"
    if sound.band_limit_hz is not None and sound.coded_band_hz is not None:
        yield "band", f"sound up to {sound.band_limit_hz / 1e3:.1f} kHz, coded for {sound.coded_band_hz / 1e3:.0f} kHz"
    if sound.undecodable:
        yield "undecodable", counted(sound.undecodable, "packet")
