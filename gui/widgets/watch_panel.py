"""Watch: the plots, painted one at a time, and what stands above them."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.monitor.events import Event, Level
from core.monitor.monitor import BUFFER_DEPTH_MS, PAINT_MS, Monitor
from core.receiver.status import SessionSnapshot
from gui.plots.depth_plot import DepthPlot
from gui.plots.latency_plot import LatencyPlot
from gui.plots.plot_card import PlotCard
from gui.plots.time_plot import WINDOW_S
from gui.plots.underrun_plot import UnderrunPlot
from gui.theme import Theme
from gui.view_models.latency import latency_view
from gui.view_models.text import UNKNOWN, milliseconds, plain_milliseconds
from gui.widgets.labels import LegendEntry

_MAX_MARKERS: Final = 40
"""While a slider is dragged every step is a change; more lines than these would hide the data."""


class WatchPanel(QWidget):
    """Buffer depth, underruns and latency over the last minute."""

    def __init__(self, monitor: Monitor, theme: Theme, parent: QWidget | None = None) -> None:
        """Read from ``monitor``."""
        super().__init__(parent)
        self._monitor = monitor
        self._theme = theme
        self._next = 0
        self._changes: list[Event] = []
        self._next_event = 0
        self.depth_plot = DepthPlot(monitor, self._record_paint)
        self.underrun_plot = UnderrunPlot(monitor, self._record_paint)
        self.latency_plot = LatencyPlot(monitor, self._record_paint)
        self._plots = (self.depth_plot, self.underrun_plot, self.latency_plot)
        self._depth_range = LegendEntry(self.tr("lowest to highest"))
        self._depth_mean = LegendEntry(self.tr("mean"))
        self._depth_target = LegendEntry(self.tr("target"))
        self._starved = LegendEntry(self.tr("starved time, ▲ where an episode begins"))
        self._stack = [
            LegendEntry(name)
            for name in (self.tr("frame + codec"), self.tr("network"), self.tr("buffer"), self.tr("device"))
        ]
        self.depth_card = PlotCard(
            self.tr("Buffer depth, ms"),
            self.tr("Milliseconds of audio waiting to be played, and the target in force"),
            self.depth_plot,
            [self._depth_mean, self._depth_range, self._depth_target],
        )
        self.underrun_card = PlotCard(
            self.tr("Underruns, ms"),
            self.tr("Milliseconds in which there was nothing to play"),
            self.underrun_plot,
            [self._starved],
        )
        self.latency_card = PlotCard(
            self.tr("Latency, ms"),
            self.tr("From the source to the ear in milliseconds, part upon part"),
            self.latency_plot,
            self._stack,
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for card, stretch in ((self.depth_card, 5), (self.underrun_card, 3), (self.latency_card, 5)):
            column.addWidget(card, stretch)
        theme.changed.connect(self._take_colors)
        self._take_colors()
        self.show_facts(None, False)

    def refresh_next_plot(self) -> None:
        """Bring one plot up to date; called in turn, so that the event loop never waits for all of them at once."""
        self._monitor.advance()
        plot = self._plots[self._next]
        self._next = (self._next + 1) % len(self._plots)
        has_data = plot.refresh()
        plot.set_markers(self._marker_ages())
        plot.set_empty_text("" if has_data else self._empty_text(plot))

    def show_facts(self, snapshot: SessionSnapshot | None, is_running: bool) -> None:
        """Bring the texts up to date. ``is_running`` tells whether audio may still come."""
        self._is_running = is_running
        self._has_played = snapshot is not None and snapshot.total_samples_received > 0
        depth = snapshot.buffer_depth_ms if snapshot else None
        self.depth_card.value.show_text(milliseconds(depth) if depth is not None else "")
        self._depth_target.show_value(plain_milliseconds(snapshot.target_delay_ms) if snapshot else UNKNOWN)
        self.underrun_card.value.show_text(self._underrun_text(snapshot))
        view = latency_view(snapshot.latency if snapshot else None)
        for entry, value in zip(self._stack, (view.frame, view.network, view.buffer, view.device), strict=True):
            entry.show_value(value)
        self.latency_card.value.show_text("" if view.total == UNKNOWN else view.total)

    def _underrun_text(self, snapshot: SessionSnapshot | None) -> str:
        if snapshot is None or not self._has_played:
            return ""
        counts = snapshot.underruns
        if counts.episodes == 0:
            return self.tr("none so far")
        text = (
            self.tr("{starved} in 1 episode") if counts.episodes == 1 else self.tr("{starved} in {episodes} episodes")
        )
        return text.format(starved=milliseconds(counts.starved_ms), episodes=counts.episodes)

    def _empty_text(self, plot: object) -> str:
        if plot is self.underrun_plot and self._has_played:
            return self.tr("No underruns in the last minute")
        if self._is_running:
            return self.tr("Waiting for audio")
        return self.tr("Nothing to show yet: connect to a stream") if plot is self.depth_plot else ""

    def _marker_ages(self) -> tuple[float, ...]:
        newest_s = self._monitor.series[BUFFER_DEPTH_MS].newest_s
        if newest_s is None:
            return ()
        log = self._monitor.events
        if log.next_number != self._next_event:
            self._changes += [event for event in log.since(self._next_event) if event.level is Level.CHANGE]
            self._next_event = log.next_number
        ages = [event.at_ns / 1e9 - newest_s for event in self._changes[-_MAX_MARKERS:]]
        self._changes = [event for event in self._changes[-_MAX_MARKERS:] if event.at_ns / 1e9 - newest_s > -WINDOW_S]
        return tuple(min(age, 0.0) for age in ages if age > -WINDOW_S)

    def _record_paint(self, took_ms: float) -> None:
        self._monitor.record(PAINT_MS, took_ms)

    def _take_colors(self) -> None:
        colors = self._theme.colors
        for plot in self._plots:
            plot.set_colors(colors)
        self._depth_range.set_color(colors.depth_range)
        self._depth_mean.set_color(colors.depth)
        self._depth_target.set_color(colors.target)
        self._starved.set_color(colors.underrun)
        fills = (colors.stack_frame, colors.stack_network, colors.stack_buffer, colors.stack_device)
        for entry, fill in zip(self._stack, fills, strict=True):
            entry.set_color(fill)
