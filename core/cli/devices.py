"""`opuscope devices`: the sound devices by the names that `--output` and `serve --source microphone:NAME` take."""

from __future__ import annotations

import argparse
import json
from typing import Any

from core.audio.output import OutputError
from core.audio.portaudio import PortAudio, SoundDevice
from core.audio.sources import SourceError
from core.audio.sources.microphone import input_devices
from core.cli.common import EXIT_FINE, CommandError


def add_parser(subparsers: Any) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "devices",
        help="list the sound devices",
        description=(
            "List the devices that can play, by the names that --output takes, and those that can record, by the names"
            " that 'opuscope serve --source microphone:NAME' takes."
        ),
        epilog="examples:\n  opuscope devices\n  opuscope devices --json\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="as a JSON list")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one line a device; none is no error."""
    try:
        outputs, inputs = PortAudio().outputs(), input_devices()
    except (OutputError, SourceError) as error:
        raise CommandError(str(error)) from error
    if options.json:
        print(json.dumps([*_rows("output", outputs), *_rows("input", inputs)], indent=2))
        return EXIT_FINE
    print("outputs:")
    _list(outputs, "no device that can play was found; --output null works without one")
    print("inputs:")
    _list(inputs, "no device that can record was found")
    if outputs or inputs:
        print(
            "* system default; --output takes an output's name or a part of it, or null for no sound;"
            " serve --source microphone:NAME takes an input's"
        )
    return EXIT_FINE


def _rows(kind: str, devices: list[SoundDevice]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": device.label, "channels": device.channels, "default": device.is_default}
        for device in devices
    ]


def _list(devices: list[SoundDevice], otherwise: str) -> None:
    if not devices:
        print(f"  {otherwise}")
    for device in devices:
        print(f"{'*' if device.is_default else ' '} {device.label}, {device.channels} channels")
