"""The spectrogram: a picture that scrolls to the left, one column for every 20 ms that were played.

The picture is a ring of columns: a new one overwrites the oldest, and painting copies the two halves to their places.
Nothing is scaled, nothing is blended, and nothing that stood before is computed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from core.audio.spectrum import HIGHEST_HZ, LOWEST_HZ, Edges, Levels, band_edges
from gui.plots.empty_state import EmptyState
from gui.plots.measures import LEFT_AXIS_PX, RIGHT_MARGIN_PX
from gui.plots.palette import STEPS, loudness_palette
from gui.theme import Colors
from gui.view_models.text import significant

COLUMN_S: Final = 0.02
LOWEST_DB: Final = -90.0
"""Silence: about the noise of 16 bit in a bin, and below what can be heard beside anything."""

_TICKS_HZ: Final = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
_TICK_EVERY_S: Final = 5
_TOP_PX: Final = 6
_BOTTOM_PX: Final = 18
_LABEL_GAP_PX: Final = 5
_LEAST_HEIGHT_PX: Final = 110


class SpectrogramPlot(QWidget):
    """Frequency in kHz upwards, logarithmic; seconds to the left; loudness in dB as colour."""

    def __init__(self, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Empty; ``on_painted`` is told each painting's milliseconds."""
        super().__init__(parent)
        self.picture = ColumnRing(on_painted, self)
        self._colors: Colors | None = None
        self.setMinimumHeight(_LEAST_HEIGHT_PX)
        self._empty_state = EmptyState(self)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As the plots beside it."""
        return QSize(640, 160)

    def set_colors(self, colors: Colors) -> None:
        """Take on a theme; what was drawn already changes its colours, too."""
        self._colors = colors
        self.picture.set_palette(loudness_palette(colors))
        self.update()

    def set_empty_text(self, text: str) -> None:
        """Show ``text`` in the middle; an empty text hides it."""
        self._empty_state.say(text)

    @property
    def empty_text(self) -> str:
        """What stands in the middle."""
        return self._empty_state.text()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Place the picture within its axes."""
        super().resizeEvent(event)
        self.picture.setGeometry(
            QRect(
                QPoint(LEFT_AXIS_PX, _TOP_PX),
                QPoint(self.width() - RIGHT_MARGIN_PX - 1, max(self.height() - _BOTTOM_PX, 8) - 1),
            )
        )
        self._empty_state.centre()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """The axes. The picture covers itself, so that its scrolling never gets here."""
        if self._colors is None:
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._colors.plot))
        painter.setPen(QColor(self._colors.muted))
        place = self.picture.geometry()
        metrics = painter.fontMetrics()
        above = float("inf")
        for tick_hz in _TICKS_HZ:
            y = place.bottom() - share_of(tick_hz) * (place.height() - 1)
            # Lower ones first: where there is no room, the label above is left out.
            if y + metrics.ascent() / 2 <= above:
                label = (
                    f"{significant(tick_hz / 1_000)} kHz" if tick_hz == _TICKS_HZ[-1] else significant(tick_hz / 1_000)
                )
                width = metrics.horizontalAdvance(label)
                baseline = max(y + metrics.ascent() / 2 - 1, metrics.ascent())
                painter.drawText(QPointF(LEFT_AXIS_PX - _LABEL_GAP_PX - width, baseline), label)
                above = y - metrics.ascent() / 2 - 1
        per_second = 1 / COLUMN_S / self.devicePixelRatioF()
        for tick_s in range(0, int(place.width() / per_second) + 1, _TICK_EVERY_S):
            label = f"−{significant(tick_s)} s" if tick_s else "0"
            width = metrics.horizontalAdvance(label)
            middle = place.right() - tick_s * per_second
            painter.drawText(QPointF(middle - width / 2, self.height() - metrics.descent() - 1), label)


class ColumnRing(QWidget):
    """The picture: a column for each pixel of its width, a band for each pixel of its height."""

    def __init__(self, on_painted: Callable[[float], None], parent: QWidget | None = None) -> None:
        """Silence."""
        super().__init__(parent)
        self._on_painted = on_painted
        self._palette = np.zeros(STEPS, dtype=np.uint32)
        self._at = 0
        self.has_columns = False
        # It covers all of itself with opaque pixels: Qt need not paint what is behind.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._steps: NDArray[np.uint8]
        self._make(1, 1)

    @property
    def edges(self) -> Edges:
        """Of the bands that `add` wants."""
        return self._edges

    @property
    def columns(self) -> int:
        """How many the picture holds."""
        return int(self._steps.shape[1])

    def add(self, levels_db: Levels) -> None:
        """One column more; ``levels_db`` has a value for each band, from low to high frequencies."""
        share = (np.minimum(levels_db, 0.0) - LOWEST_DB) / -LOWEST_DB
        steps = (np.maximum(share, 0.0) * (STEPS - 1)).astype(np.uint8)
        self._steps[:, self._at] = steps[::-1]
        self._pixels[:, self._at] = self._palette[steps[::-1]]
        self._at = (self._at + 1) % self.columns
        self.has_columns = True
        self.update()

    def skip(self, columns: int) -> None:
        """Nobody looked for so long: time goes on, and what was played meanwhile stays blank."""
        blank = (self._at + np.arange(min(columns, self.columns))) % self.columns
        self._steps[:, blank] = 0
        self._pixels[:, blank] = self._palette[0]
        self._at = (self._at + columns) % self.columns
        self.update()

    def steps(self) -> NDArray[np.uint8]:
        """A copy of what is seen, as steps of the palette, oldest column first, highest band on top."""
        return np.roll(self._steps, -self._at, axis=1)

    def set_palette(self, palette: NDArray[np.uint32]) -> None:
        """Show everything in these colours."""
        self._palette = palette
        self._pixels[:] = palette[self._steps]
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another number of columns and bands; what was drawn already is kept, stretched to the new height."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Copy the older half to the left and the newer one to the right; tell how long that took."""
        started = time.perf_counter()
        self._fit()
        ratio = self._image.devicePixelRatio()
        older = self.columns - self._at
        height = self._image.height()
        painter = QPainter(self)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(QPointF(0, 0), self._image, QRectF(self._at, 0, older, height))
        painter.drawImage(QPointF(older / ratio, 0), self._image, QRectF(0, 0, self._at, height))
        painter.end()
        self._on_painted((time.perf_counter() - started) * 1e3)

    def _fit(self) -> None:
        """Have a pixel for each of the screen's, also after moving to another screen."""
        ratio = self.devicePixelRatioF()
        columns, bands = max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)
        if (bands, columns) == self._steps.shape and ratio == self._image.devicePixelRatio():
            return
        before = self.steps()
        self._make(columns, bands)
        kept = min(columns, before.shape[1])
        rows = np.arange(bands) * before.shape[0] // bands
        self._steps[:, columns - kept :] = before[rows, before.shape[1] - kept :]
        self._pixels[:] = self._palette[self._steps]
        self._image.setDevicePixelRatio(ratio)

    def _make(self, columns: int, bands: int) -> None:
        self._edges = band_edges(bands)
        self._at = 0
        self._steps = np.zeros((bands, columns), dtype=np.uint8)
        self._pixels = np.full((bands, columns), self._palette[0], dtype=np.uint32)
        # The image shows this very memory, which therefore lives as long as it does.
        self._image = QImage(self._pixels.data, columns, bands, columns * 4, QImage.Format.Format_RGB32)


def share_of(frequency_hz: float) -> float:
    """How far up a frequency stands, from 0 to 1."""
    return float(np.log(frequency_hz / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ))
