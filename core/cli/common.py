"""What the subcommands share: exit statuses, the options of listening, the check for a display."""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from pathlib import Path
from typing import Final

from core.receiver.options import DEFAULT_OUTPUT, DEFAULT_TARGET_DELAY_MS, DIALECT_CHOICES, ListenOptions, SettingError

EXIT_FINE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class CommandError(RuntimeError):
    """Ends a command with one line on standard error and exit status 2."""


def buffer_depth_ms(text: str) -> float:
    """The depth in ``fixed:MS``, for argparse."""
    kind, _, number = text.partition(":")
    try:
        if kind == "fixed":
            return float(number)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no buffer setting; expected fixed:MS, for instance fixed:60")


def duration_s(text: str) -> float:
    """Seconds of at most a day, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"a duration of {text} s is not possible; accepted: above 0 to 86400 s")
    return seconds


def add_listening_options(parser: argparse.ArgumentParser, default_output: str) -> None:
    """The options that the window, the demo and the probe have in common; what is not given is ``None``.

    ``default_output`` is for the help's text: `listen_options` takes it, too.
    """
    parser.add_argument(
        "--buffer",
        type=buffer_depth_ms,
        default=None,
        metavar="fixed:MS",
        help=f"target delay of the jitter buffer in ms (fixed:{DEFAULT_TARGET_DELAY_MS:g})",
    )
    parser.add_argument("--frame-ms", type=float, metavar="MS", help="ask the server for this frame size")
    parser.add_argument(
        "--output",
        metavar="null|default|NAME",
        help=f"sound device, or the clocked null output that nobody hears ({default_output})",
    )
    parser.add_argument("--device-latency", type=float, metavar="MS", help="ask the sound device for this latency")


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """The options of connecting to somebody else's server."""
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
    try:
        return ListenOptions(
            url=url,
            dialect=getattr(options, "dialect", "auto"),
            token=getattr(options, "token", None),
            ca_file=getattr(options, "ca_file", None),
            frame_ms=options.frame_ms,
            target_delay_ms=DEFAULT_TARGET_DELAY_MS if options.buffer is None else options.buffer,
            output=options.output or default_output,
            device_latency_ms=options.device_latency,
            **more,
        )
    except SettingError as error:
        raise CommandError(str(error)) from error


def why_no_display() -> str | None:
    """Why no window can be opened here, or ``None`` if one can. Qt itself would abort the process."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return None
    if os.environ.get("WAYLAND_DISPLAY"):
        return None
    display = os.environ.get("DISPLAY")
    if not display:
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return None if _x_server_answers() else f"the display {display} does not answer"


def _x_server_answers() -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # Qt brings its own message where the library is missing
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    is_fine = bool(xcb.xcb_connection_has_error(connection) == 0)
    xcb.xcb_disconnect(connection)
    return is_fine
