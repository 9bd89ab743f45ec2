"""One plot over time: fixed ranges that step seldom, the same time axis as the others, markers and a crosshair."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.monitor.monitor import History
from core.monitor.time_series import BIN_S
from gui.plots.empty_state import EmptyState
from gui.plots.grid import PlotGrid
from gui.plots.measures import TIME_PLOT_LEAST_PX
from gui.plots.plain_plot import PlainPlot
from gui.theme import Colors
from gui.time_view import Marker, TimeView
from gui.view_models.axis_range import SteppedRange
from gui.view_models.text import significant

_BOTTOM_AXIS_PX: Final = 24
_LABEL_HEIGHT_PX: Final = 12
_WHEEL_STEP: Final = 120


class TimePlot(PlainPlot):
    """Base of the plots: time up to now or to a frozen moment, a scale upwards, a sentence where there is no data."""

    def __init__(
        self,
        view: TimeView,
        scale: SteppedRange,
        on_painted: Callable[[float], None],
        parent: QWidget | None = None,
    ) -> None:
        """``on_painted`` is told each painting's milliseconds."""
        super().__init__(TIME_PLOT_LEAST_PX, on_painted, parent)
        self._view = view
        self._range = scale
        self._dragged_from: float | None = None
        self._turned = 0
        self._age_s = view.window.ages_s
        self._shown_seconds = view.window.seconds
        self.setMouseTracking(True)
        self.getPlotItem().getAxis("bottom").setStyle(tickTextOffset=5)
        self._grid = PlotGrid()
        self.addItem(self._grid, ignoreBounds=True)
        self._empty_state = EmptyState(self.viewport())
        view.changed.connect(self._take_window)
        view.crosshair_moved.connect(self._take_crosshair)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme; subclasses colour their curves as well."""
        super().set_colors(colors)
        self._grid.set_colors(colors.grid, colors.marker, colors.text)

    def refresh(self, history: History) -> bool:
        """Show the window's part of ``history``; tells whether there is anything to see."""
        raise NotImplementedError

    def text_at(self, point: int) -> str:
        """The value at a point of the window, for people; empty where there is none."""
        raise NotImplementedError

    def parts_at(self, point: int) -> tuple[str, ...]:
        """The values there of the legend's entries that have any, in their order; empty where there is none."""
        return ()

    @property
    def pointed_text(self) -> str:
        """The value under the crosshair; empty without one."""
        point = self._pointed
        return "" if point is None else self.text_at(point)

    @property
    def pointed_parts(self) -> tuple[str, ...]:
        """What `parts_at` gives under the crosshair; nothing without one."""
        point = self._pointed
        return () if point is None else self.parts_at(point)

    @property
    def _pointed(self) -> int | None:
        """The point of the window under the crosshair."""
        if self._view.crosshair_s is None:
            return None
        span = self._view.window.span
        point = span.points - 1 + round(self._view.crosshair_s / (BIN_S * span.bins_per_point))
        return point if 0 <= point < span.points else None

    def set_markers(self, markers: tuple[Marker, ...]) -> None:
        """Mark the moments at which something was changed."""
        self._grid.set_markers(markers)

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The moments marked."""
        return self._grid.markers

    def set_empty_text(self, text: str) -> None:
        """Show ``text`` in the middle; an empty text hides it."""
        self._empty_state.say(text)

    @property
    def empty_text(self) -> str:
        """What stands in the middle."""
        return self._empty_state.text()

    @property
    def top(self) -> float:
        """The upper end of the scale."""
        return self._range.top

    def fit(self, peak: float) -> None:
        """Step the scale if ``peak`` does not fit it."""
        if self._range.update(peak, time.monotonic()):
            self._show_scale()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the empty state in the middle of the data area."""
        super().resizeEvent(event)
        # pyqtgraph resizes once from within its constructor.
        if hasattr(self, "_empty_state"):
            self._empty_state.centre()
            self._show_scale()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Show more or less of the past."""
        # Touchpads and fine wheels turn by parts of a step.
        self._turned += event.angleDelta().y()
        steps = int(self._turned / _WHEEL_STEP)
        self._turned -= steps * _WHEEL_STEP
        if steps:
            self._view.zoom(steps, 1 + self._age_at(event.position()) / self._view.window.seconds)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Begin to pan, where the plots stand still."""
        if event.button() is Qt.MouseButton.LeftButton and self._view.is_frozen:
            self._dragged_from = self._age_at(event.position())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Pan, or move the crosshair."""
        age_s = self._age_at(event.position())
        if self._dragged_from is not None:
            moved_s = self._dragged_from - age_s
            if abs(moved_s) >= BIN_S:
                self._view.pan(moved_s)
                # What was under the pointer is there again.
                self._dragged_from = age_s
        else:
            self._view.point_at(age_s)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Stop to pan."""
        self._dragged_from = None
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Without a pointer there is no crosshair."""
        super().leaveEvent(event)
        self._view.point_at(None)

    def _span_changed(self) -> None:
        """Reserve what depends on the number of points, `_age_s` being new."""

    def _begin(self) -> None:
        """To be called at the end of a subclass's constructor."""
        self._take_window()
        self._show_scale()

    def _take_window(self) -> None:
        window = self._view.window
        is_other_length = self._shown_seconds != window.seconds
        self._age_s, self._shown_seconds = window.ages_s, window.seconds
        self._span_changed()
        if is_other_length or self._view.is_frozen:
            # Calm is for what moves; what stands still is asked for a fitting scale only now.
            self._range.fit_at_once()
        plot = self.getPlotItem()
        plot.setXRange(-window.seconds, 0.0, padding=0)
        ticks = self._view.ticks
        plot.getAxis("bottom").setTicks([ticks])
        self._grid.set_seconds(window.seconds, [age_s for age_s, _ in ticks])

    def _take_crosshair(self) -> None:
        self._grid.set_crosshair(self._view.crosshair_s)

    def _age_at(self, position: QPointF) -> float:
        return float(self.getViewBox().mapSceneToView(position).x())

    def _label_every(self, steps: int) -> int:
        """As many labels as stand above each other without touching."""
        step_px = (self.viewport().height() - _BOTTOM_AXIS_PX) / max(steps, 1)
        dividing = [each for each in range(1, steps + 1) if steps % each == 0]
        return next((each for each in dividing if each * step_px >= _LABEL_HEIGHT_PX), max(steps, 1))

    def _show_scale(self) -> None:
        ticks = self._range.ticks()
        self.getPlotItem().setYRange(self._range.bottom, self._range.top, padding=0)
        every = self._label_every(len(ticks) - 1)
        labels = [(tick, significant(tick) if at % every == 0 else "") for at, tick in enumerate(ticks)]
        self.getPlotItem().getAxis("left").setTicks([labels])
        self._grid.set_scale(self._range.bottom, self._range.top, ticks)
