"""An impairment as one line of text: what ``--impair`` takes, what reports and settings keep."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from core.playout.trace import TraceError, read_trace
from core.receiver.impairment.settings import MAX_SEED, NO_IMPAIRMENT, Impairment, ImpairmentError, JitterDistribution

OFF: Final = "off"
EXAMPLE: Final = "delay=50,jitter=normal:20,stall=8s:200ms,bandwidth=64"

_NEXT_KEY: Final = re.compile(r",\s*(?=[\w-]+\s*=)")
"""Where one part ends: the name of a trace's file may have a comma in it."""

_NUMBER: Final = re.compile(r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(?P<unit>[a-z/]*)", re.IGNORECASE)
_MS: Final = {"ms": 1.0, "s": 1000.0}
_S: Final = {"s": 1.0, "ms": 0.001}
_KBPS: Final = {"kbit/s": 1.0, "kbps": 1.0, "mbit/s": 1000.0, "mbps": 1000.0}


def parse_impairment(text: str) -> Impairment:
    """The impairment that ``text`` describes, for instance `EXAMPLE`; ``off`` is none.

    Durations may carry ``ms`` or ``s``. Without a unit, delays, jitters and the lengths of stalls are milliseconds,
    the times between stalls and disconnects are seconds, and a bandwidth is kbit/s.

    Raises:
        ImpairmentError: in one line, what is wrong and what would be accepted.
    """
    if text.strip() in (OFF, ""):
        return NO_IMPAIRMENT
    fields: dict[str, Any] = {}
    keys: set[str] = set()
    for part in _NEXT_KEY.split(text.strip()):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in _READERS:
            raise ImpairmentError(f"{key!r} is no impairment; accepted: {', '.join(_READERS)}, or {OFF} alone")
        if not equals or not value:
            raise ImpairmentError(f"{key} has no value; for instance {_EXAMPLES[key]}")
        if key in keys:
            raise ImpairmentError(f"{key} is given twice; give it once")
        keys.add(key)
        fields |= _READERS[key](key, value)
    if {"disconnect", "random-disconnect"} <= keys:
        raise ImpairmentError("disconnects are either periodic or random; give disconnect or random-disconnect")
    return Impairment(**fields)


def impairment_text(impairment: Impairment) -> str:
    """What `parse_impairment` reads as the same impairment, where the trace's file is still there."""
    parts = []
    if impairment.delay_ms:
        parts.append(f"delay={_exact(impairment.delay_ms)}ms")
    if impairment.jitter_ms:
        parts.append(f"jitter={impairment.jitter_distribution.value}:{_exact(impairment.jitter_ms)}ms")
    for key, every_s, length_ms in (
        ("stall", impairment.stall_every_s, impairment.stall_ms),
        ("random-stall", impairment.random_stall_every_s, impairment.random_stall_ms),
    ):
        if every_s is not None and length_ms is not None:
            parts.append(f"{key}={_exact(every_s)}s:{_exact(length_ms)}ms")
    if impairment.bandwidth_kbps is not None:
        parts.append(f"bandwidth={_exact(impairment.bandwidth_kbps)}kbit/s")
    if impairment.disconnect_every_s is not None:
        key = "random-disconnect" if impairment.is_disconnect_random else "disconnect"
        parts.append(f"{key}={_exact(impairment.disconnect_every_s)}s")
    if impairment.trace_name is not None:
        parts.append(f"trace={impairment.trace_name}")
    if impairment.seed:
        parts.append(f"seed={impairment.seed}")
    return ",".join(parts) or OFF


def _delay(key: str, value: str) -> dict[str, Any]:
    return {"delay_ms": _quantity(key, value, _MS)}


def _jitter(key: str, value: str) -> dict[str, Any]:
    kind, colon, amount = value.partition(":")
    kinds = {distribution.value: distribution for distribution in JitterDistribution}
    if not colon:
        return {"jitter_ms": _quantity(key, value, _MS)}
    if kind.strip() not in kinds:
        raise ImpairmentError(f"{kind!r} is no distribution of jitter; accepted: {', '.join(kinds)}")
    return {"jitter_ms": _quantity(key, amount, _MS), "jitter_distribution": kinds[kind.strip()]}


def _stall(key: str, value: str) -> dict[str, Any]:
    every, colon, length = value.partition(":")
    if not colon:
        raise ImpairmentError(f"{key}={value} does not say how often and how long; for instance {_EXAMPLES[key]}")
    prefix = "random_" if key == "random-stall" else ""
    return {f"{prefix}stall_every_s": _quantity(key, every, _S), f"{prefix}stall_ms": _quantity(key, length, _MS)}


def _bandwidth(key: str, value: str) -> dict[str, Any]:
    return {"bandwidth_kbps": _quantity(key, value, _KBPS)}


def _disconnect(key: str, value: str) -> dict[str, Any]:
    return {"disconnect_every_s": _quantity(key, value, _S), "is_disconnect_random": key == "random-disconnect"}


def _trace(key: str, value: str) -> dict[str, Any]:
    try:
        return {"trace": read_trace(Path(value)), "trace_name": value}
    except TraceError as error:
        raise ImpairmentError(str(error)) from error


def _seed(key: str, value: str) -> dict[str, Any]:
    if not re.fullmatch("[0-9]{1,10}", value):
        raise ImpairmentError(f"{key}={value} is no seed; accepted: 0 to {MAX_SEED}")
    return {"seed": int(value)}


_READERS: Final[dict[str, Callable[[str, str], dict[str, Any]]]] = {
    "delay": _delay,
    "jitter": _jitter,
    "stall": _stall,
    "random-stall": _stall,
    "bandwidth": _bandwidth,
    "disconnect": _disconnect,
    "random-disconnect": _disconnect,
    "trace": _trace,
    "seed": _seed,
}

_EXAMPLES: Final = {
    "delay": "delay=50ms",
    "jitter": "jitter=normal:20ms",
    "stall": "stall=8s:200ms",
    "random-stall": "random-stall=10s:150ms",
    "bandwidth": "bandwidth=64kbit/s",
    "disconnect": "disconnect=30s",
    "random-disconnect": "random-disconnect=30s",
    "trace": "trace=FILE.json",
    "seed": "seed=7",
}


def _quantity(key: str, text: str, units: dict[str, float]) -> float:
    """A number in the first of ``units``, which also is what a bare number is in."""
    found = _NUMBER.fullmatch(text.strip())
    unit = found["unit"].casefold() if found else ""
    if found is None or (unit and unit not in units):
        accepted = " or ".join(units)
        raise ImpairmentError(f"{key}: {text.strip()!r} is no number of {accepted}; for instance {_EXAMPLES[key]}")
    return float(found["number"]) * (units[unit] if unit else 1.0)


def _exact(value: float) -> str:
    """The shortest text that reads as the same number."""
    return repr(float(value)).removesuffix(".0")
