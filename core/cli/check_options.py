"""The options that set limits, and what they come to together with a file of them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.analysis.checks_file import limits_from, load_limits
from core.analysis.limits import BANDWIDTHS, SEVERITIES, LimitError, Limits, duration_ms, expected, loudness, percentage
from core.cli.common import CommandError


@dataclass(frozen=True, slots=True)
class _Option:
    """An option, the key that it sets, and how its text becomes the value."""

    flag: str
    key: str
    read: Callable[[str], Any]
    metavar: str
    help: str


def _seconds(text: str) -> float:
    return duration_ms(text, "s") / 1e3


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise LimitError(f"{text[:40]!r} is not possible; accepted: a number") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise LimitError(f"{text[:40]!r} is not possible; accepted: a whole number") from None


_OPTIONS: Final = (
    _Option("--max-late-pct", "max_late_pct", percentage, "PCT", "packets too late for the buffer of --at-depth"),
    _Option("--at-depth", "at_depth_ms", duration_ms, "DURATION", "that buffer (60ms)"),
    _Option("--max-buffer", "max_buffer_ms", duration_ms, "DURATION", "the buffer that 0.1 %% late packets need"),
    _Option("--max-skew-ppm", "max_skew_ppm", _number, "PPM", "difference of the server's clock to this machine's"),
    _Option("--max-loss-pct", "max_loss_pct", percentage, "PCT", "packets that are missing by their numbers"),
    _Option("--max-left-out", "max_left_out_ms", duration_ms, "DURATION", "sound that a bare stream seems to lack"),
    _Option("--max-duplicate-pct", "max_duplicate_pct", percentage, "PCT", "packets that come twice"),
    _Option("--max-malformed", "max_malformed", _whole, "N", "messages that cannot be read"),
    _Option("--max-stall", "max_stall_ms", duration_ms, "DURATION", "the longest stall, as 200ms"),
    _Option("--max-silence", "max_silence_s", _seconds, "DURATION", "the longest silence, as 2s"),
    _Option("--max-connect-ms", "max_connect_ms", duration_ms, "MS", "time to connect"),
    _Option("--max-first-packet-ms", "max_first_packet_ms", duration_ms, "MS", "from then to the first packet"),
    _Option("--max-first-sound-ms", "max_first_sound_ms", duration_ms, "MS", "from then to the first sound"),
    _Option("--max-round-trip-ms", "max_round_trip_ms", duration_ms, "MS", "of 95 %% of pings"),
    _Option("--loudness", "loudness", loudness, "LUFS", "integrated loudness as -23±3 or -23+-3"),
    _Option("--max-true-peak", "max_true_peak_dbtp", _number, "DBTP", "true peak, as -1"),
    _Option("--max-clipped-pct", "max_clipped_pct", percentage, "PCT", "samples at full scale"),
    _Option("--min-bandwidth", "min_bandwidth", str, "|".join(BANDWIDTHS), "the widest that is sent"),
    _Option("--min-bitrate-kbps", "min_bitrate_kbps", _number, "KBPS", "mean bit rate of the packets"),
    _Option("--max-bitrate-kbps", "max_bitrate_kbps", _number, "KBPS", "mean bit rate of the packets"),
    _Option("--fail-on", "fail_on", str, "|".join(SEVERITIES), "fail for findings as bad as that, or worse"),
    _Option("--expect", "expect", expected, "KEY=VALUE,...", "as frame_ms=20,channels=1,mode=CELT,fec=no"),
)


_LIKE_A_NUMBER: Final = re.compile(r"-\.?\d.*")


def add_check_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; what is not given is ``None``."""
    # argparse takes -23±3 for an option, where -23 is a number to it.
    parser._negative_number_matcher = _LIKE_A_NUMBER
    group = parser.add_argument_group(
        "checks", "Each limit is a check: passed, failed, or not measurable. Options go before what the file says."
    )
    group.add_argument("--checks", metavar="FILE", help="limits from a TOML file; its keys are max_late_pct and so on")
    for option in _OPTIONS:
        group.add_argument(
            option.flag, dest=f"check_{option.key}", type=_reader(option.read), metavar=option.metavar, help=option.help
        )


def checks_from(args: argparse.Namespace) -> Limits:
    """The limits of the file that was named, with those that were given as options in their place.

    Raises:
        CommandError: the file or a value cannot be taken.
    """
    given = {
        option.key: value for option in _OPTIONS if (value := getattr(args, f"check_{option.key}", None)) is not None
    }
    try:
        base = load_limits(Path(args.checks)) if args.checks is not None else Limits()
        return limits_from(given, "", base)
    except LimitError as error:
        raise CommandError(str(error)) from error


def _reader(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def reader(text: str) -> Any:
        try:
            return read(text)
        except LimitError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reader
