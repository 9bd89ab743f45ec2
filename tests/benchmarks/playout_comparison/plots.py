"""Delay against concealment: one panel for each trace or kind of traces, one mark for each player, as PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from tests.benchmarks.playout_comparison import neteq, ours
from tests.benchmarks.playout_comparison.driver import window_of
from tests.benchmarks.playout_comparison.players import Row
from tests.traces.trace import Trace

_COLUMNS = 3
_PANEL_INCHES = (4.9, 3.9)
_DEPTHS_MS = tuple(np.geomspace(5.0, 1600.0, 60))
_DELAY_TICKS = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
_SHARE_TICKS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_CURVE_LABEL = f"Opuscope, bias {ours.BIASES_MS_PER_PCT[0]:g} to {ours.BIASES_MS_PER_PCT[-1]:g} ms per %"
_OURS = "#C8102E"


@dataclass(frozen=True, slots=True)
class _Style:
    colour: str
    mark: str
    size: float
    edge: str = "none"


_KNOWN = {
    ours.COMPLETE: _Style(_OURS, "o", 130.0, "white"),
    # A ring, since the two are often in the same place.
    ours.LIVE: _Style("none", "o", 230.0, _OURS),
    neteq.NAME: _Style("black", "*", 190.0, "white"),
}
_OTHERS = (
    _Style("#0072B2", "s", 42.0),
    _Style("#009E73", "^", 52.0),
    _Style("#8C6D00", "D", 42.0),
    _Style("#56B4E9", "v", 52.0),
    _Style("#8A5BA6", "P", 52.0),
    _Style("#5F5F5F", "X", 52.0),
)
"""Told apart by colour-blind people too (after Okabe and Ito); the marks differ besides."""


def draw(rows: Sequence[Row], path: Path, panel_of: Callable[[Row], str] = lambda row: row.trace.name) -> Figure:
    """Write one PNG with a panel for each name that ``panel_of`` gives, and return it; a mark is a player's mean.

    A grey line shows what fixed buffers of every depth make of the same traces: below it is better than any of them.
    Rows of `ours.curve` become a line.
    """
    curve = ours.curve()
    names = [name for name in dict.fromkeys(row.player for row in rows) if name not in curve or name == ours.COMPLETE]
    others = [name for name in names if name not in _KNOWN]
    styles = {name: _KNOWN.get(name) or _OTHERS[others.index(name) % len(_OTHERS)] for name in names}
    panels: dict[str, list[Row]] = {}
    for row in rows:
        panels.setdefault(panel_of(row), []).append(row)
    height = math.ceil((len(panels) + 1) / _COLUMNS)
    figure = Figure(figsize=(_PANEL_INCHES[0] * _COLUMNS, _PANEL_INCHES[1] * height), layout="constrained")
    FigureCanvasAgg(figure)
    cells = list(figure.subplots(height, _COLUMNS, squeeze=False).flat)
    for axes, (title, members) in zip(cells, panels.items(), strict=False):
        _panel(axes, title, members, styles)
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    known = {
        label: handle
        for axes in cells[: len(panels)]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    in_order = sorted(known, key=lambda label: label not in (ours.COMPLETE, _CURVE_LABEL, ours.LIVE))
    cells[len(panels)].legend(
        [known[label] for label in in_order],
        in_order,
        loc="center left",
        frameon=False,
        fontsize=12,
        labelspacing=0.8,
        title="down and to the left is better",
        title_fontsize=12,
        alignment="left",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return figure


def _panel(axes: Axes, title: str, rows: Sequence[Row], styles: Mapping[str, _Style]) -> None:
    means = _means(rows)
    traces = {row.trace.name: row.trace for row in rows}
    fixed = _fixed_buffers(traces.values())
    axes.plot(*zip(*fixed, strict=True), color="0.65", linewidth=1.4, zorder=1, label="fixed buffer of any depth")
    ours_by_bias = [means[name] for name in ours.curve() if name in means]
    if len(ours_by_bias) > 1:
        axes.plot(
            *zip(*ours_by_bias, strict=True),
            color=_OURS,
            linewidth=2.2,
            marker="o",
            markersize=4.0,
            zorder=4,
            clip_on=False,
            label=_CURVE_LABEL,
        )
    for name, style in styles.items():
        if name in means:
            axes.scatter(
                *means[name],
                s=style.size,
                c=style.colour,
                marker=style.mark,
                edgecolors=style.edge,
                linewidths=0.0 if style.edge == "none" else 2.0 if style.colour == "none" else 1.0,
                zorder=5 if name in _KNOWN else 3,
                label=name,
                clip_on=False,
            )
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    what = next(iter(traces.values())).description if len(traces) == 1 else f"mean of {len(traces)} traces"
    axes.set_title(title, loc="left", fontweight="bold", pad=18)
    axes.text(0.0, 1.02, what, transform=axes.transAxes, fontsize=8.5, color="0.35", in_layout=False)
    axes.set_xscale("log")
    axes.set_xlim(4.0, 2000.0)
    axes.set_xticks(_DELAY_TICKS, [f"{tick:g}" for tick in _DELAY_TICKS])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_yticks(_SHARE_TICKS, [f"{tick:g}" for tick in _SHARE_TICKS], minor=False)
    axes.set_ylim(0.0, 30.0)
    axes.set_xlabel("playout delay, ms")
    axes.set_ylabel("concealed, %")


def _means(rows: Iterable[Row]) -> dict[str, tuple[float, float]]:
    """Mean delay (ms) and concealment (%) by player."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.player, []).append(row)
    return {
        name: (
            sum(row.figures.playout_delay_ms for row in members) / len(members),
            sum(row.figures.concealed_pct for row in members) / len(members),
        )
        for name, members in groups.items()
    }


def _fixed_buffers(traces: Iterable[Trace]) -> list[tuple[float, float]]:
    """Mean delay (ms) and concealment (%) of fixed buffers over the traces, by depth.

    A sample is heard if its packet came by the time it is due, so a packet loses as much of itself as it is late: what
    `FixedDelay` does, but for the device's grid of requests.
    """
    lateness = []
    for trace in traces:
        begin_ms, end_ms = window_of(trace)
        delays_ms = np.array(trace.delays_ms)
        inside = slice(int(begin_ms / trace.frame_ms), int(end_ms / trace.frame_ms))
        lateness.append((delays_ms[0], trace.frame_ms, delays_ms[inside]))
    curve = []
    for depth_ms in _DEPTHS_MS:
        lags = [first_ms + depth_ms for first_ms, _, _ in lateness]
        lost = [
            float(np.clip(delays_ms - lag_ms, 0.0, frame_ms).mean()) / frame_ms * 100.0
            for lag_ms, (_, frame_ms, delays_ms) in zip(lags, lateness, strict=True)
        ]
        curve.append((sum(lags) / len(lags), sum(lost) / len(lost)))
        if not any(lost):
            break
    return curve
