"""The probe's report: one JSON object, and the same for people."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from core.monitor import monitor as metric
from core.monitor.monitor import Monitor
from core.receiver.impairment.text import impairment_text
from core.receiver.session import ListeningSession
from core.receiver.status import SessionSnapshot


def report(snapshot: SessionSnapshot, monitor: Monitor, duration_s: float) -> dict[str, Any]:
    """The object that ``--json`` writes; ``None`` for what cannot be known. Durations in ms unless named otherwise."""
    stream = snapshot.stream
    depth = monitor.distributions[metric.BUFFER_DEPTH_MS]
    playout = monitor.distributions[metric.PLAYOUT_DELAY_MS]
    loop_lag = monitor.distributions[metric.LOOP_LAG_MS]
    latency = snapshot.latency
    return {
        "url": snapshot.connection.url,
        "connected": has_connected(snapshot),
        "state": snapshot.connection.state.value,
        "reason": snapshot.connection.reason or snapshot.connection.doubt,
        "dialect": snapshot.connection.dialect.split(" ")[0] if snapshot.connection.dialect else None,
        "duration_s": round(duration_s, 3),
        "impairment": impairment_text(snapshot.impairment) if snapshot.impairment.is_active else None,
        "stream": None
        if stream is None
        else {
            # What an encoder is told: the packet's duration. CELT codes 40 and 60 ms as frames of 20 inside it.
            "frame_ms": stream.packet_ms,
            "codec_frame_ms": stream.frame_ms,
            "mode": stream.mode,
            "bandwidth": stream.bandwidth,
            "channels": stream.channels,
            "bitrate_kbps": round(stream.bitrate_kbps, 2),
            "fec": stream.fec,
            "dtx": stream.dtx,
            "declared_frame_ms": stream.declared_frame_ms,
            "declared_channels": stream.declared_channels,
            "declared_sample_rate": stream.declared_sample_rate,
        },
        "packets_received": snapshot.packets_received,
        "bytes_received": snapshot.bytes_received,
        "packets_lost": snapshot.packets_lost,
        "packets_malformed": snapshot.packets_malformed,
        "packets_discarded": snapshot.packets_discarded,
        "total_samples_received": snapshot.total_samples_received,
        "concealed_samples": snapshot.concealed_samples,
        "silent_concealed_samples": snapshot.silent_concealed_samples,
        "concealment_events": snapshot.concealment_events,
        "skipped_samples": snapshot.skipped_samples,
        "inserted_samples_for_deceleration": snapshot.inserted_samples_for_deceleration,
        "removed_samples_for_acceleration": snapshot.removed_samples_for_acceleration,
        "recovered_samples": snapshot.recovered_samples,
        "stretched_pct": _share(
            snapshot.inserted_samples_for_deceleration + snapshot.removed_samples_for_acceleration, snapshot
        ),
        "skipped_pct": _share(snapshot.skipped_samples, snapshot),
        "underruns": {
            "episodes": snapshot.underruns.episodes,
            "starved_ms": _rounded(snapshot.underruns.starved_ms),
            # Each episode that ended: seconds before the report, its length and its cause.
            "causes": [
                {
                    "ago_s": round((time.monotonic_ns() - episode.began_ns) / 1e9, 2),
                    "starved_ms": _rounded(episode.starved_ms),
                    "cause": episode.cause.value,
                }
                for episode in snapshot.episodes
            ],
        },
        "target_delay_ms": snapshot.target_delay_ms,
        "clock_skew_ppm": _rounded(snapshot.clock_skew_ppm, 1),
        "buffer_depth_ms": {
            "mean": _rounded(depth.mean),
            "min": _rounded(depth.minimum),
            "max": _rounded(depth.maximum),
        },
        "playout_delay_ms": {f"p{percent}": _rounded(playout.percentile(percent)) for percent in (50, 95, 99)},
        "jitter_ms": _rounded(snapshot.jitter_ms),
        "round_trip_time_ms": _rounded(snapshot.round_trip_time_ms, 3),
        "device_latency_ms": _rounded(snapshot.output.latency_ms) if snapshot.output else None,
        "device_xruns": snapshot.output.xruns if snapshot.output else None,
        "output": snapshot.output.name if snapshot.output else None,
        "output_problem": snapshot.output.problem if snapshot.output else None,
        "reconnects": snapshot.connection.reconnects,
        "loop_lag_ms": {f"p{percent}": _rounded(loop_lag.percentile(percent)) for percent in (50, 99)},
        "latency_ms": {
            "frame": latency.frame,
            "codec": latency.codec,
            "network": _rounded(latency.network),
            "buffer": _rounded(latency.buffer),
            "device": _rounded(latency.device),
            "total": _rounded(latency.total),
            "kind": latency.kind,
        },
    }


def has_connected(snapshot: SessionSnapshot) -> bool:
    """Whether a WebSocket was ever open: only then is a dialect known."""
    return snapshot.connection.dialect is not None


def has_played(snapshot: SessionSnapshot) -> bool:
    """Whether anything but concealment came out."""
    return snapshot.total_samples_received > snapshot.concealed_samples


def what_failed(session: ListeningSession) -> str:
    """Why nothing was heard, in one line."""
    snapshot = session.snapshot()
    if not has_connected(snapshot):
        return snapshot.connection.reason or f"no connection to {snapshot.connection.url} in this time"
    if snapshot.connection.doubt is not None:
        return f"{snapshot.connection.url}: {snapshot.connection.doubt}"
    if snapshot.packets_malformed:
        return f"{snapshot.connection.url} sends no Opus packets ({snapshot.packets_malformed} messages unreadable)"
    if snapshot.text_messages_ignored:
        return f"{snapshot.connection.url} sends text and no audio; is this the address of an audio stream?"
    return snapshot.connection.reason or f"{snapshot.connection.url} sent no audio in this time"


def lines(values: dict[str, Any]) -> list[tuple[str, str]]:
    """The report for people, label and text."""
    stream, latency = values["stream"], values["latency_ms"]
    depth, playout, underruns = values["buffer_depth_ms"], values["playout_delay_ms"], values["underruns"]
    total = values["total_samples_received"]
    concealed_pct = 100 * values["concealed_samples"] / total if total else 0.0
    return [
        ("address", values["url"]),
        ("state", values["state"] + (f": {values['reason']}" if values["reason"] else "")),
        ("listened", f"{values['duration_s']:.1f} s, {values['reconnects']} reconnects"),
        ("dialect", values["dialect"] or "-"),
        *([("network lab", values["impairment"])] if values["impairment"] else []),
        (
            "stream",
            "-"
            if stream is None
            else f"{stream['mode']} {stream['bandwidth']}, {stream['channels']} ch, {stream['frame_ms']:g} ms frames,"
            f" {stream['bitrate_kbps']:.1f} kbit/s",
        ),
        (
            "packets",
            f"{values['packets_received']} received, {values['packets_lost']} missing,"
            f" {values['packets_malformed']} malformed",
        ),
        (
            "underruns",
            f"{_count(underruns['episodes'], 'episode')}, {underruns['starved_ms']:.0f} ms starved"
            f"{_causes(underruns['causes'])}",
        ),
        (
            "changed",
            f"{values['stretched_pct']:.2f} % stretched, {values['skipped_pct']:.2f} % left out,"
            f" {values['packets_discarded']} packets discarded",
        ),
        ("concealed", f"{concealed_pct:.3f} % in {values['concealment_events']} events"),
        (
            "buffer depth",
            f"mean {_text(depth['mean'])}, min {_text(depth['min'])}, max {_text(depth['max'])} ms"
            f" (target {values['target_delay_ms']:g} ms)",
        ),
        ("playout delay", f"p50 {_text(playout['p50'])}, p95 {_text(playout['p95'])}, p99 {_text(playout['p99'])} ms"),
        ("jitter", f"{_text(values['jitter_ms'])} ms"),
        ("clock skew", "-" if values["clock_skew_ppm"] is None else f"{values['clock_skew_ppm']:.0f} ppm"),
        ("round trip", f"{_text(values['round_trip_time_ms'])} ms"),
        ("output", _output_text(values)),
        (
            "latency",
            f"{_text(latency['total'])} ms {latency['kind']}: frame {_text(latency['frame'])}, codec"
            f" {_text(latency['codec'])}, network {_text(latency['network'])}, buffer {_text(latency['buffer'])},"
            f" device {_text(latency['device'])}",
        ),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _causes(episodes: list[dict[str, Any]]) -> str:
    """How many episodes had which cause, the most frequent first."""
    counts = Counter(episode["cause"] for episode in episodes)
    return f" ({', '.join(f'{number} x {cause}' for cause, number in counts.most_common())})" if counts else ""


def _share(samples: int, snapshot: SessionSnapshot) -> float:
    return round(100 * samples / max(snapshot.total_samples_received, 1), 4)


def _output_text(values: dict[str, Any]) -> str:
    if values["output"] is None:
        return "-"
    problem = f": {values['output_problem']}" if values["output_problem"] else ""
    return f"{values['output']}{problem}, {_text(values['device_latency_ms'])} ms, {values['device_xruns']} xruns"


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
