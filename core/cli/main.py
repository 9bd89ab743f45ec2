"""`opuscope`: finds the subcommand, and turns expected errors into one line and an exit status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from core.cli import window
from core.cli.common import EXIT_FAILED, EXIT_USAGE, CommandError, OneLineParser

COMMANDS: Final = ("serve", "probe", "record", "capture", "replay", "simulate", "demo", "devices", "token")
"""Each is a module of this package with `add_parser`, imported only when it is called: aiohttp alone takes 0.3 s."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0 fine, 1 what was checked failed, 2 usage or environment."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _command_parser(given[0]) if given and given[0] in COMMANDS else _window_parser()
    options = parser.parse_args(given)
    try:
        return int(options.run(options))
    except CommandError as error:
        print(f"opuscope: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        # Whoever read our output has seen enough; closing it again at exit must not raise, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130


def _command_parser(name: str) -> argparse.ArgumentParser:
    parser = OneLineParser(prog="opuscope")
    command = importlib.import_module(f"core.cli.{name}")
    command.add_parser(parser.add_subparsers(metavar="COMMAND", required=True))
    # What the command does not know is refused here, and its own help is the one to look at.
    parser.prog = f"opuscope {name}"
    return parser


def _window_parser() -> argparse.ArgumentParser:
    """Without a subcommand the window opens; its help is the one that lists the others."""
    parser = OneLineParser(
        prog="opuscope",
        description="Listen to live Opus audio over WebSocket, and see how it goes.",
        epilog=(
            "commands (each has --help):\n"
            "  opuscope [URL]       open the window\n"
            "  opuscope demo        start a server and the window (--headless: a table in the terminal)\n"
            "  opuscope serve       stream a file, a tone, a microphone or a program's output\n"
            "  opuscope probe URL   listen without a window and report\n"
            "  opuscope record URL  keep a stream as it comes (.opus), or as it sounds (.wav, .flac)\n"
            "  opuscope capture U F keep what comes, and when, for Wireshark and for replay\n"
            "  opuscope replay FILE play a capture again, in the window or without\n"
            "  opuscope simulate F  play a capture or an arrival trace in virtual time and report\n"
            "  opuscope devices     list the sound devices\n"
            "  opuscope token       make a token for a server that asks for one\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    window.add_arguments(parser)
    return parser


class _Version(argparse.Action):
    """Looks the version up only where it is asked for: finding it takes 0.04 s of every start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import importlib.metadata

        print(f"opuscope {importlib.metadata.version('opuscope')}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
