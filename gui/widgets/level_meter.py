"""How loud it is, left and right: a bar up to RMS, a line at the peak."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.audio.levels import AudioLevels
from core.audio.loudness import loudness_problem
from gui.theme import Theme
from gui.view_models.text import decibels, loudness, sentence
from gui.widgets.labels import describe

_LOWEST_DBFS: Final = -60.0
_LOUD_DBFS: Final = -1.0
"""A peak above this may clip in whatever comes after (EBU R128: -1 dBTP at most)."""
_GAP_PX: Final = 2
_PEAK_PX: Final = 2


class LevelMeter(QWidget):
    """Two bars on a scale from -60 to 0 dBFS; peaks near full scale are marked by colour and by a full-height block."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Silent."""
        super().__init__(parent)
        self._theme = theme
        self._levels: AudioLevels | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        describe(self, self.tr("Level"), self.tr("Peak and RMS, left and right, from −60 to 0 dBFS"))
        self._show_loudness(None)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Two thin bars."""
        return QSize(160, 14)

    def show_levels(self, levels: AudioLevels | None) -> None:
        """Show these, or silence."""
        if levels == self._levels:
            return
        self._levels = levels
        if levels is not None:
            peak = decibels(round(max(levels.peak_dbfs)))
            self.setAccessibleDescription(self.tr("peak {0} of full scale").format(peak))
        self._show_loudness(levels.loudness_lufs if levels is not None else None)
        self.update()

    def _show_loudness(self, loudness_lufs: float | None) -> None:
        """In the tooltip; where it cannot be measured, what would help."""
        problem = loudness_problem()
        second = (
            sentence(problem)
            if problem is not None
            else self.tr("Loudness (EBU R128, the last 400 ms): {0}").format(loudness(loudness_lufs))
        )
        tooltip = self.tr("Peak and RMS, left and right, from −60 to 0 dBFS") + "\n" + second
        if tooltip != self.toolTip():
            self.setToolTip(tooltip)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw both bars."""
        colors = self._theme.colors
        painter = QPainter(self)
        height = (self.height() - _GAP_PX) / 2
        for channel in range(2):
            top = channel * (height + _GAP_PX)
            painter.fillRect(QRectF(0, top, self.width(), height), QColor(colors.field))
            if self._levels is None:
                continue
            rms_px = _share(self._levels.rms_dbfs[channel]) * self.width()
            painter.fillRect(QRectF(0, top, rms_px, height), QColor(colors.depth))
            peak_dbfs = self._levels.peak_dbfs[channel]
            is_loud = peak_dbfs > _LOUD_DBFS
            peak_px = _share(peak_dbfs) * self.width()
            width = 4 * _PEAK_PX if is_loud else _PEAK_PX
            color = colors.bad if is_loud else colors.text
            painter.fillRect(QRectF(max(0.0, peak_px - width), top, width, height), QColor(color))


def _share(level_dbfs: float) -> float:
    return min(max(1 - level_dbfs / _LOWEST_DBFS, 0.0), 1.0)
