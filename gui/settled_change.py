"""Tells once what a drag has changed, when it has come to rest: not for every millimetre."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from PySide6.QtCore import QObject, QTimer

T = TypeVar("T")

_AT_REST_AFTER_MS: Final = 400


class SettledChange(QObject, Generic[T]):
    """Gathers changes of one value."""

    def __init__(self, on_settled: Callable[[T, T], None], parent: QObject | None = None) -> None:
        """``on_settled`` is told the value before and the value now."""
        super().__init__(parent)
        self._on_settled = on_settled
        self._change: tuple[T, T] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AT_REST_AFTER_MS)
        self._timer.timeout.connect(self.settle)

    def moved(self, before: T, now: T) -> None:
        """The value went from ``before`` to ``now``."""
        first = before if self._change is None else self._change[0]
        self._change = (first, now)
        self._timer.start()

    @property
    def is_moving(self) -> bool:
        """Whether it has not come to rest yet."""
        return self._change is not None

    def forget(self) -> None:
        """Nobody is to be told of what has moved since."""
        self._timer.stop()
        self._change = None

    def settle(self) -> None:
        """It rests: tell, unless it is back where it was."""
        self._timer.stop()
        change, self._change = self._change, None
        if change is not None and change[0] != change[1]:
            self._on_settled(*change)
