"""Two captures side by side: their figures, and by how much they differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.analysis.results import Analysis, Percentiles
from core.recording.overview import Overview
from gui.translation import translate
from gui.view_models.text import UNKNOWN, fixed

FINDINGS_SHOWN: Final = 3
"""The first ones are the causes of what follows."""


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One figure of both, the difference of the second to the first, and what it means."""

    name: str
    first: str
    second: str
    difference: str
    meaning: str


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    value: Callable[[Overview], float | None]
    digits: int
    meaning: str


def comparison_rows(first: Overview, second: Overview) -> list[ComparisonRow]:
    """All figures; an em dash where one cannot be had, or has no difference."""
    return [
        ComparisonRow(
            figure.name,
            _text(a := figure.value(first), figure.digits),
            _text(b := figure.value(second), figure.digits),
            _difference(a, b, figure.digits),
            figure.meaning,
        )
        for figure in _figures()
    ]


def findings_text(overview: Overview) -> str:
    """What is wrong, in the words of the analysis, a line each; or that nothing is."""
    if not overview.findings:
        return translate("Compare", "✓ nothing found")
    lines = [f"▲ {finding.sentence}" for finding in overview.findings[:FINDINGS_SHOWN]]
    more = len(overview.findings) - FINDINGS_SHOWN
    return "\n".join([*lines, *([translate("Compare", "and {0} more").format(more)] if more > 0 else [])])


def late_share(overview: Overview) -> tuple[float, ...]:
    """Late packets in per cent for each delay from 0 to 2000 ms by 5 ms; empty where nothing came."""
    needs = overview.analysis.needs
    return () if needs is None else needs.late_pct


def _figures() -> list[_Figure]:
    tr = translate
    lateness = "How much later than the quickest of late packets came"
    return [
        _Figure(
            tr("Compare", "Duration, s"), lambda it: it.capture.duration_s, 1, tr("Compare", "First to last packet")
        ),
        _Figure(tr("Compare", "Packets"), lambda it: it.capture.packets, 0, tr("Compare", "That came")),
        _Figure(
            tr("Compare", "Missing"),
            lambda it: it.analysis.completeness.missing,
            0,
            tr("Compare", "Sequence numbers that never came; a bare stream has none"),
        ),
        _Figure(tr("Compare", "Twice"), lambda it: it.analysis.completeness.duplicates, 0, tr("Compare", "Came again")),
        _Figure(
            tr("Compare", "Out of order"),
            lambda it: it.analysis.completeness.reordered,
            0,
            tr("Compare", "Came after one that follows"),
        ),
        _Figure(
            tr("Compare", "Stalls"),
            _pacing("stalls"),
            0,
            tr("Compare", "Times in which packets were due and none came; not those of the capturing computer"),
        ),
        _Figure(tr("Compare", "Longest stall, ms"), _pacing("longest_stall_ms"), 0, tr("Compare", "Of these")),
        _Figure(tr("Compare", "Lateness, ms: median"), _late("p50"), 1, tr("Compare", lateness)),
        _Figure(tr("Compare", "95 %"), _late("p95"), 1, tr("Compare", lateness)),
        _Figure(tr("Compare", "99 %"), _late("p99"), 1, tr("Compare", lateness)),
        _Figure(tr("Compare", "most"), _late("maximum"), 1, tr("Compare", lateness)),
        _Figure(tr("Compare", "Jitter, ms"), _pacing("jitter_ms"), 1, tr("Compare", "Of RFC 3550, at the end")),
        _Figure(
            tr("Compare", "Buffer for 1 % late, ms"),
            lambda it: None if it.analysis.needs is None else it.analysis.needs.buffer_ms_for_1_pct,
            0,
            tr("Compare", "The smallest fixed buffer that so many packets miss"),
        ),
        _Figure(
            tr("Compare", "for 0.1 % late, ms"),
            lambda it: None if it.analysis.needs is None else it.analysis.needs.buffer_ms_for_0_1_pct,
            0,
            tr("Compare", "The smallest fixed buffer that so many packets miss"),
        ),
        _Figure(
            tr("Compare", "Clock skew, ppm"),
            _pacing("skew_ppm"),
            0,
            tr("Compare", "By how much the sender is too slow (below 0: too fast), in millionths"),
        ),
        _Figure(
            tr("Compare", "Packet, ms"), _pacing("packet_ms"), 1, tr("Compare", "How much sound is in a usual packet")
        ),
        _Figure(
            tr("Compare", "Bit rate, kbit/s"),
            lambda it: None if it.analysis.content is None else it.analysis.content.bitrate_kbps,
            1,
            tr("Compare", "Of the packets alone, without headers"),
        ),
        _Figure(
            tr("Compare", "Round trip, ms"),
            lambda it: None if it.analysis.round_trips is None else it.analysis.round_trips.median_ms,
            1,
            tr("Compare", "Median of the pings; captures of other programs have none"),
        ),
        _Figure(
            tr("Compare", "Connections"),
            lambda it: sum(it.analysis.closing.endings.values()) or None,
            0,
            tr("Compare", "That were made and ended; captures of other programs know of none"),
        ),
    ]


def _pacing(name: str) -> Callable[[Overview], float | None]:
    def value(it: Overview) -> float | None:
        return None if it.analysis.pacing is None else getattr(it.analysis.pacing, name)

    return value


def _late(name: str) -> Callable[[Overview], float | None]:
    def value(it: Overview) -> float | None:
        delays = _delays(it.analysis)
        return None if delays is None else float(getattr(delays, name))

    return value


def _delays(analysis: Analysis) -> Percentiles | None:
    return None if analysis.pacing is None else analysis.pacing.relative_delay_ms


def _text(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else fixed(value, digits)


def _difference(first: float | None, second: float | None, digits: int) -> str:
    if first is None or second is None:
        return UNKNOWN
    # Of what stands there: whoever adds up shall not find a mistake.
    difference = round(round(second, digits) - round(first, digits), digits)
    return "" if difference == 0 else f"{'+' if difference > 0 else ''}{fixed(difference, digits)}"
