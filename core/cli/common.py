"""What the subcommands share: exit statuses, the check for a display."""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from pathlib import Path
from typing import Final, NoReturn

EXIT_FINE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class OneLineParser(argparse.ArgumentParser):
    """Refuses with one line, as every other error is told: not with all options there are."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with `EXIT_USAGE`."""
        self.exit(EXIT_USAGE, f"{self.prog}: {' '.join(message.split())}; for all options: {self.prog} --help\n")


class CommandError(RuntimeError):
    """Ends a command with one line on standard error and exit status 2."""


def number_option(text: str) -> float:
    """A number, for argparse; whether it is within its bounds is checked where it is used."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; accepted: a number") from None


def whole_number_option(text: str) -> int:
    """A whole number, for argparse; whether it is within its bounds is checked where it is used."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; accepted: a whole number") from None


def duration_s(text: str) -> float:
    """Seconds of at most a day, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"a duration of {text} s is not possible; accepted: above 0 to 86400 s")
    return seconds


def check_writable(path: Path) -> None:
    """Before listening, so that no report is lost for a mistyped name."""
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise CommandError(f"the report cannot be written to {path} ({error.strerror}); name another file") from error


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
