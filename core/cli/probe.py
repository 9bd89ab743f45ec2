"""`opuscope probe URL`: listen without a window and report."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from core.cli.common import (
    EXIT_FAILED,
    EXIT_FINE,
    check_writable,
    duration_s,
)
from core.cli.listening import listen
from core.cli.listening_options import add_connection_options, add_listening_options, listen_options
from core.cli.report import has_played, lines, report, what_failed
from core.monitor.monitor import Monitor
from core.receiver.options import NULL_OUTPUT
from core.receiver.session import ListeningSession


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "probe",
        help="listen without a window and report",
        description="Listen to a stream without a window and report. Exit status 0 when it connected and played.",
        epilog=(
            "examples:\n"
            "  opuscope probe ws://127.0.0.1:8765/ws-audio --duration 10\n"
            "  opuscope probe wss://example.org/stream --duration 60 --json - | jq .underruns\n"
            "  opuscope probe ws://127.0.0.1:8765/ws-audio --preset lowest-delay\n"
            "  opuscope probe ws://127.0.0.1:8765/ws-audio --buffer fixed:40 --frame-ms 10 --output default\n"
            "  opuscope probe ws://127.0.0.1:8765/ws-audio --impair delay=50,jitter=normal:20,stall=8s:200ms,seed=7\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help="ws:// or wss:// address")
    parser.add_argument("--duration", type=duration_s, default=10.0, metavar="S", help="seconds to listen (10)")
    add_listening_options(parser, default_output=NULL_OUTPUT)
    add_connection_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write one JSON object to FILE, or to standard output with -")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Listen, print the report, and say by the exit status whether it connected and played."""
    if options.json not in (None, "-"):
        check_writable(Path(options.json))
    wishes = listen_options(options, options.url, NULL_OUTPUT, is_output_required=True, gives_up_early=True)
    session, monitor, seconds = listen(wishes, options.duration, _progress(options))
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


def _progress(options: argparse.Namespace) -> Any:
    """A line that replaces itself, where somebody watches a terminal."""

    def show(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        snapshot = session.snapshot()
        line = (
            f"{seconds:5.1f} s  {snapshot.connection.state.value}  {snapshot.packets_received} packets"
            f"  {snapshot.underruns.episodes} underruns"
        )
        print(f"\r{line:70}", end="\n" if seconds >= options.duration else "", file=sys.stderr, flush=True)

    def nothing(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        pass

    return show if sys.stderr.isatty() else nothing
