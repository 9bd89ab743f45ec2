"""`opuscope [URL]`: the window."""

from __future__ import annotations

import argparse
import sys

from core.cli.common import EXIT_USAGE, add_connection_options, add_listening_options, listen_options, why_no_display
from core.receiver.options import DEFAULT_OUTPUT


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
    wishes = listen_options(options, options.url) if options.url else None
    from gui.app import WindowOptions, open_window

    return open_window(WindowOptions(url=options.url, listen=wishes))
