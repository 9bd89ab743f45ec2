"""`opuscope replay FILE`: play a capture again, in the window or without."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from core.cli.common import EXIT_FAILED, EXIT_FINE, EXIT_USAGE, check_writable, duration_s, why_no_display
from core.cli.listening import Progress, listen
from core.cli.listening_options import add_listening_options, listen_options
from core.cli.replay_options import add_ssrc_option, capture_of
from core.cli.report import has_played, lines, report, what_failed
from core.cli.window import open_listening_window
from core.monitor.monitor import Monitor
from core.receiver.options import DEFAULT_OUTPUT, NULL_OUTPUT, ListenOptions
from core.receiver.replay import Replay, replay_options
from core.receiver.session import ListeningSession
from core.recording.capture_reader import Capture


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "replay",
        help="play a capture again, in the window or without",
        description=(
            "Play what 'opuscope capture' wrote, or Opus in RTP that another program captured (pcapng, pcap, rtpdump),"
            " with the arrival times it had, through the same buffer as live audio. Captures of WebSocket over TCP"
            " cannot be read. Exit status with --headless as of 'opuscope probe'."
        ),
        epilog=(
            "examples:\n"
            "  opuscope replay monday.pcapng\n"
            "  opuscope replay monday.pcapng --headless --buffer fixed:60 --json - | jq .underruns\n"
            "  opuscope replay call.pcap --ssrc 0x1234abcd\n"
            "faster than real time, several settings side by side: opuscope simulate monday.pcapng\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="pcapng, pcap or rtpdump file")
    parser.add_argument("--headless", action="store_true", help="without a window: play to the null output and report")
    parser.add_argument("--duration", type=duration_s, metavar="S", help="with --headless: seconds to play (all)")
    parser.add_argument("--json", metavar="FILE", help="with --headless: one JSON object to FILE, or to stdout with -")
    add_ssrc_option(parser)
    add_listening_options(parser, default_output=f"{DEFAULT_OUTPUT}, with --headless {NULL_OUTPUT}")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play; gives the exit status."""
    if options.headless:
        return _report(options)
    problem = why_no_display()
    if problem is not None:
        print(f"opuscope: {problem}; without a window: opuscope replay {options.file} --headless", file=sys.stderr)
        return EXIT_USAGE
    capture = capture_of(options.file, options.ssrc)
    return open_listening_window(options, None, replay=Replay(capture))


def _report(options: argparse.Namespace) -> int:
    if options.json not in (None, "-"):
        check_writable(Path(options.json))
    capture = capture_of(options.file, options.ssrc)
    session, monitor, seconds = listen(_wishes(options, capture), options.duration, _progress(capture))
    snapshot = session.snapshot()
    values = report(snapshot, monitor, seconds)
    if options.json is None:
        for label, text in lines(values):
            print(f"{label:14} {text}")
    elif options.json == "-":
        print(json.dumps(values, indent=2))
    else:
        Path(options.json).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    if has_played(snapshot) and snapshot.connection.doubt is None:
        return EXIT_FINE
    print(f"opuscope: {what_failed(session)}", file=sys.stderr)
    return EXIT_FAILED


def _wishes(options: argparse.Namespace, capture: Capture) -> ListenOptions:
    given = listen_options(options, "ws://replay.invalid/", NULL_OUTPUT, is_output_required=True)
    return replay_options(given, Replay(capture))


def _progress(capture: Capture) -> Progress:
    """A line that replaces itself, where somebody watches a terminal."""

    def show(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        snapshot = session.snapshot()
        line = (
            f"{seconds:5.1f} of {capture.duration_s:.1f} s  {snapshot.packets_received} packets"
            f"  {snapshot.underruns.episodes} underruns"
        )
        print(f"\r{line:70}", end="", file=sys.stderr, flush=True)

    def nothing(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        pass

    return show if sys.stderr.isatty() else nothing
