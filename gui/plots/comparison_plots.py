"""The plots of two captures side by side: lateness over time, and late packets by depth. They stand still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QToolTip, QWidget

from core.playout.late_history import GRID_MS
from core.recording.outline import Problem
from core.recording.overview import Overview
from gui.plots.bars import BinBars, Values
from gui.plots.plain_plot import PlainPlot
from gui.theme import Colors
from gui.translation import translate
from gui.view_models.axis_range import next_step, round_ticks
from gui.view_models.text import decimal, fixed, milliseconds, significant
from gui.view_models.what_if import LEAST_PCT

LATENESS_LEAST_PX: Final = 110
SHARE_LEAST_PX: Final = 120
_LOG_TICKS: Final = [(-2.0, "0.01"), (-1.0, "0.1"), (0.0, "1"), (1.0, "10"), (2.0, "100")]
_LEAST_TOP_MS: Final = 50.0
_NEAR_SHARE: Final = 0.01
"""A problem so near to the pointer, as a share of the time shown, is the one that is pointed at."""


def nothing(_took_ms: float) -> None:
    """Nobody counts how long it takes to paint what stands still."""


class LatenessPlot(PlainPlot):
    """How late the latest packet of each moment was; a line from top to bottom wherever something is wrong."""

    moment_chosen = Signal(float)
    """A click, in seconds since the capture's first packet."""

    def __init__(self, on_painted: Callable[[float], None] = nothing, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(LATENESS_LEAST_PX, on_painted, parent)
        self._overview: Overview | None = None
        self._span_s = 1.0
        self.problem_lines = pg.PlotCurveItem(skipFiniteCheck=True, connect="pairs")
        self.bars = BinBars()
        for item in (self.problem_lines, self.bars):
            self.addItem(item, ignoreBounds=True)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_data_color(self, colors: Colors, color: str) -> None:
        """Take on a theme; ``color`` is this capture's."""
        super().set_colors(colors)
        # With an outline a bar is never thinner than a pixel: none is lost in a small window.
        self.bars.setOpts(brush=color, pen=pg.mkPen(color, width=1))
        self.problem_lines.setPen(colors.underrun, width=1)

    def show_overview(self, overview: Overview, span_s: float, top_ms: float) -> None:
        """Show a capture on a scale of ``span_s`` to the right and ``top_ms`` upwards, the same for both."""
        self._overview, self._span_s = overview, span_s
        plot = self.getPlotItem()
        plot.setXRange(0.0, span_s, padding=0)
        plot.setYRange(0.0, top_ms, padding=0)
        plot.getAxis("left").setTicks([[(tick, significant(tick)) for tick in round_ticks(top_ms)]])
        plot.getAxis("bottom").setTicks([time_ticks(span_s)])
        high = np.array([np.nan if each is None else each for each in overview.latest_ms])
        filled = np.isfinite(high)
        begins_s: Values = np.arange(len(high), dtype=np.float64) * overview.point_s
        ends_s: Values = begins_s + overview.point_s
        self.bars.set_edges(begins_s, ends_s)
        # What is in time is seen to be there, too.
        self.bars.show_bins(filled, np.zeros_like(high), np.maximum(high, top_ms / 100))
        at_s = np.repeat([problem.position_s for problem in overview.problems], 2)
        self.problem_lines.setData(at_s, np.tile([0.0, top_ms], len(overview.problems)), connect="pairs")

    def text_at(self, position_s: float) -> str:
        """What was there, for people: how late, and what is wrong nearby; empty outside of the capture."""
        if self._overview is None or not 0 <= position_s <= self._overview.capture.duration_s:
            return ""
        at = min(int(position_s / self._overview.point_s), len(self._overview.latest_ms) - 1)
        latest_ms = self._overview.latest_ms[at]
        late = translate("Compare", "no packet came") if latest_ms is None else milliseconds(latest_ms)
        lines = [translate("Compare", "{0} s: {1}").format(fixed(position_s, 1), late)]
        return "\n".join([*lines, *(problem.text for problem in self._near(position_s))])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Say what was there."""
        QToolTip.showText(event.globalPosition().toPoint(), self.text_at(self._at_s(event.position())), self)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Choose a moment."""
        at_s = self._at_s(event.position())
        if event.button() is Qt.MouseButton.LeftButton and self.text_at(at_s):
            self.moment_chosen.emit(at_s)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing; pyqtgraph would look for what was dragged."""
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Without a pointer nothing is said."""
        super().leaveEvent(event)
        QToolTip.hideText()

    def _at_s(self, position: QPointF) -> float:
        return float(self.getViewBox().mapSceneToView(position).x())

    def _near(self, position_s: float) -> Sequence[Problem]:
        problems = () if self._overview is None else self._overview.problems
        return [each for each in problems if abs(each.position_s - position_s) <= _NEAR_SHARE * self._span_s][:3]


class LateSharePlot(PlainPlot):
    """Late packets in per cent, logarithmic, for each depth of a fixed buffer, of both captures."""

    def __init__(self, on_painted: Callable[[float], None] = nothing, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(SHARE_LEAST_PX, on_painted, parent)
        self._shares: tuple[tuple[float, ...], ...] = ((), ())
        self.curves = (pg.PlotCurveItem(skipFiniteCheck=True), pg.PlotCurveItem(skipFiniteCheck=True))
        for curve in self.curves:
            self.addItem(curve, ignoreBounds=True)
        plot = self.getPlotItem()
        plot.getAxis("left").setTicks([_LOG_TICKS])
        plot.setYRange(_LOG_TICKS[0][0], _LOG_TICKS[-1][0], padding=0)
        self.setMouseTracking(True)

    def set_data_colors(self, colors: Colors, pair: tuple[str, str]) -> None:
        """Take on a theme; ``pair`` are the colours of the captures, the second's line is broken, too."""
        super().set_colors(colors)
        self.curves[0].setPen(pair[0], width=1)
        self.curves[1].setPen(pg.mkPen(pair[1], width=1, dash=(6, 4)))

    def show_shares(self, first: tuple[float, ...], second: tuple[float, ...]) -> None:
        """Show per cent for each delay of `GRID_MS`; empty: nothing came."""
        self._shares = (first, second)
        needed_ms = max((float(GRID_MS[at]) for each in self._shares for at in _late_places(each)), default=0.0)
        top_ms = min(max(next_step(max(needed_ms * 1.15, 1.0)), _LEAST_TOP_MS), float(GRID_MS[-1]))
        plot = self.getPlotItem()
        plot.setXRange(0.0, top_ms, padding=0)
        plot.getAxis("bottom").setTicks([[(tick, significant(tick)) for tick in round_ticks(top_ms)]])
        for curve, each in zip(self.curves, self._shares, strict=True):
            late = np.log10(np.maximum(np.array(each, dtype=np.float64), LEAST_PCT))
            curve.setData(GRID_MS[: len(late)], late, skipFiniteCheck=True)

    def text_at(self, depth_ms: float) -> str:
        """What a buffer of that depth would have met in each, for people."""
        at = round(depth_ms / 5)
        if not 0 <= at < len(GRID_MS):
            return ""
        first, second = (f"{decimal(each[at])} %" if each else "—" for each in self._shares)
        text = translate("Compare", "a buffer of {0} ms: A {1} late, B {2}")
        return text.format(fixed(float(GRID_MS[at])), first, second)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Say what a buffer of that depth would have met."""
        depth_ms = float(self.getViewBox().mapSceneToView(event.position()).x())
        QToolTip.showText(event.globalPosition().toPoint(), self.text_at(depth_ms), self)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing can be chosen here."""
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing; pyqtgraph would look for what was dragged."""
        event.accept()


def time_ticks(span_s: float) -> list[tuple[float, str]]:
    """Four to seven round moments, as ``"12.5 s"`` below two minutes, as ``"3:20"`` from there on."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600)
    step = next((each for each in steps if span_s / each <= 7), steps[-1])
    ticks = [number * step for number in range(int(span_s / step + 1e-9) + 1)]
    return [(tick, _moment(tick, span_s)) for tick in ticks]


def _moment(at_s: float, span_s: float) -> str:
    if span_s < 120:
        return f"{significant(round(at_s, 1))} s"
    minutes, seconds = divmod(round(at_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _late_places(shares: tuple[float, ...]) -> list[int]:
    return [at for at, share in enumerate(shares) if share > LEAST_PCT]
