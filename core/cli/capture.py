"""`opuscope capture URL OUT.pcapng`: keep what came, and when, for Wireshark and for replay."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from core.analysis.observation import Observation
from core.cli.common import EXIT_FAILED, EXIT_FINE, CommandError, check_writable, duration_s
from core.cli.listening import Progress, listen
from core.cli.listening_options import add_connection_options, add_listening_options, listen_options
from core.cli.report import has_connected, what_failed
from core.monitor.monitor import Monitor
from core.receiver.options import NULL_OUTPUT
from core.receiver.session import ListeningSession
from core.recording.capture_writer import CaptureWriter

ENDING: Final = ".pcapng"


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "capture",
        help="keep what comes, and when, for Wireshark and for replay",
        description=(
            "Write what comes into a pcapng file: packets as RTP with true arrival times, and what else happened as"
            " notes. Wireshark opens, analyses and plays it; 'opuscope replay' and 'opuscope simulate' play it again."
            " Ends with --duration, Ctrl-C or the stream; what was written is readable at any moment. Exit status 0"
            " when audio came."
        ),
        epilog=(
            "examples:\n"
            "  opuscope capture ws://127.0.0.1:8765/ws-audio monday.pcapng\n"
            "  opuscope capture wss://example.org/stream monday.pcapng --duration 600 --json -\n"
            "  opuscope replay monday.pcapng\n"
            "  opuscope simulate monday.pcapng --buffer fixed:40 --buffer fixed:60 --buffer adaptive\n"
            "  tshark -r monday.pcapng -q -z rtp,streams\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help="ws:// or wss:// address")
    parser.add_argument("file", metavar="OUT.pcapng", type=Path, help="file to write; it must not exist yet")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    parser.add_argument("--duration", type=duration_s, metavar="S", help="seconds to listen (until Ctrl-C)")
    add_listening_options(parser, default_output=NULL_OUTPUT)
    add_connection_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write a summary to FILE, or to standard output with -")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Listen and write; exit status 1 if no audio came or the file could not be written to the end."""
    if options.json not in (None, "-"):
        check_writable(Path(options.json))
    wishes = listen_options(options, options.url, NULL_OUTPUT, is_output_required=True, gives_up_early=True)
    keeper = _Keeper(options.file, is_forced=options.force)
    try:
        session, _, seconds = listen(wishes, options.duration, _progress(options, keeper), keeper.attend)
    finally:
        keeper.writer.close()
    writer = keeper.writer
    values = _summary(session, keeper, seconds)
    if options.json == "-":
        print(json.dumps(values, indent=2))
    elif options.json is not None:
        Path(options.json).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    else:
        print(
            f"{writer.path}: {writer.packets} packets in {seconds:.1f} s, {values['packets_lost']} missing,"
            f" {values['reconnects']} reconnects, {writer.bytes_written / 1000:.0f} kB"
        )
    if keeper.problem is not None:
        print(f"opuscope: {keeper.problem}", file=sys.stderr)
        return EXIT_FAILED
    if writer.packets:
        return EXIT_FINE
    if not has_connected(session.snapshot()):
        # Nothing in it that anybody would open.
        writer.path.unlink(missing_ok=True)
    print(f"opuscope: {what_failed(session)}", file=sys.stderr)
    return EXIT_FAILED


class _Keeper:
    """Gives what a session observes to the file, until that cannot be written any more."""

    def __init__(self, path: Path, *, is_forced: bool) -> None:
        """Open the file.

        Raises:
            CommandError: it is there already, or cannot be written.
        """
        if path.suffix != ENDING:
            raise CommandError(f"{path} does not end in {ENDING}, which is what is written; name it so")
        try:
            self.writer = CaptureWriter(path, replaces=is_forced)
        except FileExistsError as error:
            raise CommandError(f"{path} exists; name another file, or replace it with --force") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written ({error.strerror}); name another file") from error
        self.problem: str | None = None
        self._session: ListeningSession | None = None

    def attend(self, session: ListeningSession) -> None:
        """Observe ``session`` from its beginning."""
        self._session = session
        session.observe(self._take)

    def _take(self, seen: Observation) -> None:
        if self.problem is not None or self._session is None:
            return
        try:
            self.writer.take(seen)
        except OSError as error:
            self.problem = (
                f"{self.writer.path} cannot be written any more ({error.strerror}); what was written before is readable"
            )
            self._session.stop()


def _summary(session: ListeningSession, keeper: _Keeper, seconds: float) -> dict[str, Any]:
    """The object that ``--json`` writes."""
    snapshot = session.snapshot()
    return {
        "url": snapshot.connection.url,
        "file": str(keeper.writer.path),
        "duration_s": round(seconds, 3),
        "packets": keeper.writer.packets,
        "bytes_written": keeper.writer.bytes_written,
        "packets_lost": snapshot.packets_lost,
        "packets_malformed": snapshot.packets_malformed,
        "reconnects": snapshot.connection.reconnects,
        "state": snapshot.connection.state.value,
        "reason": snapshot.connection.reason,
        "problem": keeper.problem,
    }


def _progress(options: argparse.Namespace, keeper: _Keeper) -> Progress:
    """A line that replaces itself, where somebody watches a terminal."""

    def show(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        state = session.snapshot().connection.state.value
        line = (
            f"{seconds:5.1f} s  {state}  {keeper.writer.packets} packets  {keeper.writer.bytes_written / 1000:.0f} kB"
        )
        is_last = options.duration is not None and seconds >= options.duration
        print(f"\r{line:70}", end="\n" if is_last else "", file=sys.stderr, flush=True)

    def nothing(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        pass

    return show if sys.stderr.isatty() else nothing
