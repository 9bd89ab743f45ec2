"""The what-if plot in its dock: refreshed seldom, and only where it can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from core.monitor.monitor import PAINT_MS, Monitor
from core.playout.what_if import WhatIfSpan
from core.receiver.status import SessionSnapshot
from gui.docks import PanelDock, PlotPlace
from gui.plots.measures import WHAT_IF_LEAST_PX
from gui.session_owner import SessionOwner
from gui.theme import Theme
from gui.view_models.what_if import WhatIfView, late_text
from gui.widgets.labels import LegendEntry

if TYPE_CHECKING:
    from gui.plots.what_if_plot import WhatIfPlot

_EVERY: Final = 2
"""Of the text refreshes: twice a second."""


class WhatIfRoom(QObject):
    """Between the session's curves and the plot."""

    depth_chosen = Signal(float)
    """A click into the plot: a fixed buffer of so many milliseconds is wanted."""

    def __init__(self, owner: SessionOwner, monitor: Monitor, theme: Theme, parent: QObject | None = None) -> None:
        """Nothing to show yet, and without a plot so far."""
        super().__init__(parent)
        self._owner, self._monitor, self._theme = owner, monitor, theme
        self._count = 0
        self.plot: WhatIfPlot | None = None
        """``None`` before `furnish`."""
        names = (self.tr("10 s"), self.tr("5 min"), self.tr("target"), self.tr("delay"), self.tr("same cost"))
        self._entries = [LegendEntry(name) for name in names]
        self.dock = PanelDock(
            "what_if",
            self.tr("What if: % late by ms of depth"),
            self.tr(
                "What share of the packets would have come too late at each depth in milliseconds; point to read,"
                " click to fix the buffer there. The lines of 10 s and of 5 min are of the last so much time; along the"
                " grey one everything costs as much as the target does"
            ),
            PlotPlace(WHAT_IF_LEAST_PX),
            self._entries,
            is_legend_below=True,
        )
        theme.changed.connect(self._take_colors)
        self._take_colors()

    def furnish(self) -> None:
        """Make the plot and put it into its dock. To be called once, when the window can be seen."""
        from gui.plots.what_if_plot import WhatIfPlot

        self.plot = WhatIfPlot(lambda took_ms: self._monitor.record(PAINT_MS, took_ms))
        self.plot.depth_chosen.connect(self.depth_chosen)
        self.plot.set_colors(self._theme.colors)
        self.dock.furnish(self.plot)

    def show_facts(self, snapshot: SessionSnapshot | None) -> None:
        """Bring the curves up to date, if it is time to and somebody can see them."""
        self._count += 1
        if self.plot is None or self._count % _EVERY or not self.plot.isVisible():
            return
        session = self._owner.session
        if session is None or snapshot is None or snapshot.packets_received == 0:
            if session is None:
                self.plot.show_view(None)
                self.dock.value.show_text("")
            return
        playout = session.playout
        view = WhatIfView(
            session.what_if(WhatIfSpan.RECENT),
            session.what_if(WhatIfSpan.LONG),
            snapshot.target_delay_ms,
            snapshot.playout_delay_ms,
            playout.bias_ms_per_pct if playout.is_adaptive else None,
        )
        self.plot.show_view(view)
        # Only what is drawn is explained: a fixed buffer weighs nothing, and before the first sound there is no delay.
        drawn = (True, True, True, view.actual_ms is not None, view.bias_ms_per_pct is not None)
        self.dock.legend.leave_out(entry for entry, is_drawn in zip(self._entries, drawn, strict=True) if not is_drawn)
        self.dock.value.show_text(late_text(view.recent, view.target_ms))

    def _take_colors(self) -> None:
        colors = self._theme.colors
        if self.plot is not None:
            self.plot.set_colors(colors)
        for entry, color in zip(
            self._entries, (colors.depth, colors.stack[3], colors.target, colors.good, colors.muted), strict=True
        ):
            entry.set_color(color)
