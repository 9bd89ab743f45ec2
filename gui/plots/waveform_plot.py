"""The waveform of what is being played: left above right, each as the outline of its samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from core.audio.output import SAMPLE_RATE_HZ, Pcm
from core.audio.spectrum import envelope
from gui.plots.bars import BinBars
from gui.plots.grid import PlotGrid
from gui.theme import Colors

POINTS: Final = 600
"""As many as the other plots have: what can be painted without costing audio."""
SPANS_MS: Final = (150, 300, 900)
"""Each a multiple of `POINTS` samples, with round figures at the grid's lines; a session keeps a second."""

_LANES: Final = (1.0, -1.0)
"""Where the zero lines of left and right stand."""
_REACH: Final = 0.96
"""Of full scale: the rest keeps the lanes apart."""
_THINNEST: Final = 0.012
"""Silence is a line, not nothing."""
_LEFT_AXIS_PX: Final = 52
_LEAST_HEIGHT_PX: Final = 90
_COLUMNS: Final = 6
"""As many as `PlotGrid` draws."""


class WaveformPlot(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph is untyped
    """Full scale fills a lane. The range never moves: what looks small is soft."""

    def __init__(self, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Nothing is drawn before `show_block`; ``on_painted`` is told each painting's milliseconds."""
        self._on_painted = on_painted
        super().__init__(parent=parent)
        self.span_ms = SPANS_MS[1]
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(_LEAST_HEIGHT_PX)
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.disableAutoRange()
        plot.setContentsMargins(0, 4, 20, 0)
        plot.getAxis("left").setWidth(_LEFT_AXIS_PX)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(tickLength=0, hideOverlappingLabels=40)
        names = (self.tr("left"), self.tr("right"))
        plot.getAxis("left").setTicks([list(zip(_LANES, names, strict=True))])
        plot.setYRange(-2.0, 2.0, padding=0)
        self._grid = PlotGrid()
        self._grid.set_scale(-2.0, 2.0, (0.0,))
        self.addItem(self._grid, ignoreBounds=True)
        self.lanes = tuple(BinBars() for _ in _LANES)
        for lane in self.lanes:
            self.addItem(lane, ignoreBounds=True)
        self._empty_state = QLabel(self.viewport())
        self._empty_state.setObjectName("emptyState")
        self._empty_state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty_state.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._empty_state.hide()
        self.set_span_ms(self.span_ms)

    @property
    def frames(self) -> int:
        """How many frames `show_block` wants."""
        return self.span_ms * SAMPLE_RATE_HZ // 1_000

    def set_span_ms(self, span_ms: int) -> None:
        """Show so much time, one of `SPANS_MS`, from the next block on."""
        self.span_ms = span_ms
        ages_ms = np.linspace(-span_ms, 0.0, POINTS + 1)
        nothing = np.zeros(POINTS, dtype=bool)
        for lane in self.lanes:
            lane.set_edges(ages_ms[:-1], ages_ms[1:])
            lane.show_bins(nothing, 0.0, np.zeros(POINTS))
        self._grid.set_seconds(float(span_ms))
        self.getPlotItem().setXRange(-span_ms, 0.0, padding=0)
        ticks = (-span_ms * part / _COLUMNS for part in range(_COLUMNS, -1, -1))
        self.getPlotItem().getAxis("bottom").setTicks([[(tick, f"{tick:.0f}".replace("-", "−")) for tick in ticks]])

    def show_block(self, block: Pcm) -> None:
        """Show the newest ``frames`` that were played; of fewer, what there is, at the right edge."""
        low, high = envelope(block[-self.frames :], self.frames // POINTS)
        shown = np.zeros(POINTS, dtype=bool)
        shown[POINTS - len(low) :] = True
        lowest, highest = np.zeros(POINTS), np.zeros(POINTS)
        for channel, (lane, middle) in enumerate(zip(self.lanes, _LANES, strict=True)):
            lowest[shown] = middle + _REACH * np.clip(low[:, channel], -1, 1) - _THINNEST / 2
            highest[shown] = middle + _REACH * np.clip(high[:, channel], -1, 1) + _THINNEST / 2
            lane.show_bins(shown, lowest, highest)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        self.setBackground(colors.plot)
        self._grid.set_colors(colors.grid, colors.marker, colors.text)
        for lane, color in zip(self.lanes, (colors.depth, colors.stack[3]), strict=True):
            lane.setOpts(brush=color)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colors.border)
            axis.setTextPen(colors.muted)

    def set_empty_text(self, text: str) -> None:
        """Show ``text`` in the middle of the plot; an empty text hides it."""
        if text != self._empty_state.text():
            self._empty_state.setText(text)
            self._centre_empty_state()
        self._empty_state.setVisible(bool(text))

    @property
    def empty_text(self) -> str:
        """What stands in the middle of the plot."""
        return self._empty_state.text()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint, and tell how long it took."""
        started = time.perf_counter()
        super().paintEvent(event)
        self._on_painted((time.perf_counter() - started) * 1e3)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the sentence in the middle."""
        super().resizeEvent(event)
        # The base class resizes before its constructor is through.
        if hasattr(self, "_empty_state"):
            self._centre_empty_state()

    def _centre_empty_state(self) -> None:
        self._empty_state.adjustSize()
        place = self._empty_state.rect()
        place.moveCenter(self.viewport().rect().center())
        self._empty_state.setGeometry(place)
