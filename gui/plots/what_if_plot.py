"""The what-if curve: what share of the packets would have come too late at each depth, and what is in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QToolTip, QWidget

from core.playout.what_if import WhatIfCurve
from gui.plots.measures import WHAT_IF_LEAST_PX
from gui.plots.plain_plot import PlainPlot
from gui.theme import Colors
from gui.view_models.axis_range import round_ticks
from gui.view_models.text import significant
from gui.view_models.what_if import LEAST_PCT, WhatIfView, cost_line, depth_at, hover_text, scale_top_ms

_LOG_TICKS: Final = [(-2.0, "0.01"), (-1.0, "0.1"), (0.0, "1"), (1.0, "10"), (2.0, "100")]
_TOOLTIP_MS: Final = 60_000
"""As long as the pointer rests; Qt's own is over in a second."""


class WhatIfPlot(PlainPlot):
    """Late share in per cent, logarithmic, against the depth in milliseconds."""

    depth_chosen = Signal(float)
    """A click: a fixed buffer of so many milliseconds is wanted."""

    def __init__(self, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Nothing is drawn before `show_view`."""
        super().__init__(WHAT_IF_LEAST_PX, on_painted, parent)
        self._curve: WhatIfCurve | None = None
        self._top_ms = 0.0
        self.setMouseTracking(True)
        plot = self.getPlotItem()
        plot.getAxis("left").setTicks([_LOG_TICKS])
        plot.setYRange(_LOG_TICKS[0][0], _LOG_TICKS[-1][0], padding=0)
        self.long_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        self.recent_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        self.cost_curve = pg.PlotCurveItem(skipFiniteCheck=True)
        self.target_line = pg.InfiniteLine(angle=90, movable=False)
        self.actual_line = pg.InfiniteLine(angle=90, movable=False)
        for item in (self.cost_curve, self.long_curve, self.recent_curve, self.actual_line, self.target_line):
            self.addItem(item, ignoreBounds=True)
            item.setVisible(False)
        self._set_top(100.0)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        self.recent_curve.setPen(colors.depth, width=1)
        self.long_curve.setPen(colors.stack[3], width=1)
        self.cost_curve.setPen(colors.muted, width=1)
        self.target_line.setPen(colors.target, width=1)
        self.actual_line.setPen(colors.good, width=1)

    def show_view(self, view: WhatIfView | None) -> None:
        """Show other curves; ``None`` shows nothing."""
        for item in (self.long_curve, self.recent_curve, self.target_line):
            item.setVisible(view is not None)
        self.actual_line.setVisible(view is not None and view.actual_ms is not None)
        self.cost_curve.setVisible(view is not None and view.bias_ms_per_pct is not None)
        self._curve = None if view is None else view.recent
        if view is None:
            return
        self._set_top(scale_top_ms(view, self._top_ms))
        for item, curve in ((self.recent_curve, view.recent), (self.long_curve, view.long)):
            shown = curve.delay_ms <= self._top_ms
            late = np.log10(np.maximum(curve.late_pct[shown], LEAST_PCT))
            item.setData(curve.delay_ms[shown], late, skipFiniteCheck=True)
        self.target_line.setValue(view.target_ms)
        if view.actual_ms is not None:
            self.actual_line.setValue(view.actual_ms)
        if view.bias_ms_per_pct is not None:
            depths, late_pct = cost_line(view)
            self.cost_curve.setData(depths, np.log10(np.maximum(late_pct, LEAST_PCT)), skipFiniteCheck=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Say what the depth under the pointer would have met."""
        text = "" if self._curve is None else hover_text(self._curve, self._depth_ms(event.position()))
        QToolTip.showText(event.globalPosition().toPoint(), text, self, self.rect(), _TOOLTIP_MS)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Take over the depth under the pointer."""
        if event.button() is Qt.MouseButton.LeftButton and self._curve is not None:
            self.depth_chosen.emit(depth_at(self._depth_ms(event.position())))
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing to drag here."""
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """The sentence goes with the pointer."""
        super().leaveEvent(event)
        QToolTip.hideText()

    def _depth_ms(self, position: QPointF) -> float:
        return float(self.getViewBox().mapSceneToView(position).x())

    def _set_top(self, top_ms: float) -> None:
        if top_ms == self._top_ms:
            return
        self._top_ms = top_ms
        self.getPlotItem().setXRange(0.0, top_ms, padding=0)
        ticks = [(tick_ms, significant(tick_ms)) for tick_ms in round_ticks(top_ms)]
        self.getPlotItem().getAxis("bottom").setTicks([ticks])
