"""Arrival traces: when each packet of a stream came, recorded or made up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

MAX_FILE_BYTES: Final = 64_000_000
"""A day of packets of 20 ms takes half of this."""


class TraceError(ValueError):
    """A file that holds no arrival trace; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ArrivalTrace:
    """Packet ``i`` leaves at ``i * frame_ms`` and arrives ``delays_ms[i]`` later."""

    frame_ms: float
    delays_ms: tuple[float, ...]

    @property
    def duration_ms(self) -> float:
        """Media time of the whole trace."""
        return len(self.delays_ms) * self.frame_ms

    def arrivals_ms(self, frame_ms: float) -> list[float]:
        """When packets of ``frame_ms`` would arrive on the same path, in order as over TCP.

        Between the packets of the trace the delay is interpolated.
        """
        leaves_ms = np.arange(0.0, self.duration_ms, frame_ms)
        known_ms = np.arange(len(self.delays_ms)) * self.frame_ms
        arrives_ms = leaves_ms + np.interp(leaves_ms, known_ms, self.delays_ms)
        in_order: list[float] = np.maximum.accumulate(arrives_ms).tolist()
        return in_order


def read_trace(path: Path) -> ArrivalTrace:
    """The trace in a JSON file, an object with ``frame_ms`` and ``delays_ms``.

    Raises:
        TraceError: the file cannot be read or is no trace.
    """
    try:
        if path.exists() and not path.is_file():
            raise TraceError(f"{path} cannot be read (no regular file); name a JSON file with an arrival trace")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TraceError(f"{path} is larger than {MAX_FILE_BYTES} bytes; is this an arrival trace?")
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise TraceError(f"{path} is nested too deeply; name a JSON file with an arrival trace") from error
    except OSError as error:
        raise TraceError(f"{path} cannot be read ({error.strerror}); name a JSON file with an arrival trace") from error
    except ValueError as error:
        raise TraceError(f"{path} is no JSON ({error}); name a JSON file with an arrival trace") from error
    if not isinstance(content, dict):
        raise TraceError(f"{path} is no arrival trace; expected an object with frame_ms and delays_ms")
    frame_ms = _number(content.get("frame_ms"))
    if frame_ms is None or not 0 < frame_ms <= 1_000:
        raise TraceError(f"{path}: frame_ms is {content.get('frame_ms')!r}; expected the milliseconds between packets")
    delays_ms = content.get("delays_ms")
    if not isinstance(delays_ms, list) or not delays_ms:
        raise TraceError(
            f"{path}: delays_ms is missing or empty; expected a list with the delay of each packet in milliseconds"
        )
    for number, delay in enumerate(delays_ms):
        delay_ms = _number(delay)
        if delay_ms is None or not 0 <= delay_ms <= 3_600_000:
            raise TraceError(f"{path}: delays_ms[{number}] is {delay!r}; expected milliseconds, 0 or more")
    return ArrivalTrace(frame_ms, tuple(map(float, delays_ms)))


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # JSON sets whole numbers no bound
        return None
