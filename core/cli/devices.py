"""`opuscope devices`: the sound devices by the names that `--output` takes."""

from __future__ import annotations

import argparse
import json
from typing import Any

from core.audio.output import OutputError
from core.audio.portaudio import PortAudio
from core.cli.common import EXIT_FINE, CommandError


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "devices",
        help="list the sound devices",
        description="List the devices that can play, by the names that --output takes.",
        epilog="examples:\n  opuscope devices\n  opuscope devices --json\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="as a JSON list")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one line a device; none is no error."""
    try:
        outputs = PortAudio().outputs()
    except OutputError as error:
        raise CommandError(str(error)) from error
    if options.json:
        rows = [{"name": device.label, "channels": device.channels, "default": device.is_default} for device in outputs]
        print(json.dumps(rows, indent=2))
    elif not outputs:
        print("no sound device was found; --output null works without one")
    else:
        for device in outputs:
            print(f"{'*' if device.is_default else ' '} {device.label}, {device.channels} channels")
        print("* system default; --output takes a name or a part of it, or null for no sound")
    return EXIT_FINE
