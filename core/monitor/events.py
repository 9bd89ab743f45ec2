"""The event log: what happened, when, and how bad it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much an event matters to whoever listens."""

    INFO = "info"
    CHANGE = "change"
    """A setting is in force now: plots mark it."""
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. ``number`` counts up without holes; ``wall_time_s`` is Unix time, for people."""

    number: int
    at_ns: int
    wall_time_s: float
    level: Level
    text: str


class EventLog:
    """The last ``capacity`` events. The clocks are passed in: monotonic nanoseconds and Unix seconds."""

    def __init__(self, clock_ns: Callable[[], int], wall_clock_s: Callable[[], float], capacity: int = 2_000) -> None:
        """An empty log."""
        self._clock_ns = clock_ns
        self._wall_clock_s = wall_clock_s
        self._events: deque[Event] = deque(maxlen=capacity)
        self._next_number = 0
        self._listeners: list[Callable[[Event], None]] = []

    def tell(self, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` with every event from now on, at once: what is kept elsewhere survives a crash."""
        self._listeners.append(listener)

    def add(self, level: Level, text: str) -> Event:
        """Write one line, and give it back."""
        event = Event(self._next_number, self._clock_ns(), self._wall_clock_s(), level, text)
        self._next_number += 1
        self._events.append(event)
        for listener in self._listeners:
            listener(event)
        return event

    def since(self, number: int) -> list[Event]:
        """The events kept whose number is at least ``number``, oldest first."""
        first_kept = self._next_number - len(self._events)
        skip = max(0, number - first_kept)
        return list(self._events)[skip:] if skip else list(self._events)

    @property
    def next_number(self) -> int:
        """What the next event will be numbered: pass it to `since` to get only what is new."""
        return self._next_number
