"""What a change did: delay, underruns and concealment before and after it."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.monitor.events import Event, Level
from core.monitor.monitor import CONCEALED_MS, LATENCY_PARTS, PLAYED_MS, UNDERRUN_EPISODES, History, Monitor
from core.monitor.time_series import Span

COMPARED_S: Final = 30.0
"""On each side of a change, or as far as to the next one."""

LEAST_S: Final = 1.0
"""Two changes nearer to each other are one: a slider that is dragged, a preset that sets several things."""

CHANGES_KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class StretchFigures:
    """How it went over a stretch of time."""

    seconds: float
    latency_ms: float | None
    """Mean from the source to the ear; ``None`` where nothing was played. Parts that are not known count as 0."""
    episodes_per_min: float | None
    """Underrun episodes; ``None`` for less than a second."""
    concealed_pct: float | None
    """Share of what was played that was made up; ``None`` where nothing was."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change with the figures on both its sides; ``after`` grows until the next change, or for 30 s."""

    number: int
    """Counts from 1; plots mark the moment with it."""
    event: Event
    before: StretchFigures
    after: StretchFigures
    is_complete: bool
    """Whether ``after`` is final."""


class ChangeBook:
    """Keeps the changes of a `Monitor`'s log with their figures, which outlive the series they come from."""

    def __init__(self, monitor: Monitor) -> None:
        """Read from ``monitor``; nothing has changed yet."""
        self._monitor = monitor
        self._next_number = 0
        self._count = 0
        self._changes: list[Change] = []

    @property
    def changes(self) -> tuple[Change, ...]:
        """The newest five hundred, oldest first."""
        return tuple(self._changes)

    def between(self, from_s: float, to_s: float) -> list[Change]:
        """Those of a stretch of monotonic time, oldest first."""

        def at_ns(change: Change) -> int:
            return change.event.at_ns

        first, end = (bisect_right(self._changes, round(at_s * 1e9), key=at_ns) for at_s in (from_s, to_s))
        return self._changes[first:end]

    def update(self) -> None:
        """Take in what is new. Once a second is often enough."""
        now_s = self._monitor.now_s()
        events = self._monitor.events
        new = [event for event in events.since(self._next_number) if event.level is Level.CHANGE]
        self._next_number = events.next_number
        was_open = [at for at, change in enumerate(self._changes) if not change.is_complete]
        for event in new:
            self._add(event)
        for at in was_open:
            self._changes[at] = self._grown(at, now_s)
        del self._changes[:-CHANGES_KEPT]

    def _add(self, event: Event) -> None:
        at_s = event.at_ns / 1e9
        previous_s = next(
            (each.event.at_ns / 1e9 for each in reversed(self._changes) if at_s - each.event.at_ns / 1e9 >= LEAST_S),
            -math.inf,
        )
        before = figures(self._monitor.history, max(at_s - COMPARED_S, previous_s), at_s)
        nothing = StretchFigures(0.0, None, None, None)
        self._count += 1
        self._changes.append(Change(self._count, event, before, nothing, is_complete=False))

    def _grown(self, at: int, now_s: float) -> Change:
        change = self._changes[at]
        at_s = change.event.at_ns / 1e9
        next_s = next(
            (each.event.at_ns / 1e9 for each in self._changes[at + 1 :] if each.event.at_ns / 1e9 - at_s >= LEAST_S),
            math.inf,
        )
        end_s = min(at_s + COMPARED_S, next_s)
        after = figures(self._monitor.history, at_s, min(end_s, now_s))
        return replace(change, after=after, is_complete=now_s >= end_s)


def figures(history: History, from_s: float, to_s: float) -> StretchFigures:
    """How it went between two monotonic times, to the bin; of what is not kept any more nothing is known."""
    bin_s = history.series[LATENCY_PARTS[0]].bin_s
    # A change belongs to neither side: its own bin holds some of both.
    if not math.isfinite(from_s):
        return StretchFigures(0.0, None, None, None)
    first, end = math.floor(from_s / bin_s) + 1, math.floor(to_s / bin_s)
    newest = history.newest_s
    if newest is not None:
        # What is older is not kept, and nothing is known of it.
        first = max(first, round(newest / bin_s) - history.series[LATENCY_PARTS[0]].bins)
    if end <= first or newest is None:
        return StretchFigures(0.0, None, None, None)
    span = Span(end - first, 1, end - 1)
    seconds = (end - first) * bin_s
    means = [history.series[part].window(span).mean for part in LATENCY_PARTS]
    known = [float(np.nanmean(mean)) for mean in means if np.isfinite(mean).any()]
    played_ms = float(history.tallies[PLAYED_MS].window(span).sum())
    episodes = float(history.tallies[UNDERRUN_EPISODES].window(span).sum())
    concealed_ms = float(history.tallies[CONCEALED_MS].window(span).sum())
    return StretchFigures(
        seconds,
        sum(known) if known else None,
        episodes * 60 / seconds if seconds >= 1 and played_ms else None,
        concealed_ms * 100 / played_ms if played_ms else None,
    )
