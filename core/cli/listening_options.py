"""The options of listening that the window, the demo and the probe have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.common import CommandError, number_option
from core.cli.playout_options import add_playout_options, chosen_preset, playout_settings
from core.receiver.impairment.settings import NO_IMPAIRMENT, Impairment, ImpairmentError
from core.receiver.impairment.text import EXAMPLE, parse_impairment
from core.receiver.options import DEFAULT_OUTPUT, DIALECT_CHOICES, Headers, ListenOptions, SettingError, header_of


def add_listening_options(parser: argparse.ArgumentParser, default_output: str) -> None:
    """Add the options; what is not given is ``None``.

    ``default_output`` is for the help's text: `listen_options` takes it, too.
    """
    add_playout_options(parser)
    parser.add_argument("--frame-ms", type=number_option, metavar="MS", help="ask the server for this frame size")
    parser.add_argument(
        "--output",
        metavar="null|default|NAME",
        help=f"sound device, or the clocked null output that nobody hears ({default_output})",
    )
    parser.add_argument(
        "--device-latency", type=number_option, metavar="MS", help="ask the sound device for this latency"
    )
    parser.add_argument(
        "--impair",
        type=impairment_option,
        metavar="SPEC",
        help=f"make the network bad on purpose, for instance {EXAMPLE}; also jitter=uniform|exponential|pareto:MS,"
        " random-stall=S:MS, disconnect=S, random-disconnect=S, trace=FILE (as of 'opuscope simulate'), seed=N",
    )


def impairment_option(text: str) -> Impairment:
    """An impairment, for argparse."""
    try:
        return parse_impairment(text)
    except ImpairmentError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of connecting to somebody else's server."""
    parser.add_argument("--dialect", choices=DIALECT_CHOICES, default="auto", help="how the server packs audio (auto)")
    parser.add_argument("--token", help="sent as 'Authorization: Bearer TOKEN'")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="sent beside WebSocket's own headers; may be given several times",
    )
    parser.add_argument("--ca-file", type=Path, metavar="PEM", help="certificate of the authority to trust for wss://")
    parser.add_argument(
        "--accept-any-certificate",
        action="store_true",
        help="do not check who the wss:// server is: anybody on the way can listen in and send",
    )


def listen_options(
    options: argparse.Namespace,
    url: str,
    default_output: str = DEFAULT_OUTPUT,
    is_output_required: bool = False,
    gives_up_early: bool = False,
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
            headers=_headers(options),
            accepts_any_certificate=getattr(options, "accept_any_certificate", False),
            frame_ms=options.frame_ms,
            playout=playout_settings(options),
            output=options.output or default_output,
            impairment=options.impair or NO_IMPAIRMENT,
            device_latency_ms=chosen_preset(options).device_latency_ms if latency_ms is None else latency_ms,
            is_output_required=is_output_required,
            gives_up_early=gives_up_early,
        )
    except SettingError as error:
        raise CommandError(str(error)) from error


def _headers(options: argparse.Namespace) -> Headers:
    return tuple(header_of(text) for text in getattr(options, "header", []))
