"""All plots over time, made at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core.monitor.monitor import BITRATE_KBPS, PACKET_KBPS, RELATIVE_DELAY_MS
from gui.plots.depth_plot import DepthPlot
from gui.plots.latency_plot import LatencyPlot
from gui.plots.level_plot import LevelPlot
from gui.plots.range_plot import RangePlot
from gui.plots.underrun_plot import UnderrunPlot
from gui.time_view import TimeView
from gui.view_models.axis_range import SteppedRange
from gui.view_models.text import fixed, milliseconds


class TimePlots(NamedTuple):
    """From top to bottom, as their docks stand."""

    depth: DepthPlot
    underrun: UnderrunPlot
    latency: LatencyPlot
    jitter: RangePlot
    bitrate: RangePlot
    level: LevelPlot


def make_time_plots(view: TimeView, on_painted: Callable[[float], None]) -> TimePlots:
    """Plots of what ``view`` shows; ``on_painted`` is told each painting's milliseconds."""
    return TimePlots(
        DepthPlot(view, on_painted),
        UnderrunPlot(view, on_painted),
        LatencyPlot(view, on_painted),
        RangePlot(view, RELATIVE_DELAY_MS, SteppedRange(20.0), on_painted, milliseconds),
        RangePlot(view, PACKET_KBPS, SteppedRange(50.0), on_painted, _kilobits, BITRATE_KBPS),
        LevelPlot(view, on_painted),
    )


def _kilobits(value: float) -> str:
    return f"{fixed(value, 1)} kbit/s"
