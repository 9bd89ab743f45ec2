"""Watch: the plots in their docks, painted one at a time, and what stands beside their titles.

The docks are there from the beginning, the plots come with `Watch.furnish`: pyqtgraph takes 0.3 s to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject

from core.monitor.changes import ChangeBook
from core.monitor.events import Level
from core.monitor.monitor import PAINT_MS, UNDERRUN_CAUSES, Monitor
from core.receiver.status import SessionSnapshot
from gui.docks import PanelDock, PlotPlace
from gui.plots.measures import NO_CAUSE_YET, TIME_PLOT_LEAST_PX
from gui.theme import Theme
from gui.time_view import Marker, TimeView
from gui.translation import translate
from gui.view_models.latency import latency_view
from gui.view_models.text import UNKNOWN, count, fixed, full_scale, level_text, milliseconds, plain_milliseconds
from gui.widgets.labels import LegendEntry

if TYPE_CHECKING:
    from gui.plots.time_plot import TimePlot
    from gui.plots.time_plots import TimePlots

_MAX_MARKERS: Final = 40
"""While a slider is dragged every step is a change; more lines than these would hide the data."""


class Watch(QObject):
    """Everything over time: buffer depth, underruns, latency, arrival jitter, bit rate, level."""

    def __init__(self, monitor: Monitor, theme: Theme, parent: QObject | None = None) -> None:
        """Read from ``monitor``; without plots so far."""
        super().__init__(parent)
        self._monitor = monitor
        self._theme = theme
        self._next = 0
        self._is_running = self._has_played = False
        self.view = TimeView(monitor, self)
        self.changes = ChangeBook(monitor)
        self.plots: TimePlots | None = None
        """From top to bottom; ``None`` before `furnish`."""
        self._make_legends()
        self._make_docks()
        theme.changed.connect(self._take_colors)
        self.view.crosshair_moved.connect(self._show_pointed)
        self._take_colors()
        self.show_facts(None, False)

    def furnish(self) -> None:
        """Make the plots and put them into their docks. To be called once, when the window can be seen."""
        from gui.plots.time_plots import make_time_plots

        self.plots = make_time_plots(self.view, self._record_paint)
        for dock, plot in zip(self.docks, self.plots, strict=True):
            dock.furnish(plot)
            dock.visibilityChanged.connect(lambda is_seen, plot=plot: self._refresh(plot) if is_seen else None)
        # After the plots themselves, which must know the new window first.
        self.view.changed.connect(self.refresh_all)
        self.view.changed.connect(self._show_pointed)
        self._take_colors()
        self.refresh_all()

    def refresh_next_plot(self) -> None:
        """Bring one plot up to date; called in turn, so that the event loop never waits for all of them at once."""
        self._monitor.advance()
        plots = self.plots or ()
        for _ in plots:
            plot = plots[self._next]
            self._next = (self._next + 1) % len(plots)
            # One that is closed, or behind another tab, costs nothing.
            if plot.isVisible():
                if not self.view.is_frozen:
                    self._refresh(plot)
                return

    def refresh_all(self) -> None:
        """Another window, or frozen: all of them at once."""
        self._monitor.advance()
        self.changes.update()
        for dock, plot in self._docked():
            if not dock.isHidden():
                self._refresh(plot)

    def show_facts(self, snapshot: SessionSnapshot | None, is_running: bool) -> None:
        """Bring the texts up to date. ``is_running`` tells whether audio may still come."""
        self._is_running = is_running
        self._has_played = snapshot is not None and snapshot.total_samples_received > 0
        self.changes.update()
        self._leave_out_legends()
        if self.view.is_frozen:
            # What is read beside plots that stand still must not be of now.
            self._show_pointed()
            return
        self._depth_bound.show_value("")
        depth = snapshot.buffer_depth_ms if snapshot else None
        self.depth_dock.value.show_text(milliseconds(depth) if depth is not None else "")
        self._depth_target.show_value(plain_milliseconds(snapshot.target_delay_ms) if snapshot else UNKNOWN)
        self.underrun_dock.value.show_text(self._underrun_text(snapshot))
        view = latency_view(snapshot.latency if snapshot else None)
        for entry, value in zip(self._stack, (view.frame, view.network, view.buffer, view.device), strict=True):
            entry.show_value(value)
        self.latency_dock.value.show_text("" if view.total == UNKNOWN else view.total)
        jitter = snapshot.jitter_ms if snapshot else None
        self.jitter_dock.value.show_text("" if jitter is None else self.tr("jitter {0}").format(milliseconds(jitter)))
        stream = snapshot.stream if snapshot else None
        self.bitrate_dock.value.show_text(
            ""
            if stream is None
            else self.tr("{rate} kbit/s, {size} bytes a packet").format(
                rate=fixed(stream.bitrate_kbps, 1), size=fixed(stream.packet_bytes)
            )
        )
        levels = snapshot.levels if snapshot else None
        self.level_dock.value.show_text(
            "" if levels is None else level_text(full_scale(max(levels.peak_dbfs)), levels.loudness_lufs)
        )

    def problem_s(self, is_next: bool) -> float | None:
        """Monotonic time of the problem after, or before, what is looked at; ``None`` if there is none."""
        here_s = self.view.pointed_s
        if here_s is None:
            end_s = self.view.end_s
            here_s = end_s if end_s is not None else 0.0
        times = [
            event.at_ns / 1e9
            for event in self._monitor.events.since(0)
            if event.level in (Level.WARNING, Level.ERROR) and self.view.is_kept(event.at_ns / 1e9)
        ]
        # A bin of room: the crosshair stands where a bin does.
        if is_next:
            return next((at_s for at_s in times if at_s > here_s + 0.1), None)
        return next((at_s for at_s in reversed(times) if at_s < here_s - 0.1), None)

    def _make_legends(self) -> None:
        self._depth_range = LegendEntry(self.tr("lowest to highest"))
        self._depth_mean = LegendEntry(self.tr("mean"))
        self._depth_target = LegendEntry(self.tr("target"))
        self._depth_bound = LegendEntry(self.tr("bound of live mode"))
        self._causes = [LegendEntry(translate("Statistics", cause)) for cause in UNDERRUN_CAUSES]
        self._lasting = LegendEntry(translate("Statistics", NO_CAUSE_YET))
        self._stack = [
            LegendEntry(name)
            for name in (self.tr("frame + codec"), self.tr("network"), self.tr("buffer"), self.tr("device"))
        ]
        self._jitter = [LegendEntry(self.tr("mean")), LegendEntry(self.tr("lowest to highest packet"))]
        self._bitrate = [LegendEntry(self.tr("mean of 2 s")), LegendEntry(self.tr("single packets"))]
        self._level = [LegendEntry(self.tr("RMS")), LegendEntry(self.tr("peak"))]
        self._loudness = LegendEntry(self.tr("loudness, LUFS"))

    def _make_docks(self) -> None:
        self.depth_dock = PanelDock(
            "depth",
            self.tr("Buffer depth, ms"),
            self.tr("Milliseconds of audio waiting to be played, and the target in force"),
            PlotPlace(TIME_PLOT_LEAST_PX),
            (self._depth_mean, self._depth_range, self._depth_target, self._depth_bound),
        )
        self.underrun_dock = PanelDock(
            "underruns",
            self.tr("Underruns, ms"),
            self.tr("Milliseconds in which there was nothing to play, and why; ▲ where an episode begins"),
            PlotPlace(TIME_PLOT_LEAST_PX),
            (*self._causes, self._lasting),
        )
        self.latency_dock = PanelDock(
            "latency",
            self.tr("Latency, ms"),
            self.tr("From the source to the ear in milliseconds, part upon part"),
            PlotPlace(TIME_PLOT_LEAST_PX),
            self._stack,
        )
        self.jitter_dock = PanelDock(
            "jitter",
            self.tr("Arrival jitter, ms"),
            self.tr("How much later each packet came than the quickest ones of late, in milliseconds"),
            PlotPlace(TIME_PLOT_LEAST_PX),
            self._jitter,
        )
        self.bitrate_dock = PanelDock(
            "bitrate",
            self.tr("Bit rate, kbit/s"),
            self.tr("What the packets hold, each by itself and on average"),
            PlotPlace(TIME_PLOT_LEAST_PX),
            self._bitrate,
        )
        self.level_dock = PanelDock(
            "level",
            self.tr("Level, dBFS"),
            self.tr("How loud it is that goes to the output, in decibels below full scale; loudness as in EBU R128"),
            PlotPlace(TIME_PLOT_LEAST_PX),
            (*self._level, self._loudness),
        )
        self.docks: Sequence[PanelDock] = (
            self.depth_dock,
            self.underrun_dock,
            self.latency_dock,
            self.jitter_dock,
            self.bitrate_dock,
            self.level_dock,
        )

    def _docked(self) -> Iterable[tuple[PanelDock, TimePlot]]:
        """Each plot with its dock; nothing before there are plots."""
        return () if self.plots is None else zip(self.docks, self.plots, strict=True)

    def _leave_out_legends(self) -> None:
        """Only what is drawn is explained."""
        plots = self.plots
        has_bound = plots is not None and plots.depth.has_bound
        has_loudness = plots is not None and plots.level.has_loudness
        seen = [False] * (len(self._causes) + 1)
        if plots is not None:
            seen = [*plots.underrun.causes_seen, plots.underrun.lasts_seen]
        self.depth_dock.legend.leave_out(() if has_bound else (self._depth_bound,))
        self.underrun_dock.legend.leave_out(
            entry for entry, is_seen in zip((*self._causes, self._lasting), seen, strict=True) if not is_seen
        )
        self.level_dock.legend.leave_out(() if has_loudness else (self._loudness,))

    def _refresh(self, plot: TimePlot) -> None:
        has_data = plot.refresh(self.view.history)
        plot.set_markers(self._markers())
        plot.set_empty_text("" if has_data else self._empty_text(plot))

    def _underrun_text(self, snapshot: SessionSnapshot | None) -> str:
        if snapshot is None or not self._has_played:
            return ""
        # The plot shows a part of the time; which one this counts has to be said.
        counts = snapshot.underruns
        if counts.episodes == 0:
            return self.tr("none since connecting")
        text = (
            self.tr("{starved} in 1 episode since connecting")
            if counts.episodes == 1
            else self.tr("{starved} in {episodes} episodes since connecting")
        )
        return text.format(starved=milliseconds(counts.starved_ms), episodes=count(counts.episodes))

    def _empty_text(self, plot: TimePlot) -> str:
        plots = self.plots
        if plots is not None and plot is plots.underrun and self._has_played:
            return self.tr("No underruns in this time")
        if self._is_running:
            return self.tr("Waiting for audio")
        # Once is enough.
        return self.tr("Nothing to show yet: connect to a stream") if plots is not None and plot is plots.depth else ""

    def _markers(self) -> tuple[Marker, ...]:
        end_s = self.view.end_s
        if end_s is None:
            return ()
        shown = self.changes.between(end_s - self.view.window.seconds, end_s)[-_MAX_MARKERS:]
        return tuple(Marker(min(change.event.at_ns / 1e9 - end_s, 0.0), str(change.number)) for change in shown)

    def _show_pointed(self) -> None:
        """Of plots that stand still: what was at the crosshair; without one, nothing."""
        if not self.view.is_frozen:
            return
        for dock, plot in self._docked():
            dock.value.show_text(plot.pointed_text)
        if self.plots is None:
            return
        for entries, plot in (
            ((self._depth_target, self._depth_bound), self.plots.depth),
            (self._stack, self.plots.latency),
        ):
            parts = plot.pointed_parts or ("",) * len(entries)
            for entry, value in zip(entries, parts, strict=True):
                entry.show_value(value)

    def _record_paint(self, took_ms: float) -> None:
        self._monitor.record(PAINT_MS, took_ms)

    def _take_colors(self) -> None:
        colors = self._theme.colors
        for plot in self.plots or ():
            plot.set_colors(colors)
        for entry in (self._depth_range, self._jitter[1], self._bitrate[1], self._level[1]):
            entry.set_color(colors.depth_range)
        for entry in (self._depth_mean, self._jitter[0], self._bitrate[0], self._level[0]):
            entry.set_color(colors.depth)
        self._lasting.set_color(colors.muted)
        self._depth_target.set_color(colors.target)
        self._depth_bound.set_color(colors.underrun)
        self._loudness.set_color(colors.target)
        for entry, color in zip(self._causes, colors.causes, strict=True):
            entry.set_color(color)
        for entry, color in zip(self._stack, colors.stack, strict=True):
            entry.set_color(color)
