"""The limits that a stream is checked against, and how they are written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from typing import Any, Final

from core.opus.encoder import FRAME_SIZES_MS
from core.opus.packet import Bandwidth, Mode

BANDWIDTHS: Final = tuple(each.value for each in Bandwidth)
"""From narrow to wide: NB, MB, WB, SWB, FB."""

SEVERITIES: Final = ("error", "warning")

EBU_TARGET_LUFS: Final = -23.0
"""EBU R128."""

_QUANTITY: Final = re.compile(r"\s*([-+]?\d+(?:\.\d*)?|[-+]?\.\d+)\s*([a-zA-Z%]*)\s*")
_IN_MS: Final = {"ms": 1.0, "s": 1e3, "min": 60e3}
_MAX_PACKET_MS: Final = 120.0


class LimitError(ValueError):
    """A limit that cannot be; the message is one line and says what is accepted."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """``-23±3``: so loud, give or take so much."""

    target_lufs: float
    tolerance_lu: float = 1.0

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.target_lufs:g}±{self.tolerance_lu:g} LUFS"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a stream has to be; ``None`` is not looked at."""

    frame_ms: float | None = None
    """Duration of a packet."""
    channels: int | None = None
    mode: str | None = None
    """SILK, Hybrid or CELT."""
    bandwidth: str | None = None
    fec: bool | None = None
    dtx: bool | None = None
    cbr: bool | None = None
    subprotocol: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no stream can be.

        Raises:
            LimitError: a value that Opus does not have.
        """
        if self.frame_ms is not None and not (
            self.frame_ms in FRAME_SIZES_MS or (self.frame_ms % 2.5 == 0 and 0 < self.frame_ms <= _MAX_PACKET_MS)
        ):
            raise LimitError(f"frame_ms {self.frame_ms:g} is not possible; accepted: 2.5 to 120 in steps of 2.5")
        if self.channels not in (None, 1, 2):
            raise LimitError(f"channels {self.channels} is not possible; accepted: 1, 2")
        _one_of("mode", self.mode, tuple(each.value for each in Mode))
        _one_of("bandwidth", self.bandwidth, BANDWIDTHS)


@dataclass(frozen=True, slots=True)
class Limits:
    """Each is a check; ``None`` is not checked. Names are the keys of the file."""

    max_late_pct: float | None = None
    """Of packets, at the depth of ``at_depth_ms``."""
    at_depth_ms: float = 60.0
    max_buffer_ms: float | None = None
    """The smallest buffer for 0.1 % late packets."""
    max_skew_ppm: float | None = None
    max_loss_pct: float | None = None
    max_left_out_ms: float | None = None
    max_duplicate_pct: float | None = None
    max_malformed: int | None = None
    max_stall_ms: float | None = None
    max_silence_s: float | None = None
    max_connect_ms: float | None = None
    max_first_packet_ms: float | None = None
    max_first_sound_ms: float | None = None
    max_round_trip_ms: float | None = None
    """Of 95 % of the pings."""
    loudness: Loudness | None = None
    max_true_peak_dbtp: float | None = None
    max_clipped_pct: float | None = None
    min_bandwidth: str | None = None
    min_bitrate_kbps: float | None = None
    max_bitrate_kbps: float | None = None
    fail_on: str | None = None
    """Findings of this severity fail, and worse ones: ``error``, or ``warning``."""
    expect: Expected = field(default_factory=Expected)

    def __post_init__(self) -> None:
        """Refuse what nothing can be measured against.

        Raises:
            LimitError: a name that is none, or a number below zero.
        """
        _one_of("min_bandwidth", self.min_bandwidth, BANDWIDTHS)
        _one_of("fail_on", self.fail_on, SEVERITIES)
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and each.name != "max_true_peak_dbtp" and not value >= 0:
                raise LimitError(f"{each.name} {value:g} is not possible; accepted: 0 or more")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is checked."""
        return self == Limits(at_depth_ms=self.at_depth_ms)


def duration_ms(text: str, unit: str = "ms") -> float:
    """``60ms``, ``2s``, ``1.5min`` or a number of ``unit``, in milliseconds.

    Raises:
        LimitError: anything else.
    """
    number, given = _quantity(text, f"a duration like 60ms or 2s, or a number of {unit}")
    factor = _IN_MS.get(given or unit)
    if factor is None:
        raise LimitError(f"{text.strip()[:40]!r}: there is no unit {given!r}; accepted: ms, s, min")
    return number * factor


def percentage(text: str) -> float:
    """``0.1`` or ``0.1%``.

    Raises:
        LimitError: anything else, or more than 100.
    """
    number, unit = _quantity(text, "a share in per cent like 0.1")
    if unit not in ("", "%") or not 0 <= number <= 100:
        raise LimitError(f"{text.strip()[:40]!r} is no share in per cent; accepted: 0 to 100")
    return number


def loudness(text: str) -> Loudness:
    """``-23±3``, ``-23+-3``, or ``-23`` for one LU to either side; with or without the unit.

    Raises:
        LimitError: anything else.
    """
    target, _, tolerance = text.replace("+-", "±").replace("+/-", "±").partition("±")
    expected = "a loudness like -23±3"
    number, unit = _quantity(target, expected)
    within, unit_within = _quantity(tolerance, expected) if tolerance else (1.0, "")
    if {unit.upper(), unit_within.upper()} - {"", "LUFS", "LU", "LKFS"} or within < 0 or not -70 <= number <= 10:
        raise LimitError(f"{text.strip()[:40]!r} is no loudness; accepted: -70 to 10, as -23±3")
    return Loudness(number, within)


def expected(text: str) -> dict[str, Any]:
    """``frame_ms=20,channels=1`` as keys and values as a file has them; which there are is for `Expected` to know.

    Raises:
        LimitError: no ``key=value``.
    """
    found: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        key, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not key or not value:
            raise LimitError(f"{part[:40]!r} is not possible; expected KEY=VALUE, for instance frame_ms=20")
        found[key] = _plain(value)
    return found


def _plain(text: str) -> Any:
    if text.lower() in ("true", "yes", "on", "false", "no", "off"):
        return text.lower() in ("true", "yes", "on")
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def _quantity(text: str, expected_text: str) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None or not math.isfinite(float(match[1])):
        raise LimitError(f"{text.strip()[:40]!r} is not possible; expected {expected_text}")
    return float(match[1]), match[2]


def _one_of(name: str, value: str | None, accepted: tuple[str, ...]) -> None:
    if value is not None and value not in accepted:
        raise LimitError(f"{name} {value[:40]!r} is not possible; accepted: {', '.join(accepted)}")
