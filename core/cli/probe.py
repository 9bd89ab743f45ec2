"""`opuscope probe URL|FILE`: examine a stream without a window, and say whether it passes, and why not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from core.analysis.reports.examination import Examination
from core.cli.check_options import add_check_options, checks_from
from core.cli.common import CommandError, duration_s
from core.cli.listening import Progress, listen
from core.cli.listening_options import add_connection_options, add_listening_options, listen_options
from core.cli.probe_capture import examine_capture
from core.cli.probe_outputs import exit_status, give_out
from core.cli.replay_options import add_ssrc_option
from core.cli.report import has_connected, has_played, lines, report, what_failed
from core.cli.whole_files import check_reports
from core.monitor.monitor import Monitor
from core.opus.library import OpusLibraryError
from core.receiver.options import NULL_OUTPUT
from core.receiver.session import ListeningSession
from core.receiver.status import ConnectionState

LIVE_DURATION_S: Final = 10.0
CAPTURE_ENDINGS: Final = (".pcapng", ".pcap", ".rtpdump", ".rtp")


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "probe",
        help="examine a stream without a window: does it pass, and why not",
        description=(
            "Listen to a stream without a window, or read a capture of one, and report: what is wrong with it, what a"
            " listener needs for it, and whether it keeps the limits that are given. Exit status 0: it connected,"
            " played and kept all limits. 1: a limit was not kept, or there was no connection or no audio. 2: no"
            " verdict, because a limit could not be measured or the command cannot be run as it stands. Ctrl-C ends it"
            " with the report so far."
        ),
        epilog=(
            "examples:\n"
            "  opuscope probe ws://127.0.0.1:8765/ws-audio --duration 10\n"
            "  opuscope probe wss://example.org/stream --duration 60 --fail-on error --html report.html\n"
            "  opuscope probe URL --max-late-pct 0.1 --at-depth 60ms --expect frame_ms=20 --loudness -23+-3\n"
            "  opuscope probe URL --checks stream.toml --junit report.xml --json report.json\n"
            "  opuscope probe monday.pcapng --checks stream.toml\n"
            "  opuscope probe URL --duration 60 --json - | jq .underruns\n"
            "  opuscope probe URL --buffer fixed:40 --frame-ms 10 --output default\n"
            "  opuscope probe URL --impair delay=50,jitter=normal:20,stall=8s:200ms,seed=7\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL|FILE", help="ws:// or wss:// address, or a pcapng, pcap or rtpdump file")
    parser.add_argument(
        "--duration", type=duration_s, metavar="S", help="seconds to listen (10), or to read of a capture (all)"
    )
    _add_report_options(parser)
    add_check_options(parser)
    add_listening_options(parser, default_output=NULL_OUTPUT)
    add_connection_options(parser)
    add_ssrc_option(parser)
    parser.set_defaults(run=run)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "reports", "Beside the one in the terminal; FILE may be - for standard output, which then has nothing else."
    )
    group.add_argument("--json", metavar="FILE", help="one JSON object (resources/reports/report.schema.json)")
    group.add_argument("--junit", metavar="FILE", help="JUnit XML, a test case for each check")
    group.add_argument("--html", metavar="FILE", help="one page with plots, that needs nothing else")


def run(options: argparse.Namespace) -> int:
    """Examine, give out all reports, and say by the exit status how it went."""
    limits = checks_from(options)
    check_reports((options.json, options.junit, options.html))
    if _is_file(options.url):
        _spare_capture(options)
        _refuse_live_options(options)
        return give_out(options, examine_capture(options, limits))
    wishes = listen_options(options, options.url, NULL_OUTPUT, is_output_required=True, gives_up_early=True)
    duration = LIVE_DURATION_S if options.duration is None else options.duration
    try:
        examination = Examination(limits)
    except OpusLibraryError as error:
        raise CommandError(str(error)) from error
    try:
        session, monitor, seconds = listen(
            wishes, duration, _progress(duration), lambda session: session.observe(examination.take)
        )
        if session.state_before_stop is not ConnectionState.ENDED:
            examination.pass_time()
        snapshot = session.snapshot()
        is_fine = has_played(snapshot) and snapshot.connection.doubt is None
        problem = None if is_fine else what_failed(session)
        examined = examination.report(snapshot.connection.url, problem)
    finally:
        examination.close()
    if sys.stderr.isatty():
        print(f"\r{'':78}\r", end="", file=sys.stderr, flush=True)
    playout = report(snapshot, monitor, seconds)
    figures = lines(playout)[1:] if has_connected(snapshot) else []
    give_out(options, examined, playout, figures)
    for line in snapshot.unfulfilled:
        print(f"opuscope: warning: {line}", file=sys.stderr)
    if problem is not None:
        print(f"opuscope: {problem}", file=sys.stderr)
    return exit_status(examined)


def _is_file(target: str) -> bool:
    """Whether it is a file rather than an address."""
    return "://" not in target and (Path(target).exists() or Path(target).suffix in CAPTURE_ENDINGS)


def _spare_capture(options: argparse.Namespace) -> None:
    for name in (options.json, options.junit, options.html):
        if name is not None and Path(name).resolve() == Path(options.url).resolve():
            raise CommandError(f"the report cannot be written to {name}, which is the capture itself; name another")


def _refuse_live_options(options: argparse.Namespace) -> None:
    """What changes how one listens changes nothing of what was captured.

    Raises:
        CommandError: such an option was given.
    """
    live = argparse.ArgumentParser()
    add_listening_options(live, default_output=NULL_OUTPUT)
    add_connection_options(live)
    for name, default in vars(live.parse_args([])).items():
        if getattr(options, name) != default:
            flag = name.replace("_", "-")
            raise CommandError(f"--{flag} is about listening, and {options.url} is a capture; leave it out")


def _progress(duration: float) -> Progress:
    """A line that replaces itself, where somebody watches a terminal."""

    def show(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        snapshot = session.snapshot()
        line = (
            f"{min(seconds, duration):.1f} of {duration:g} s  {snapshot.connection.state.value}"
            f"  {snapshot.packets_received} packets  {snapshot.underruns.episodes} underruns  (Ctrl-C: report now)"
        )
        print(f"\r{line[:78]:78}", end="", file=sys.stderr, flush=True)

    def nothing(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
        pass

    return show if sys.stderr.isatty() else nothing
