"""Checks of what packets are against what they are expected to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.analysis.checks_result import NEVER, CheckResult, Outcome
from core.analysis.limits import Limits
from core.analysis.make_up import SEEN_PCT
from core.analysis.results import Analysis, Evidence

MOSTLY_PCT: Final = 99.0
"""A stream is what so many of its packets are: the first ones may be of another setting."""

_EXPECTED_NAMES: Final = {
    "frame_ms": "frame size in ms",
    "channels": "channels",
    "mode": "mode",
    "bandwidth": "bandwidth",
    "fec": "FEC",
    "dtx": "DTX",
    "cbr": "constant bit rate",
    "subprotocol": "subprotocol",
}


def expectations(limits: Limits, analysis: Analysis) -> list[CheckResult]:
    """What the stream has to be, and is in nearly all of its packets, or not."""
    expect, content, startup = limits.expect, analysis.content, analysis.startup
    results: list[CheckResult] = []

    def compare(key: str, wanted: Any, found: str | None, is_fine: bool, evidence: tuple[Evidence, ...] = ()) -> None:
        if wanted is None:
            return
        name = f"expect.{key}"
        if found is None:
            text = f"{_EXPECTED_NAMES[key]}: not measurable: {_missing(analysis, key)} (expected: {_told(wanted)})"
            results.append(CheckResult(name, Outcome.NOT_MEASURABLE, None, _told(wanted), "", text))
            return
        text = f"{_EXPECTED_NAMES[key]}: {found}, {'as expected' if is_fine else f'but expected: {_told(wanted)}'}"
        outcome = Outcome.PASS if is_fine else Outcome.FAIL
        results.append(CheckResult(name, outcome, found, _told(wanted), "", text, () if is_fine else evidence))

    shares: dict[str, tuple[Any, Mapping[Any, float]]] = {}
    if content is not None:
        shares = {
            "frame_ms": (expect.frame_ms, content.packet_ms_pct),
            "channels": (expect.channels, content.channels_pct),
            "mode": (expect.mode, content.modes_pct),
            "bandwidth": (expect.bandwidth, content.bandwidths_pct),
        }
    for key in ("frame_ms", "channels", "mode", "bandwidth"):
        wanted, found = shares.get(key, (getattr(expect, key), {}))
        text = ", ".join(f"{_told(value)} ({share:.0f} %)" for value, share in found.items()) or None
        is_fine = found.get(wanted, 0.0) >= MOSTLY_PCT
        compare(key, wanted, text, is_fine, _changes(analysis, key, wanted in found))
    has_fec = None if content is None else content.fec_pct >= SEEN_PCT
    has_dtx = None if content is None else content.dtx_pct > 0
    for key, wanted_flag, flag in (
        ("fec", expect.fec, has_fec),
        ("dtx", expect.dtx, has_dtx),
        ("cbr", expect.cbr, None if content is None else content.is_cbr),
    ):
        compare(key, wanted_flag, None if flag is None else _told(flag), flag == wanted_flag)
    agreed = startup.subprotocol or "none" if analysis.connected_s > 0 else None
    compare("subprotocol", expect.subprotocol, agreed, agreed == expect.subprotocol)
    return results


def _missing(analysis: Analysis, key: str) -> str:
    if key == "subprotocol":
        return "there was no connection"
    return NEVER if analysis.content is None else "too few packets that code sound"


def _changes(analysis: Analysis, key: str, occurs: bool) -> tuple[Evidence, ...]:
    """Where the stream became something else; where it never was what is expected, the whole of it."""
    content = analysis.content
    if content is None:
        return ()
    if not occurs:
        startup = analysis.startup
        first_s = ((startup.connect_ms or 0.0) + (startup.first_packet_ms or 0.0)) / 1e3
        return (Evidence(first_s, 0, packets=analysis.completeness.packets, note="all of them"),)
    what = "packet_ms" if key == "frame_ms" else key
    return tuple(
        Evidence(change.at_s, change.packet, note=f"from {change.before} to {change.after}")
        for change in content.newest_changes
        if change.what == what
    )


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
