"""Says once what a drag has changed, when it has come to rest: not a line in the log for every millimetre."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer

_AT_REST_AFTER_MS: Final = 400


class SettledChange(QObject):
    """Gathers changes of one number."""

    def __init__(self, on_settled: Callable[[float, float], None], parent: QObject | None = None) -> None:
        """``on_settled`` is told the value before and the value now."""
        super().__init__(parent)
        self._on_settled = on_settled
        self._before: float | None = None
        self._now = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AT_REST_AFTER_MS)
        self._timer.timeout.connect(self.settle)

    def moved(self, before: float, now: float) -> None:
        """The number went from ``before`` to ``now``."""
        if self._before is None:
            self._before = before
        self._now = now
        self._timer.start()

    def settle(self) -> None:
        """It rests: tell, unless it is back where it was."""
        self._timer.stop()
        before, self._before = self._before, None
        if before is not None and before != self._now:
            self._on_settled(before, self._now)
