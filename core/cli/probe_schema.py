"""The schema of what `opuscope probe --json` writes: the report's, and beside it what our own playout met.

``python -m core.cli.probe_schema`` prints it as it is kept in `resources/reports/report.schema.json`; a test holds the
two together.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from core.analysis.reports.schema import schema


def _of(kind: str, words: str, *, may_lack: bool = False) -> dict[str, Any]:
    return {"type": [kind, "null"] if may_lack else kind, "description": words}


def _count(words: str, *, may_lack: bool = False) -> dict[str, Any]:
    return _of("integer", words, may_lack=may_lack)


def _number(words: str, *, may_lack: bool = True) -> dict[str, Any]:
    return _of("number", words, may_lack=may_lack)


def _text(words: str, *, may_lack: bool = True) -> dict[str, Any]:
    return _of("string", words, may_lack=may_lack)


def _group(words: str, parts: dict[str, dict[str, Any]], *, may_lack: bool = False) -> dict[str, Any]:
    return {**_of("object", words, may_lack=may_lack), "properties": parts, "required": list(parts)}


def _percentiles(words: str, *percents: int) -> dict[str, Any]:
    return _group(words, {f"p{percent}": _number(f"{percent} % are at most this") for percent in percents})


_EPISODE: Final = _group(
    "An episode that ended.",
    {
        "ago_s": _number("Seconds before the report.", may_lack=False),
        "starved_ms": _number("Its length.", may_lack=False),
        "cause": _text("What it came from.", may_lack=False),
    },
)

PLAYOUT: Final[dict[str, dict[str, Any]]] = {
    "connected": _of("boolean", "Whether there ever was a connection."),
    "state": _text("Of the session at its end.", may_lack=False),
    "reason": _text("Why it is in that state."),
    "dialect": _text("How packets were read: bare, rtp ..."),
    "duration_s": _number("Seconds listened.", may_lack=False),
    "impairment": _text("What the network lab did; the analysis is of what came before it."),
    "stream": _group(
        "The stream at its end, by its packets, and what was declared.",
        {
            "frame_ms": _number("Duration of a packet.", may_lack=False),
            "codec_frame_ms": _number("Duration of a frame of the codec.", may_lack=False),
            "mode": _text("SILK, Hybrid or CELT.", may_lack=False),
            "bandwidth": _text("NB to FB.", may_lack=False),
            "channels": _count("1 or 2."),
            "bitrate_kbps": _number("Lately.", may_lack=False),
            "fec": _of("boolean", "Whether packets carry redundancy.", may_lack=True),
            "dtx": _of("boolean", "Whether packets are left out in silence.", may_lack=True),
            "declared_frame_ms": _number("As the server said."),
            "declared_channels": _count("As the server said.", may_lack=True),
            "declared_sample_rate": _count("As the server said.", may_lack=True),
        },
        may_lack=True,
    ),
    "packets_received": _count("By our playout."),
    "bytes_received": _count("By our playout."),
    "packets_lost": _count("Missing by their numbers."),
    "packets_malformed": _count("Messages that cannot be read."),
    "packets_discarded": _count("Came, and were not played."),
    "total_samples_received": _count("As in webrtc-stats; 48 kHz."),
    "concealed_samples": _count("As in webrtc-stats."),
    "silent_concealed_samples": _count("As in webrtc-stats."),
    "concealment_events": _count("As in webrtc-stats."),
    "skipped_samples": _count("Left out to keep the delay."),
    "inserted_samples_for_deceleration": _count("As in webrtc-stats."),
    "removed_samples_for_acceleration": _count("As in webrtc-stats."),
    "recovered_samples": _count("From in-band redundancy."),
    "stretched_pct": _number("Inserted and removed, of all samples.", may_lack=False),
    "skipped_pct": _number("Left out, of all samples.", may_lack=False),
    "underruns": _group(
        "How often our own playout ran dry.",
        {
            "episodes": _count("From the first missing sample until playout went on."),
            "starved_ms": _number("All of them together.", may_lack=False),
            "causes": {"type": "array", "items": _EPISODE},
        },
    ),
    "target_delay_ms": _number("Of the buffer, at the end."),
    "clock_skew_ppm": _number("As our playout follows it; the analysis has the exact one."),
    "buffer_depth_ms": _group("Of our buffer.", {name: _number(name) for name in ("mean", "min", "max")}),
    "playout_delay_ms": _percentiles("Later than at the quickest possible.", 50, 95, 99),
    "jitter_ms": _number("RFC 3550."),
    "round_trip_time_ms": _number("Of the last ping."),
    "device_latency_ms": _number("Of the output."),
    "device_xruns": _count("Of the output.", may_lack=True),
    "output": _text("Where it was played."),
    "output_problem": _text("What is wrong with that."),
    "reconnects": _count("How often it connected again."),
    "source": _text("playing, idle or ended, as the server said last."),
    "unfulfilled": {"type": "array", "items": {"type": "string"}, "description": "What was wished for and is not so."},
    "loop_lag_ms": _percentiles("How late this machine's event loop ran.", 50, 99),
    "latency_ms": _group(
        "From the server's source to the ear.",
        {
            **{name: _number(name) for name in ("frame", "codec", "network", "buffer", "device", "total")},
            "kind": _text("measured or estimated", may_lack=False),
        },
    ),
}
"""Of live streams; a capture is not played, so its report lacks these."""


def probe_schema() -> dict[str, Any]:
    """The whole of it."""
    whole = schema()
    return {**whole, "properties": {**whole["properties"], **PLAYOUT}}


def schema_text() -> str:
    """As it is kept."""
    return json.dumps(probe_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
