"""`opuscope record URL FILE...`: keep what is received, or what is played."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from core.cli.common import EXIT_FAILED, EXIT_FINE, CommandError, check_writable, duration_s
from core.cli.listening import Progress, listen
from core.cli.listening_options import add_connection_options, add_listening_options, listen_options
from core.cli.report import has_played, what_failed
from core.monitor.monitor import Monitor
from core.receiver.options import NULL_OUTPUT
from core.receiver.recordings import summary
from core.receiver.session import ListeningSession
from core.recording.recording import kind_of
from core.recording.rotation import NO_ROTATION, Rotation, RotationError, parse_rotation
from core.recording.status import RecordingError, RecordingKind, RecordingStatus


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "record",
        help="keep a stream as it comes, or as it sounds",
        description=(
            "Record a stream until Ctrl-C, --duration or its end. A file that ends in .opus holds the packets as they"
            " were received (Ogg Opus), one in .wav or .flac the sound as it was played. Exit status 0 when all of it"
            " was recorded."
        ),
        epilog=(
            "examples:\n"
            "  opuscope record ws://127.0.0.1:8765/ws-audio talk.opus\n"
            "  opuscope record wss://example.org/stream talk.opus heard.flac --duration 60\n"
            "  opuscope record wss://example.org/stream talk.opus --rotate 10min  # talk-0001.opus ...\n"
            "  opuscope record wss://example.org/stream 'talk-%Y%m%d-%H%M%S.opus' --rotate 100MB\n"
            "  opuscope record wss://example.org/stream heard.wav --played --output default --json -\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help="ws:// or wss:// address")
    parser.add_argument("files", metavar="FILE", type=Path, nargs="+", help="name.opus, name.wav or name.flac")
    parser.add_argument(
        "--duration", type=duration_s, metavar="S", help="seconds to listen (until Ctrl-C or the stream's end)"
    )
    parser.add_argument(
        "--rotate",
        type=rotation_option,
        default=NO_ROTATION,
        metavar="TIME|SIZE",
        help="begin another file each time, for instance 10min, 1h or 100MB; files are numbered, or named by the time"
        " where FILE has signs like %%H%%M%%S in it",
    )
    parser.add_argument(
        "--played", action="store_true", help="make sure that it is the sound as played: .wav and .flac always are"
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    add_listening_options(parser, default_output=NULL_OUTPUT)
    add_connection_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write one JSON object to FILE, or to standard output with -")
    parser.set_defaults(run=run)


def rotation_option(text: str) -> Rotation:
    """A rotation, for argparse."""
    try:
        return parse_rotation(text)
    except RotationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(options: argparse.Namespace) -> int:
    """Record, say what there is, and by the exit status whether it is all."""
    if options.json not in (None, "-"):
        check_writable(Path(options.json))
    _check_kinds(options)
    wishes = listen_options(options, options.url, NULL_OUTPUT, is_output_required=True, gives_up_early=True)

    def prepare(session: ListeningSession) -> None:
        for path in options.files:
            try:
                session.start_recording(path, options.rotate, options.force)
            except RecordingError as error:
                session.stop_recording()
                raise CommandError(str(error)) from error

    session, _monitor, seconds = listen(wishes, options.duration, _progress(options), prepare)
    recordings = session.snapshot().recordings
    if options.json is None:
        for each in recordings:
            if each.seconds:
                print(f"recorded {summary(each)}")
    else:
        text = json.dumps(report(session, seconds), indent=2)
        if options.json == "-":
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
    problems = [each.problem for each in recordings if each.problem is not None]
    if not (all(each.seconds for each in recordings) and has_played(session.snapshot())):
        problems.append(what_failed(session))
    for problem in problems:
        print(f"opuscope: {problem}", file=sys.stderr)
    return EXIT_FAILED if problems else EXIT_FINE


def report(session: ListeningSession, seconds: float) -> dict[str, Any]:
    """The object that ``--json`` writes; durations in seconds."""
    snapshot = session.snapshot()
    return {
        "url": snapshot.connection.url,
        "state": snapshot.connection.state.value,
        "reason": snapshot.connection.reason or snapshot.connection.doubt,
        "duration_s": round(seconds, 3),
        "packets_received": snapshot.packets_received,
        "reconnects": snapshot.connection.reconnects,
        "recordings": [_recording(each) for each in snapshot.recordings],
    }


def _recording(status: RecordingStatus) -> dict[str, Any]:
    return {
        "file": str(status.path),
        "files": status.files,
        "kind": "received" if status.kind is RecordingKind.RECEIVED else "played",
        "seconds": round(status.seconds, 4),
        "bytes": status.size_bytes,
        "packets": status.packets,
        "gaps": status.gaps,
        "filled_s": round(status.filled_s, 4),
        "malformed": status.malformed,
        "out_of_order": status.out_of_order,
        "unkept": status.unkept,
        "problem": status.problem,
    }


def _check_kinds(options: argparse.Namespace) -> None:
    """Before anything is made: with one name that cannot be, no other file shall be begun."""
    try:
        kinds = [kind_of(path) for path in options.files]
    except RecordingError as error:
        raise CommandError(str(error)) from error
    if options.played and RecordingKind.RECEIVED in kinds:
        path = options.files[kinds.index(RecordingKind.RECEIVED)]
        raise CommandError(f"{path} cannot hold the sound as played (--played); name a file in .wav or .flac")


def _progress(options: argparse.Namespace) -> Progress:
    """A line that replaces itself, where somebody watches a terminal; ends all when nothing is recorded any more."""
    is_watched, is_over = sys.stderr.isatty(), False

    def show(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        nonlocal is_over
        snapshot = session.snapshot()
        running = [each for each in snapshot.recordings if each.is_running]
        if is_watched and not is_over:
            recorded = "  ".join(f"{each.path.name} {each.seconds:.1f} s" for each in snapshot.recordings)
            line = f"{time.strftime('%M:%S', time.gmtime(seconds))}  {snapshot.connection.state.value}  {recorded}"
            is_over = not running
            print(f"\r{line:78}", end="\n" if is_over else "", file=sys.stderr, flush=True)
        if not running:
            session.stop()

    return show
