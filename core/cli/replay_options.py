"""What the commands that read captures have in common."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.cli.common import CommandError
from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import Capture, open_capture


def ssrc_option(text: str) -> int:
    """A synchronisation source, decimal or with 0x, for argparse."""
    try:
        ssrc = int(text, 0)
    except ValueError:
        ssrc = -1
    if not 0 <= ssrc < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no SSRC; expected a number like 0x1234abcd")
    return ssrc


def add_ssrc_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--ssrc``."""
    parser.add_argument(
        "--ssrc", type=ssrc_option, metavar="SSRC", help="the RTP stream to take, where a capture holds several"
    )


def capture_of(path: Path, ssrc: int | None) -> Capture:
    """The capture in a file; what is wrong with it although it can be read goes to standard error.

    Raises:
        CommandError: it is none, or nothing of Opus is in it.
    """
    try:
        capture = open_capture(path, ssrc)
    except CaptureError as error:
        raise CommandError(str(error)) from error
    if capture.notice is not None:
        print(f"opuscope: {capture.notice}", file=sys.stderr)
    return capture
