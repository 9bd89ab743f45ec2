"""The figures as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tests.benchmarks.playout_comparison import neteq
from tests.benchmarks.playout_comparison.players import Row

_CONCEALED_MARGIN = 0.025
"""Percentage points of concealment above NetEQ's that still count as no worse (its figures vary between runs)."""


def details(rows: Sequence[Row]) -> str:
    """One line for each trace and player."""
    known = _neteq(rows)
    lines = []
    for row in rows:
        figures, base_ms = row.figures, known.get(row.trace.name, (math.nan,))[0]
        lines.append(
            (
                row.trace.name,
                row.player,
                f"{figures.playout_delay_ms:.1f}",
                _number(figures.playout_delay_p95_ms, 1),
                _number(figures.playout_delay_ms / base_ms, 2),
                f"{figures.concealed_pct:.3f}",
                str(figures.concealment_events),
                f"{figures.stretched_pct:.2f}",
                _number(figures.skipped_pct, 2),
            )
        )
    heads = ("trace", "player", "delay ms", "p95 ms", "x NetEQ", "concealed %", "events", "stretched %", "skipped %")
    return markdown(heads, lines, left=2)


def summary(rows: Sequence[Row]) -> str:
    """One line for each player: delay and concealment on each trace, and all of it against NetEQ.

    The ratio is the geometric mean of the delays over NetEQ's: it says little about a player that conceals much. "no
    worse" counts the traces with no more delay and at most 0.025 percentage points more concealment.
    """
    known = _neteq(rows)
    traces = list(dict.fromkeys(row.trace.name for row in rows))
    lines = []
    for name in dict.fromkeys(row.player for row in rows):
        own = {row.trace.name: row.figures for row in rows if row.player == name}
        ratios, no_worse = [], 0
        for trace in known.keys() & own.keys():
            delay_ms, concealed_pct = known[trace]
            ratios.append(own[trace].playout_delay_ms / delay_ms)
            no_worse += ratios[-1] <= 1.0 and own[trace].concealed_pct <= concealed_pct + _CONCEALED_MARGIN
        cells = (
            f"{own[trace].playout_delay_ms:.0f} / {own[trace].concealed_pct:.2f}" if trace in own else "-"
            for trace in traces
        )
        stretched = sum(figures.stretched_pct for figures in own.values()) / len(own)
        against = f"{no_worse} of {len(ratios)}" if name != neteq.NAME else "-"
        lines.append((name, *cells, _number(geometric_mean(ratios), 2), against, f"{stretched:.2f}"))
    return markdown(("delay ms / concealed %", *traces, "x NetEQ", "no worse", "stretched %"), lines, left=1)


def geometric_mean(values: Iterable[float]) -> float:
    """Geometric mean of positive numbers, NaN of none."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def _neteq(rows: Iterable[Row]) -> dict[str, tuple[float, float]]:
    """Delay (ms) and concealment (%) of NetEQ by trace."""
    return {
        row.trace.name: (row.figures.playout_delay_ms, row.figures.concealed_pct)
        for row in rows
        if row.player == neteq.NAME
    }


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """A table whose first ``left`` columns stand left, the others right; padded to read well in a terminal."""
    widths = [max(len(line[column]) for line in (heads, *lines)) for column in range(len(heads))]

    def row(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([row(heads), row(rule), *(row(line) for line in lines)])
