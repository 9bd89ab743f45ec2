"""When the window brings itself up to date: plots often, texts seldom, nothing while nobody can see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

_FOCUSED_MS: Final = 33
"""30 Hz, one plot each time. Bins open every 100 ms, so each plot is painted about once for each bin."""
_UNFOCUSED_MS: Final = 66
_TEXT_EVERY_S: Final = 0.25
"""Nobody reads faster, and laying out text is dearer than drawing a curve."""


class Refresh(QObject):
    """One timer for everything that moves."""

    def __init__(
        self,
        on_plot: Callable[[], None],
        on_text: Callable[[], None],
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stopped; ``on_text`` is called at most four times a second, ``on_plot`` at all other ticks."""
        super().__init__(parent)
        self._on_plot = on_plot
        self._on_text = on_text
        self._clock = clock
        self._text_due_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.timeout.connect(self.tick)

    @property
    def interval_ms(self) -> int | None:
        """Milliseconds between ticks, or ``None`` while stopped."""
        return self._timer.interval() if self._timer.isActive() else None

    def set_visibility(self, is_visible: bool, has_focus: bool) -> None:
        """Adapt to what the user can see."""
        if not is_visible:
            self._timer.stop()
            return
        interval_ms = _FOCUSED_MS if has_focus else _UNFOCUSED_MS
        if interval_ms != self.interval_ms:
            self._text_due_s = 0.0
            self._timer.start(interval_ms)

    def tick(self) -> None:
        """Bring the texts up to date if it is time, else one plot: never both, the event loop has other work."""
        now_s = self._clock()
        if now_s >= self._text_due_s:
            self._text_due_s = now_s + _TEXT_EVERY_S
            self._on_text()
        else:
            self._on_plot()
