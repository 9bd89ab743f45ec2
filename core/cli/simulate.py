"""`opuscope simulate FILE`: the jitter buffer in virtual time."""

from __future__ import annotations

import argparse
import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.audio.sources.pcm import SourceError
from core.cli.common import EXIT_FAILED, EXIT_FINE, CommandError, number_option
from core.cli.demo_speech import speech_packets
from core.cli.playout_options import BufferOption, add_playout_options, settings_with_buffer
from core.cli.replay_options import add_ssrc_option, capture_of
from core.cli.simulated_capture import steps_of
from core.opus.decoder import Pcm
from core.opus.encoder import EncoderSettingsError
from core.opus.library import OpusLibraryError
from core.opus.packet import SAMPLE_RATE_HZ
from core.playout.settings import PlayoutSettings
from core.playout.simulation import SimulationResult, simulate, simulate_steps
from core.playout.trace import TraceError, read_trace
from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import is_capture

CAPTURE_ENDINGS: Final = (".pcapng", ".pcap", ".cap", ".rtpdump", ".rtp")
"""What is named so and is no capture is told so, and not that it is no JSON."""


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "simulate",
        help="play a capture or an arrival trace in virtual time and report",
        description=(
            "Play what was captured, or speech that arrives as a trace says, through the jitter buffer in virtual time:"
            " what would have been heard with other settings. FILE is a capture (pcapng, pcap, rtpdump) or JSON"
            " with frame_ms and delays_ms: packet i leaves at i * frame_ms and arrives delays_ms[i] later. Several"
            " --buffer give one table."
        ),
        epilog=(
            "examples:\n"
            "  opuscope simulate trace.json\n"
            "  opuscope simulate trace.json --mode live --bias 60 --json - | jq .playout_delay_ms\n"
            "  opuscope simulate trace.json --buffer fixed:100 --window 10:59.5 --wav heard.wav\n"
            "  opuscope simulate monday.pcapng --buffer fixed:40 --buffer fixed:60 --buffer adaptive\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="a capture, or an arrival trace in JSON")
    add_ssrc_option(parser)
    add_playout_options(parser, several_buffers=True)
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
    buffers: list[BufferOption | None] = options.buffer or [None]
    settings = [settings_with_buffer(options, buffer) for buffer in buffers]
    if options.wav is not None and len(settings) > 1:
        raise CommandError("--wav holds what one listener would have heard; give --buffer once")
    heard: list[Pcm] = []
    on_audio = None if options.wav is None else lambda pcm: heard.append(pcm.copy())
    try:
        play = _player(options)
        results = [play(each, on_audio) for each in settings]
    except (TraceError, EncoderSettingsError, OpusLibraryError, SourceError, CaptureError) as error:
        raise CommandError(str(error)) from error
    except ValueError as error:
        print(f"opuscope: {options.file}: {error}", file=sys.stderr)
        return EXIT_FAILED
    if options.wav is not None:
        _write_wav(options.wav, heard)
    values = [report(result, with_timeline=options.timeline) for result in results]
    named = [{"buffer": buffer_text(each), **value} for each, value in zip(settings, values, strict=True)]
    if options.json is not None:
        text = json.dumps(values[0] if len(values) == 1 else named)
        if options.json == "-":
            print(text)
        else:
            _write_text(Path(options.json), text + "\n")
    elif len(values) == 1:
        _print_one(values[0], with_timeline=options.timeline)
    else:
        print("\n".join(table(named)))
    return EXIT_FINE


Play = Callable[[PlayoutSettings, Callable[[Pcm], None] | None], SimulationResult]


def _player(options: argparse.Namespace) -> Play:
    """What plays the file with some settings.

    Raises:
        CommandError, TraceError, EncoderSettingsError, SourceError: it cannot be played.
    """
    if not is_capture(options.file) and options.file.suffix not in CAPTURE_ENDINGS:
        trace = read_trace(options.file)
        frame_ms = trace.frame_ms if options.frame_ms is None else options.frame_ms
        packets = speech_packets(frame_ms)
        return lambda settings, on_audio: simulate(trace, packets, frame_ms, settings, options.window, on_audio)
    if options.frame_ms is not None:
        raise CommandError("the packets of a capture are as long as they are; --frame-ms goes with a trace only")
    steps = steps_of(capture_of(options.file, options.ssrc).observations)
    return lambda settings, on_audio: simulate_steps(steps, settings, options.window, on_audio)


def buffer_text(settings: PlayoutSettings) -> str:
    """As ``--buffer`` takes it."""
    return "adaptive" if settings.is_adaptive else f"fixed:{settings.target_delay_ms:g}"


COLUMNS: Final = (
    ("buffer", "buffer"),
    ("delay ms", "playout_delay_ms"),
    ("p95 ms", "playout_delay_p95_ms"),
    ("target ms", "target_delay_ms"),
    ("underruns", "underruns"),
    ("concealed %", "concealed_pct"),
    ("stretched %", "stretched_pct"),
    ("skipped %", "skipped_pct"),
)
"""Headings, and which value stands below."""


def table(rows: list[dict[str, Any]]) -> list[str]:
    """One line for each setting, below the headings."""
    texts = [
        [heading for heading, _ in COLUMNS],
        *([f"{row[key]:.2f}" if isinstance(row[key], float) else str(row[key]) for _, key in COLUMNS] for row in rows),
    ]
    widths = [max(len(line[number]) for line in texts) for number in range(len(COLUMNS))]
    return ["  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in texts]


def _print_one(values: dict[str, Any], *, with_timeline: bool) -> None:
    for name, value in values.items():
        if name != "timeline":
            print(f"{name:22} {value}")
    if with_timeline:
        for point in values["timeline"]:
            print("  ".join(f"{value:9.3f}" for value in point))


def report(result: SimulationResult, *, with_timeline: bool) -> dict[str, Any]:
    """The object that ``--json`` writes; delays in ms, shares in per cent of the output."""
    values: dict[str, Any] = {
        "playout_delay_ms": round(result.playout_delay_ms, 3),
        "playout_delay_p95_ms": round(result.playout_delay_p95_ms, 3),
        "target_delay_ms": round(result.target_delay_ms, 3),
        "concealed_pct": round(result.concealed_pct, 4),
        "concealment_events": result.concealment_events,
        "underruns": len(result.episodes),
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
