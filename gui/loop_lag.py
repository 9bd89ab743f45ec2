"""How late the event loop runs: a precise timer that measures its own lateness."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

_INTERVAL_MS: Final = 20


class LoopLagMeter(QObject):
    """Reports every 20 ms by how many milliseconds that report is late.

    Its ticks also let Python notice a Ctrl-C while Qt would sleep otherwise.
    """

    def __init__(
        self,
        on_lag: Callable[[float], None],
        parent: QObject | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Start measuring with the event loop; ``clock`` gives seconds."""
        super().__init__(parent)
        self._on_lag = on_lag
        self._clock = clock
        self._due_s: float | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(_INTERVAL_MS)

    def tick(self) -> None:
        """Measure. Qt keeps to its grid after a short delay and starts a new one after a long one, and so does this."""
        now_s = self._clock()
        interval_s = _INTERVAL_MS / 1e3
        if self._due_s is None:
            self._due_s = now_s
        lag_s = now_s - self._due_s
        if lag_s < 0 or lag_s > interval_s:
            self._due_s = now_s
        self._due_s += interval_s
        self._on_lag(max(0.0, lag_s) * 1e3)
