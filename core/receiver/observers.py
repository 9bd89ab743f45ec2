"""Who hears of what happens on the connection of a session: what judges it, records it or captures it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from core.analysis.observation import Observation

Observe = Callable[[Observation], None]


class Observers:
    """All of them, on the event loop's thread. One that fails hears no more; the others do."""

    def __init__(self, url: str) -> None:
        """Nobody yet; ``url``, without secrets, is named where one fails."""
        self._url: Final = url
        self._observers: tuple[Observe, ...] = ()

    def __bool__(self) -> bool:
        """Whether anybody listens: what is told takes time to make."""
        return bool(self._observers)

    def add(self, observer: Observe) -> None:
        """Let ``observer`` hear of all from now on."""
        self._observers += (observer,)

    def remove(self, observer: Observe) -> None:
        """Let ``observer`` hear of nothing more; harmless when repeated."""
        self._observers = tuple(each for each in self._observers if each != observer)

    def tell(self, seen: Observation) -> None:
        """Something happened. The error of an observer goes to the event loop's handler."""
        for observer in self._observers:
            try:
                observer(seen)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it must not end what others hear
                self.remove(observer)
                context = {"message": f"an observer of {self._url} failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
