"""When one file is enough and the next one begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.opus.packet import SAMPLE_RATE_HZ

_SECONDS: Final = {"s": 1, "min": 60, "h": 3600}
_BYTES: Final = {"kB": 10**3, "MB": 10**6, "GB": 10**9}
LEAST_SECONDS: Final = 5.0
LEAST_BYTES: Final = 200_000
"""So that every file holds much more than the packets of a second that it shares with the one before."""


class RotationError(ValueError):
    """What was asked for is no rotation; one line with what would be."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """One of both is ``None``, or both are: then there is one file."""

    samples: int | None = None
    """Of audio in a file, at 48 kHz."""
    size_bytes: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether there may be a second file."""
        return self.samples is not None or self.size_bytes is not None

    def is_due(self, samples: int, size_bytes: int) -> bool:
        """Whether a file that would then hold so much is too large."""
        by_time = self.samples is not None and samples > self.samples
        return by_time or (self.size_bytes is not None and size_bytes > self.size_bytes)


NO_ROTATION: Final = Rotation()


def parse_rotation(text: str) -> Rotation:
    """``10min``, ``90s``, ``1h``, ``500kB``, ``100MB`` or ``1.5GB`` (powers of 1000).

    Raises:
        RotationError: none of these.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*(s|min|h|kB|MB|GB)", text.strip())
    if found is None:
        raise RotationError(f"{text!r} is no rotation; accepted: a time or a size, for instance 10min, 1h or 100MB")
    number, unit = float(found[1]), found[2]
    if unit in _SECONDS:
        seconds = number * _SECONDS[unit]
        if seconds < LEAST_SECONDS:
            raise RotationError(f"{text!r} is too short for a file; accepted: {LEAST_SECONDS:g} s or more")
        return Rotation(samples=round(seconds * SAMPLE_RATE_HZ))
    size = round(number * _BYTES[unit])
    if size < LEAST_BYTES:
        raise RotationError(f"{text!r} is too small for a file; accepted: {LEAST_BYTES // 1000} kB or more")
    return Rotation(size_bytes=size)
