"""How much it varies from one random trace of a kind to the next, as Markdown tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from core.playout.settings import DEFAULT_BIAS_MS_PER_PCT
from tests.benchmarks.playout_comparison import ours
from tests.benchmarks.playout_comparison.metrics import Figures
from tests.benchmarks.playout_comparison.players import Row
from tests.benchmarks.playout_comparison.table import geometric_mean, markdown


def everyone(rows: Sequence[Row]) -> str:
    """One line for each kind of random trace and player: least, median and most over the seeds."""
    lines = []
    for (kind, name), figures in _groups(rows).items():
        lines.append(
            (
                kind,
                name,
                _triple((one.playout_delay_ms for one in figures), 0),
                _triple((one.concealed_pct for one in figures), 2),
                _triple((float(one.concealment_events) for one in figures), 0),
                _triple((one.stretched_pct for one in figures), 1),
                _triple((one.skipped_pct or 0.0 for one in figures), 1),
            )
        )
    heads = ("delay ms", "concealed %", "events", "stretched %", "skipped %")
    return markdown(("kind; least / median / most", "player", *heads), lines, left=2)


def against_best(rows: Sequence[Row]) -> str:
    """Ours against whichever other player was best on each single trace, by delay + 140 ms for each % concealed.

    That measure is the one that our target is chosen by; no single other player is the best one on all kinds. The last
    line has the geometric mean over all traces in place of the median.
    """
    best: dict[str, tuple[float, str]] = {}
    for row in rows:
        if row.player not in ours.players():
            known = best.get(row.trace.name, (math.inf, ""))
            best[row.trace.name] = min(known, (_cost_ms(row.figures), row.player))
    lines = []
    for name in ours.players():
        ratios: dict[str, list[float]] = {}
        winners: dict[str, Counter[str]] = {}
        for row in rows:
            if row.player == name and row.trace.name in best:
                cost_ms, winner = best[row.trace.name]
                ratios.setdefault(kind_of(row), []).append(_cost_ms(row.figures) / max(cost_ms, 1e-9))
                winners.setdefault(kind_of(row), Counter())[winner] += 1
        for kind, values in ratios.items():
            (winner, times), *_ = winners[kind].most_common(1)
            lines.append((kind, name, _triple(values, 2), f"{winner} ({times} of {len(values)})"))
        every = [ratio for values in ratios.values() for ratio in values]
        if every:
            lines.append(("all", name, _triple(every, 2, geometric_mean), ""))
    measure = f"delay + {DEFAULT_BIAS_MS_PER_PCT:g} ms per % concealed, x the best other"
    return markdown(("kind", "player", measure, "which was mostly"), lines, left=2)


def kind_of(row: Row) -> str:
    """Family of a random trace: its name without the seed."""
    return row.trace.name.rpartition("-")[0] or row.trace.name


def _groups(rows: Iterable[Row]) -> dict[tuple[str, str], list[Figures]]:
    groups: dict[tuple[str, str], list[Figures]] = {}
    for row in rows:
        groups.setdefault((kind_of(row), row.player), []).append(row.figures)
    return groups


def _cost_ms(figures: Figures) -> float:
    return figures.playout_delay_ms + DEFAULT_BIAS_MS_PER_PCT * figures.concealed_pct


def _triple(values: Iterable[float], digits: int, middle: Callable[[Sequence[float]], float] = median) -> str:
    known = list(values)
    return " / ".join(f"{value:.{digits}f}" for value in (min(known), middle(known), max(known)))
