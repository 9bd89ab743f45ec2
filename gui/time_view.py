"""What all time plots have in common: the part of the past they show, whether it stands still, and the crosshair."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from core.monitor.monitor import History, Monitor
from core.monitor.time_series import BIN_S, HISTORY_S, last_bin
from gui.view_models.time_window import TimeWindow


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment, in seconds before the right edge (negative), and what is written at it."""

    age_s: float
    label: str


class TimeView(QObject):
    """Live, or frozen on a copy of the history while recording goes on."""

    changed = Signal()
    """Another window, or frozen, or live again."""
    crosshair_moved = Signal()

    def __init__(self, monitor: Monitor, parent: QObject | None = None) -> None:
        """Live, the last minute."""
        super().__init__(parent)
        self._monitor = monitor
        self._frozen: History | None = None
        self.window = TimeWindow()
        self.crosshair_s: float | None = None
        """Seconds before the window's end, negative; ``None`` while the pointer is elsewhere."""

    @property
    def history(self) -> History:
        """What to draw."""
        return self._frozen or self._monitor.history

    @property
    def is_frozen(self) -> bool:
        """Whether the plots stand still."""
        return self._frozen is not None

    @property
    def end_s(self) -> float | None:
        """Monotonic time at the right edge, or ``None`` before anything was recorded."""
        newest = self._newest_bin
        return None if newest is None else (last_bin(self.window.span, newest) + 1) * BIN_S

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Of the time axis: position and text."""
        return self.window.ticks(self._newest_bin, self.tr("frozen") if self.is_frozen else self.tr("now"))

    def choose(self, seconds: int) -> None:
        """Show so many seconds; what was at the right edge stays there."""
        self._show(TimeWindow(seconds, self.window.end_bin))

    def freeze(self) -> None:
        """Stand still; recording goes on."""
        self._monitor.advance()
        newest = self._newest_bin
        if self._frozen is None and newest is not None:
            self._frozen = self._monitor.history.copy()
            self._show(TimeWindow(self.window.seconds, newest))

    def resume(self) -> None:
        """Follow what comes again."""
        if self._frozen is not None:
            self.point_at(None)
            self._frozen = None
            self._show(TimeWindow(self.window.seconds))

    def zoom(self, steps: int, at: float = 1.0) -> None:
        """Show less (positive) or more of the past; ``at`` is the share of the window that stays where it is."""
        newest = self._newest_bin
        if newest is None:
            return
        window = self.window
        for _ in range(abs(steps)):
            window = window.shorter(at, newest) if steps > 0 else window.longer().kept_within(newest)
        self._show(window)

    def pan(self, seconds: float) -> None:
        """Move a frozen window to later (positive) or earlier."""
        newest = self._newest_bin
        if self.is_frozen and newest is not None:
            self._show(self.window.moved(seconds, newest))

    def go_to(self, at_s: float) -> bool:
        """Freeze with this moment in the middle; tells whether it is kept still, or already."""
        if self._frozen is not None and at_s > (self.history.newest_s or 0.0):
            self.resume()
        self.freeze()
        newest = self._newest_bin
        if newest is None or not self.is_kept(at_s):
            return False
        self._show(self.window.around(at_s, newest))
        self.point_at(min(at_s - (self.end_s or 0.0), 0.0))
        return True

    def is_kept(self, at_s: float) -> bool:
        """Whether the history reaches back to this monotonic time."""
        newest_s = self._monitor.history.newest_s
        return newest_s is not None and newest_s - HISTORY_S < at_s

    def point_at(self, age_s: float | None) -> None:
        """Move the crosshair there; ``None`` takes it away."""
        if age_s is not None and (not self.is_frozen or not -self.window.seconds <= age_s <= 0):
            age_s = None
        if age_s != self.crosshair_s:
            self.crosshair_s = age_s
            self.crosshair_moved.emit()

    @property
    def pointed_s(self) -> float | None:
        """Monotonic time under the crosshair."""
        end_s = self.end_s
        return None if self.crosshair_s is None or end_s is None else end_s + self.crosshair_s

    @property
    def _newest_bin(self) -> int | None:
        newest_s = self.history.newest_s
        return None if newest_s is None else math.floor(newest_s / BIN_S + 0.5) - 1

    def _show(self, window: TimeWindow) -> None:
        self.window = window
        self.changed.emit()
