"""The waveform of what is being played: left above right, each as the outline of its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from core.audio.output import SAMPLE_RATE_HZ, Pcm
from core.audio.spectrum import envelope
from gui.plots.bars import BinBars
from gui.plots.empty_state import EmptyState
from gui.plots.grid import PlotGrid
from gui.plots.measures import WAVEFORM_FIRST_SPAN_MS, WAVEFORM_LEAST_PX, WAVEFORM_POINTS
from gui.plots.plain_plot import PlainPlot
from gui.theme import Colors
from gui.view_models.text import fixed

_LANES: Final = (1.0, -1.0)
"""Where the zero lines of left and right stand."""
_REACH: Final = 0.96
"""Of full scale: the rest keeps the lanes apart."""
_THINNEST: Final = 0.012
"""Silence is a line, not nothing."""
_COLUMNS: Final = 6
"""As many as `PlotGrid` draws."""


class WaveformPlot(PlainPlot):
    """Full scale fills a lane. The range never moves: what looks small is soft."""

    def __init__(self, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Nothing is drawn before `show_block`; ``on_painted`` is told each painting's milliseconds."""
        super().__init__(WAVEFORM_LEAST_PX, on_painted, parent)
        self.span_ms = WAVEFORM_FIRST_SPAN_MS
        plot = self.getPlotItem()
        names = (self.tr("left"), self.tr("right"))
        plot.getAxis("left").setTicks([list(zip(_LANES, names, strict=True))])
        plot.setYRange(-2.0, 2.0, padding=0)
        self._grid = PlotGrid()
        self._grid.set_scale(-2.0, 2.0, (0.0,))
        self.addItem(self._grid, ignoreBounds=True)
        self.lanes = tuple(BinBars() for _ in _LANES)
        for lane in self.lanes:
            self.addItem(lane, ignoreBounds=True)
        self._empty_state = EmptyState(self.viewport())
        self.set_span_ms(self.span_ms)

    @property
    def frames(self) -> int:
        """How many frames `show_block` wants."""
        return self.span_ms * SAMPLE_RATE_HZ // 1_000

    def set_span_ms(self, span_ms: int) -> None:
        """Show so much time, one of `WAVEFORM_SPANS_MS`, from the next block on."""
        self.span_ms = span_ms
        ages_ms = np.linspace(-span_ms, 0.0, WAVEFORM_POINTS + 1)
        nothing = np.zeros(WAVEFORM_POINTS, dtype=bool)
        for lane in self.lanes:
            lane.set_edges(ages_ms[:-1], ages_ms[1:])
            lane.show_bins(nothing, 0.0, np.zeros(WAVEFORM_POINTS))
        self._grid.set_seconds(float(span_ms))
        self.getPlotItem().setXRange(-span_ms, 0.0, padding=0)
        ticks = (-span_ms * part / _COLUMNS for part in range(_COLUMNS, -1, -1))
        self.getPlotItem().getAxis("bottom").setTicks([[(tick, fixed(tick)) for tick in ticks]])

    def show_block(self, block: Pcm) -> None:
        """Show the newest ``frames`` that were played; of fewer, what there is, at the right edge."""
        low, high = envelope(block[-self.frames :], self.frames // WAVEFORM_POINTS)
        shown = np.zeros(WAVEFORM_POINTS, dtype=bool)
        shown[WAVEFORM_POINTS - len(low) :] = True
        lowest, highest = np.zeros(WAVEFORM_POINTS), np.zeros(WAVEFORM_POINTS)
        for channel, (lane, middle) in enumerate(zip(self.lanes, _LANES, strict=True)):
            lowest[shown] = middle + _REACH * np.clip(low[:, channel], -1, 1) - _THINNEST / 2
            highest[shown] = middle + _REACH * np.clip(high[:, channel], -1, 1) + _THINNEST / 2
            lane.show_bins(shown, lowest, highest)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme."""
        super().set_colors(colors)
        self._grid.set_colors(colors.grid, colors.marker, colors.text)
        for lane, color in zip(self.lanes, (colors.depth, colors.stack[3]), strict=True):
            lane.setOpts(brush=color)

    def set_empty_text(self, text: str) -> None:
        """Show ``text`` in the middle; an empty text hides it."""
        self._empty_state.say(text)

    @property
    def empty_text(self) -> str:
        """What stands in the middle."""
        return self._empty_state.text()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the sentence in the middle."""
        super().resizeEvent(event)
        # The base class resizes before its constructor is through.
        if hasattr(self, "_empty_state"):
            self._empty_state.centre()
