"""`opuscope demo`: a server and a listener in one command."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import as_file, files
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from core.cli.common import EXIT_FAILED, EXIT_FINE, duration_s, why_no_display
from core.cli.listening import listen
from core.cli.listening_options import add_listening_options, listen_options
from core.cli.report import has_played, lines, report
from core.cli.server_process import ServerProcess
from core.cli.window import open_listening_window
from core.monitor.monitor import Monitor
from core.receiver.options import DEFAULT_OUTPUT
from core.receiver.session import ListeningSession


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "demo",
        help="start a server and the window",
        description="Start a server with demo audio, and the window that listens to it.",
        epilog=(
            "examples:\n"
            "  opuscope demo\n"
            "  opuscope demo --preset lowest-delay\n"
            "  opuscope demo --headless --duration 20\n"
            "  opuscope demo --impair jitter=exponential:15,random-stall=10s:150ms\n"
            "  opuscope demo --source my-music.flac --frame-ms 10 --buffer fixed:40\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--headless", action="store_true", help="no window: a live table in the terminal")
    parser.add_argument("--duration", type=duration_s, metavar="S", help="end by itself after so many seconds")
    parser.add_argument("--source", metavar="SOURCE", help="as of 'opuscope serve' (the demo's own music and speech)")
    parser.add_argument(
        "--scenario",
        choices=("tour", "none"),
        default="tour",
        help="tour: a guided minute in which the network gets bad, in the window; none: just the window (tour)",
    )
    add_listening_options(parser, default_output=DEFAULT_OUTPUT)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Start the server, listen until it is ended, end the server."""
    problem = None if options.headless else why_no_display()
    if problem is not None:
        print(f"opuscope: {problem}; running the headless demo instead (Ctrl-C ends it)", file=sys.stderr)
    with as_file(files("resources") / "demo" / "demo.opus") as demo_audio:
        source = ["--source", options.source or str(demo_audio), "--loop"]
        with ServerProcess([*source, "--sample-rate", "48000", "--channels", "2", "--bitrate", "96000"]) as server:
            if options.headless or problem is not None:
                return _headless(options, server.url)
            return open_listening_window(
                options,
                server.url,
                title_suffix="demo",
                close_after_s=options.duration,
                remember_url=False,
                has_scenario=options.scenario == "tour",
            )


def _headless(options: argparse.Namespace, url: str) -> int:
    console = Console()
    with Live(console=console, auto_refresh=False, transient=False) as live:

        def show(session: ListeningSession, monitor: Monitor, seconds: float) -> None:
            live.update(_table(session, monitor, seconds), refresh=True)

        session, _, _ = listen(listen_options(options, url), options.duration, show)
    return EXIT_FINE if has_played(session.snapshot()) else EXIT_FAILED


def _table(session: ListeningSession, monitor: Monitor, seconds: float) -> Table:
    table = Table(title="Opuscope demo", show_header=False, min_width=72)
    for label, text in lines(report(session.snapshot(), monitor, seconds)):
        table.add_row(label, text)
    for event in monitor.events.since(max(0, monitor.events.next_number - 4)):
        table.add_row("event", event.text, style="yellow" if event.level.value in ("warning", "error") else "dim")
    return table
