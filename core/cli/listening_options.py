"""The options of listening that the window, the demo and the probe have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.common import CommandError
from core.cli.playout_options import add_playout_options, chosen_preset, playout_settings
from core.receiver.options import DEFAULT_OUTPUT, DIALECT_CHOICES, ListenOptions, SettingError


def add_listening_options(parser: argparse.ArgumentParser, default_output: str) -> None:
    """Add the options; what is not given is ``None``.

    ``default_output`` is for the help's text: `listen_options` takes it, too.
    """
    add_playout_options(parser)
    parser.add_argument("--frame-ms", type=float, metavar="MS", help="ask the server for this frame size")
    parser.add_argument(
        "--output",
        metavar="null|default|NAME",
        help=f"sound device, or the clocked null output that nobody hears ({default_output})",
    )
    parser.add_argument("--device-latency", type=float, metavar="MS", help="ask the sound device for this latency")


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of connecting to somebody else's server."""
    parser.add_argument("--dialect", choices=DIALECT_CHOICES, default="auto", help="how the server packs audio (auto)")
    parser.add_argument("--token", help="sent as 'Authorization: Bearer TOKEN'")
    parser.add_argument("--ca-file", type=Path, metavar="PEM", help="certificate of the authority to trust for wss://")


def listen_options(
    options: argparse.Namespace, url: str, default_output: str = DEFAULT_OUTPUT, **more: bool
) -> ListenOptions:
    """The session's options from a command's.

    Raises:
        CommandError: one of them cannot be taken.
    """
    latency_ms = options.device_latency
    try:
        return ListenOptions(
            url=url,
            dialect=getattr(options, "dialect", "auto"),
            token=getattr(options, "token", None),
            ca_file=getattr(options, "ca_file", None),
            frame_ms=options.frame_ms,
            playout=playout_settings(options),
            output=options.output or default_output,
            device_latency_ms=chosen_preset(options).device_latency_ms if latency_ms is None else latency_ms,
            **more,
        )
    except SettingError as error:
        raise CommandError(str(error)) from error
