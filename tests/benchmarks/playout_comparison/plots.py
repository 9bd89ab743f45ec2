"""Delay against concealment: one panel a trace, one mark a player, as PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.benchmarks.playout_comparison import neteq
from tests.benchmarks.playout_comparison.driver import window_of
from tests.benchmarks.playout_comparison.players import Row
from tests.traces.trace import Trace

_COLUMNS = 4
_PANEL_INCHES = (4.0, 3.3)
_DEPTHS_MS = tuple(np.geomspace(5.0, 1600.0, 60))
_COLOURS = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#CC79A7", "#009E73", "#7F5A3C", "#8C8C00")
"""Okabe and Ito's, told apart by colour-blind people too; the marks differ besides."""
_MARKS = "osD^vPXh"
_SHARE_TICKS = (0.0, 0.1, 1.0, 10.0)


def draw(rows: Sequence[Row], path: Path, panel_of: Callable[[Row], str] = lambda row: row.trace.name) -> None:
    """Write one PNG with a panel for each name that ``panel_of`` gives, and a mark for each row.

    A grey line shows what fixed buffers of every depth make of the same traces: below it is better than any of them.
    """
    names = list(dict.fromkeys(row.player for row in rows))
    panels: dict[str, list[Row]] = {}
    for row in rows:
        panels.setdefault(panel_of(row), []).append(row)
    height = math.ceil((len(panels) + 1) / _COLUMNS)
    figure = Figure(figsize=(_PANEL_INCHES[0] * _COLUMNS, _PANEL_INCHES[1] * height), layout="constrained")
    FigureCanvasAgg(figure)
    cells = list(figure.subplots(height, _COLUMNS, squeeze=False).flat)
    for axes, (title, members) in zip(cells, panels.items(), strict=False):
        _panel(axes, title, members, names)
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    known = {
        label: handle
        for axes in cells[: len(panels)]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    cells[len(panels)].legend(known.values(), known.keys(), loc="center", frameon=False, fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _panel(axes: Axes, title: str, rows: Sequence[Row], names: Sequence[str]) -> None:
    traces = {row.trace.name: row.trace for row in rows}
    curve = _fixed_buffers(traces.values())
    axes.plot(*zip(*curve, strict=True), color="0.6", linewidth=1.2, zorder=1, label="fixed, any depth")
    others = [name for name in names if name != neteq.NAME]
    for name in names:
        points = [(row.figures.playout_delay_ms, row.figures.concealed_pct) for row in rows if row.player == name]
        if not points:
            continue
        if name == neteq.NAME:
            colour, mark, size = "black", "*", 150.0
        else:
            place = others.index(name)
            colour, mark, size = _COLOURS[place % len(_COLOURS)], _MARKS[place % len(_MARKS)], 55.0
        delays, shares = zip(*points, strict=True)
        axes.scatter(delays, shares, s=size, c=colour, marker=mark, alpha=0.85, zorder=3, label=name, clip_on=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xscale("log")
    axes.set_xlim(4.0, 2000.0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_yticks(_SHARE_TICKS, [f"{tick:g}" for tick in _SHARE_TICKS], minor=False)
    axes.set_ylim(0.0, 30.0)
    axes.set_xlabel("playout delay, ms")
    axes.set_ylabel("concealed, %")


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
