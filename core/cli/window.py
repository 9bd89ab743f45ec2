"""`opuscope [URL]`: the window."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from core.cli.common import EXIT_USAGE, why_no_display
from core.cli.listening_options import add_connection_options, add_listening_options, listen_options
from core.cli.playout_options import has_playout_options
from core.receiver.options import DEFAULT_OUTPUT, DEFAULT_URL

if TYPE_CHECKING:
    from core.receiver.replay import Replay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command without a subcommand."""
    parser.add_argument("url", nargs="?", metavar="URL", help="ws:// or wss:// address to connect to at once")
    add_listening_options(parser, default_output=DEFAULT_OUTPUT)
    add_connection_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Open the window, and return when it is closed."""
    problem = why_no_display()
    if problem is not None:
        print(f"opuscope: {problem}; to listen without a window: opuscope probe URL", file=sys.stderr)
        return EXIT_USAGE
    return open_listening_window(options, options.url)


def open_listening_window(
    options: argparse.Namespace,
    url: str | None,
    title_suffix: str = "",
    close_after_s: float | None = None,
    remember_url: bool = True,
    has_scenario: bool = False,
    replay: Replay | None = None,
) -> int:
    """Open the window with what was given on the command line; it connects or replays at once if there is what to."""
    # Checked also without a URL: a wrong depth is refused before a window opens.
    wishes = listen_options(options, url or DEFAULT_URL)
    from gui.app import open_window
    from gui.options import WindowOptions

    return open_window(
        WindowOptions(
            url=url,
            listen=wishes if url else None,
            playout=wishes.playout if has_playout_options(options) else None,
            device_latency_ms=wishes.device_latency_ms,
            frame_ms=options.frame_ms,
            output=options.output,
            impairment=wishes.impairment,
            remember_url=remember_url,
            title_suffix=title_suffix,
            close_after_s=close_after_s,
            has_scenario=has_scenario,
            replay=replay,
        )
    )
