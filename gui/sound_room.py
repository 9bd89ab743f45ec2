"""Waveform and spectrogram of what is being played, in their docks: brought up to date only where they can be seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QComboBox

from core.audio.output import SAMPLE_RATE_HZ
from core.audio.played import KEPT_FRAMES
from core.audio.spectrum import FFT_FRAMES, band_levels_db
from core.monitor.monitor import PAINT_MS, Monitor
from core.receiver.session import ListeningSession
from gui.docks import PanelDock, PlotPlace
from gui.plots.measures import WAVEFORM_FIRST_SPAN_MS, WAVEFORM_LEAST_PX, WAVEFORM_SPANS_MS
from gui.plots.palette import loudness_palette
from gui.plots.spectrogram_plot import COLUMN_S, LOWEST_DB, SpectrogramPlot
from gui.session_owner import SessionOwner
from gui.theme import Theme
from gui.view_models.text import decibels, plain_milliseconds
from gui.widgets.color_scale import ColorScale
from gui.widgets.labels import LegendEntry, describe

if TYPE_CHECKING:
    from gui.plots.waveform_plot import WaveformPlot

_EVERY_S: Final = 0.075
"""13 times a second at most: fluent enough, and half of what the time plots are painted with."""
_AFTER_MS: Final = 14
"""Of the 33 ms between two ticks: what a time plot takes is over by then, and the next one is not due yet."""
_HOP_FRAMES: Final = round(COLUMN_S * SAMPLE_RATE_HZ)
_MOST_COLUMNS: Final = (KEPT_FRAMES - FFT_FRAMES) // _HOP_FRAMES
"""Older audio is gone: after a pause the picture begins with this much of the past."""


class SoundRoom(QObject):
    """Between what the session keeps of the sound and its pictures."""

    def __init__(
        self,
        owner: SessionOwner,
        monitor: Monitor,
        theme: Theme,
        is_frozen: Callable[[], bool] = lambda: False,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing to show yet, and without the waveform so far; its plot takes pyqtgraph, the spectrogram does not.

        While ``is_frozen`` the pictures stand still; ``clock`` gives monotonic seconds.
        """
        super().__init__(parent)
        self._owner, self._theme, self._is_frozen, self._clock = owner, theme, is_frozen, clock
        self._wave_due_s = self._spectrum_due_s = float("-inf")
        self._column = 0
        """The number of the newest column, counted on the clock since its zero."""
        self._painted = lambda took_ms: monitor.record(PAINT_MS, took_ms)
        self.waveform: WaveformPlot | None = None
        """``None`` before `furnish`."""
        self.spectrogram = SpectrogramPlot(self._painted)
        self.span = self._make_span()
        self._left, self._right = LegendEntry(self.tr("left")), LegendEntry(self.tr("right"))
        self.scale = ColorScale(decibels(LOWEST_DB), decibels(0.0))
        self.waveform_dock = PanelDock(
            "waveform",
            self.tr("Waveform, ms"),
            self.tr("What went to the output last, left and right, over milliseconds; full scale fills a lane"),
            PlotPlace(WAVEFORM_LEAST_PX),
            (self.span, self._left, self._right),
        )
        self.spectrogram_dock = PanelDock(
            "spectrogram",
            self.tr("Spectrogram, kHz"),
            self.tr(
                "How loud each frequency is in what went to the output, in dB below a sine of full scale;"
                " kHz upwards, logarithmic, the newest at the right"
            ),
            self.spectrogram,
            (self.scale,),
        )
        self.docks = (self.waveform_dock, self.spectrogram_dock)
        for dock in self.docks:
            # Among tabs, what is opened would stay behind the others.
            dock.toggleViewAction().triggered.connect(lambda is_open, dock=dock: dock.raise_() if is_open else None)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setTimerType(Qt.TimerType.PreciseTimer)
        self._soon.setInterval(_AFTER_MS)
        self._soon.timeout.connect(self.refresh)
        theme.changed.connect(self._take_colors)
        self._take_colors()

    def furnish(self) -> None:
        """Make the waveform's plot and put it into its dock. To be called once, when the window can be seen."""
        from gui.plots.waveform_plot import WaveformPlot

        self.waveform = WaveformPlot(self._painted)
        self.waveform.set_span_ms(self.span.currentData())
        self.waveform.set_colors(self._theme.colors)
        self.waveform_dock.furnish(self.waveform)

    def refresh_soon(self) -> None:
        """Call `refresh` between this tick of the window's timer and the next: a plot is about to be painted now."""
        if self._seen_waveform is not None or self.spectrogram.isVisible():
            self._soon.start()

    def refresh(self) -> None:
        """Bring one picture up to date, if it is due and somebody can see it; called often, it does little at a time.

        Never both in one call: the event loop has other work.
        """
        waveform, shows_spectrum = self._seen_waveform, self.spectrogram.isVisible()
        if not (waveform or shows_spectrum) or self._is_frozen():
            return
        now_s = self._clock()
        wave_late_s, spectrum_late_s = now_s - self._wave_due_s, now_s - self._spectrum_due_s
        session = self._owner.session
        if waveform and wave_late_s >= 0 and (not shows_spectrum or wave_late_s >= spectrum_late_s):
            self._wave_due_s = now_s + _EVERY_S
            self._show_wave(waveform, session)
        elif shows_spectrum and spectrum_late_s >= 0:
            self._spectrum_due_s = now_s + _EVERY_S
            self._show_spectrum(session, now_s)

    @property
    def _seen_waveform(self) -> WaveformPlot | None:
        """The waveform where it can be seen."""
        return self.waveform if self.waveform is not None and self.waveform.isVisible() else None

    def _show_wave(self, waveform: WaveformPlot, session: ListeningSession | None) -> None:
        if session is not None:
            waveform.show_block(session.last_played(waveform.frames))
            waveform.set_empty_text("")
        elif not any(len(lane.tops) for lane in waveform.lanes):
            waveform.set_empty_text(self._empty_text)

    def _show_spectrum(self, session: ListeningSession | None, now_s: float) -> None:
        """Add a column for every 20 ms since the last time. Without a session, what was heard last stands still."""
        picture = self.spectrogram.picture
        if session is None:
            if not picture.has_columns:
                self.spectrogram.set_empty_text(self._empty_text)
            return
        self.spectrogram.set_empty_text("")
        column = int(now_s / COLUMN_S)
        new, self._column = column - self._column, column
        known = min(new, _MOST_COLUMNS)
        audio = session.last_played(FFT_FRAMES + (known - 1) * _HOP_FRAMES)
        known = max(min(known, (len(audio) - FFT_FRAMES) // _HOP_FRAMES + 1), 0)
        if new > known and picture.has_columns:
            picture.skip(new - known)
        begin = len(audio) - FFT_FRAMES - (known - 1) * _HOP_FRAMES
        for start in range(begin, begin + known * _HOP_FRAMES, _HOP_FRAMES):
            picture.add(band_levels_db(audio[start : start + FFT_FRAMES], picture.edges))

    @property
    def _empty_text(self) -> str:
        return self.tr("Nothing was played yet: connect to a stream")

    def _make_span(self) -> QComboBox:
        span = QComboBox()
        for span_ms in WAVEFORM_SPANS_MS:
            span.addItem(plain_milliseconds(span_ms), span_ms)
        span.setCurrentIndex(span.findData(WAVEFORM_FIRST_SPAN_MS))
        span.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(span, self.tr("Time of the waveform"), self.tr("How much is shown, in milliseconds"))
        span.activated.connect(lambda index: self._choose_span(span.itemData(index)))
        return span

    def _choose_span(self, span_ms: int) -> None:
        if self.waveform is not None:
            self.waveform.set_span_ms(span_ms)
        self._wave_due_s = float("-inf")

    def _take_colors(self) -> None:
        colors = self._theme.colors
        if self.waveform is not None:
            self.waveform.set_colors(colors)
        self.spectrogram.set_colors(colors)
        self._left.set_color(colors.depth)
        self._right.set_color(colors.stack[3])
        self.scale.set_colors([int(color) for color in loudness_palette(colors)], colors.muted)
