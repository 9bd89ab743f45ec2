"""`opuscope simulate TRACE`: the jitter buffer in virtual time."""

from __future__ import annotations

import argparse
import json
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np

from core.audio.sources.pcm import SourceError
from core.cli.common import EXIT_FAILED, EXIT_FINE, CommandError, number_option
from core.cli.demo_speech import speech_packets
from core.cli.playout_options import add_playout_options, playout_settings
from core.opus.decoder import Pcm
from core.opus.encoder import EncoderSettingsError
from core.opus.library import OpusLibraryError
from core.opus.packet import SAMPLE_RATE_HZ
from core.playout.simulation import SimulationResult, simulate
from core.playout.trace import TraceError, read_trace


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "simulate",
        help="play an arrival trace in virtual time and report",
        description=(
            "Play real speech, coded as Opus, through the jitter buffer in virtual time. TRACE is a JSON object with"
            " frame_ms and delays_ms: packet i leaves at i * frame_ms and arrives delays_ms[i] later."
        ),
        epilog=(
            "examples:\n"
            "  opuscope simulate trace.json\n"
            "  opuscope simulate trace.json --mode live --bias 60 --json - | jq .playout_delay_ms\n"
            "  opuscope simulate trace.json --buffer fixed:100 --window 10:59.5 --wav heard.wav\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trace", metavar="TRACE.json", type=Path, help="an arrival trace")
    add_playout_options(parser)
    parser.add_argument(
        "--window", type=_window, metavar="FROM:TO", help="take figures between these seconds (the whole trace)"
    )
    parser.add_argument("--frame-ms", type=number_option, metavar="MS", help="duration of a packet (that of the trace)")
    parser.add_argument("--wav", type=Path, metavar="OUT.wav", help="write what a listener would have heard")
    parser.add_argument("--timeline", action="store_true", help="add [t, playout delay, target, depth] each 100 ms")
    parser.add_argument("--json", metavar="FILE", help="write one JSON object to FILE, or to standard output with -")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Simulate and report; exit status 1 if nothing was played in the window."""
    settings = playout_settings(options)
    heard: list[Pcm] = []
    on_audio = None if options.wav is None else lambda pcm: heard.append(pcm.copy())
    try:
        trace = read_trace(options.trace)
        frame_ms = trace.frame_ms if options.frame_ms is None else options.frame_ms
        result = simulate(trace, speech_packets(frame_ms), frame_ms, settings, options.window, on_audio)
    except (TraceError, EncoderSettingsError, OpusLibraryError, SourceError) as error:
        raise CommandError(str(error)) from error
    except ValueError as error:
        print(f"opuscope: {options.trace}: {error}", file=sys.stderr)
        return EXIT_FAILED
    if options.wav is not None:
        _write_wav(options.wav, heard)
    values = report(result, with_timeline=options.timeline)
    if options.json is None:
        for name, value in values.items():
            if name != "timeline":
                print(f"{name:22} {value}")
        if options.timeline:
            for point in values["timeline"]:
                print("  ".join(f"{value:9.3f}" for value in point))
    elif options.json == "-":
        print(json.dumps(values))
    else:
        _write_text(Path(options.json), json.dumps(values) + "\n")
    return EXIT_FINE


def report(result: SimulationResult, *, with_timeline: bool) -> dict[str, Any]:
    """The object that ``--json`` writes; delays in ms, shares in per cent of the output."""
    values: dict[str, Any] = {
        "playout_delay_ms": round(result.playout_delay_ms, 3),
        "playout_delay_p95_ms": round(result.playout_delay_p95_ms, 3),
        "target_delay_ms": round(result.target_delay_ms, 3),
        "concealed_pct": round(result.concealed_pct, 4),
        "concealment_events": result.concealment_events,
        "stretched_pct": round(result.stretched_pct, 4),
        "skipped_pct": round(result.skipped_pct, 4),
        "clock_skew_ppm": None if result.clock_skew_ppm is None else round(result.clock_skew_ppm, 1),
    }
    if with_timeline:
        values["timeline"] = [
            [round(point.at_s, 3), round(point.playout_delay_ms, 2), point.target_delay_ms, round(point.depth_ms, 2)]
            for point in result.timeline
        ]
    return values


def _window(text: str) -> tuple[float, float]:
    begin, _, end = text.partition(":")
    try:
        window = float(begin), float(end)
    except ValueError:
        window = (0.0, 0.0)
    if not 0 <= window[0] < window[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is no window; expected FROM:TO in seconds, for instance 10:59.5")
    return window


def _write_wav(path: Path, heard: list[Pcm]) -> None:
    pcm = (np.clip(np.concatenate(heard), -1.0, 1.0) * 32_767).astype("<i2")
    try:
        with wave.open(str(path), "wb") as wav:
            wav.setnchannels(pcm.shape[1])
            wav.setsampwidth(2)
            wav.setframerate(SAMPLE_RATE_HZ)
            wav.writeframes(pcm.tobytes())
    except OSError as error:
        raise CommandError(f"the sound cannot be written to {path} ({error.strerror}); name another file") from error


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"the report cannot be written to {path} ({error.strerror}); name another file") from error
