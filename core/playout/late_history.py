"""What came too late in the recent past, for every playout delay at once.

Everything that a fixed delay would have met can be told from the relative delays of the packets alone. They are kept
as histograms on a grid of 5 ms, each packet being a handful of additions, so that the target delay and the what-if
curve can look at any time.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

GRID_STEP_NS: Final = 5_000_000
"""Delays are told apart by 5 ms."""

GRID_SIZE: Final = 401
"""Delays from 0 to 2 s."""

Curve = NDArray[np.float64]
"""One value for each delay of the grid, shape (401,)."""

GRID_MS: Final[Curve] = np.arange(GRID_SIZE, dtype=np.float64) * (GRID_STEP_NS / 1e6)
"""The delays of the grid in milliseconds, shape (401,)."""


class _Entry(NamedTuple):
    """A packet as cells of the grid: its own, that of the packet before, and where it began to be overdue."""

    at_ns: int
    cell: int
    before: int
    overdue_from: int


class LateHistory:
    """The packets of the last ``span_ns`` nanoseconds. Constant work for each packet."""

    def __init__(self, span_ns: int) -> None:
        """No packets yet."""
        self.span_ns = span_ns
        self._entries: deque[_Entry] = deque()
        self._began_ns: int | None = None
        self._last: _Entry | None = None
        # The last cell stands for everything later than the grid.
        self._packets = np.zeros(GRID_SIZE + 1)
        self._crossings = np.zeros(GRID_SIZE + 1)
        self._overdue = np.zeros(GRID_SIZE + 1)
        self._crossed_at_ns = np.full(GRID_SIZE + 1, -np.inf)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, at_ns: int, relative_ns: int) -> None:
        """A packet came at ``at_ns``, ``relative_ns`` later than the quickest would have."""
        last = self._last
        cell = _cell(relative_ns)
        before = 0 if last is None else last.cell
        overdue_from = cell if last is None else _cell(max(0, relative_ns - (at_ns - last.at_ns)))
        entry = _Entry(at_ns, cell, before, overdue_from)
        if self._began_ns is None:
            self._began_ns = at_ns
        if cell > before:
            self._crossed_at_ns[before:cell] = at_ns
        self._entries.append(entry)
        self._last = entry
        self._count(entry, 1)
        self.expire(at_ns)

    def expire(self, now_ns: int) -> None:
        """Forget what is longer ago than the span."""
        entries, since_ns = self._entries, now_ns - self.span_ns
        while entries and entries[0].at_ns < since_ns:
            self._count(entries.popleft(), -1)

    def begin_stream(self) -> None:
        """Another stream goes on with its own times: its first packet has none before it."""
        self._last = None

    def discard(self, since_ns: int) -> None:
        """Take back the packets that came at ``since_ns`` or later: it has turned out that they were not late."""
        while self._entries and self._entries[-1].at_ns >= since_ns:
            self._count(self._entries.pop(), -1)
        self._last = self._entries[-1] if self._entries else None
        crossed_at_ns = self._crossed_at_ns
        unknown = np.flatnonzero(crossed_at_ns >= since_ns)
        crossed_at_ns[unknown] = -np.inf
        first, end = (int(unknown[0]), int(unknown[-1]) + 1) if len(unknown) else (0, 0)
        # The newest crossing of a delay counts. Short ones are found soon, and most packets cross no others.
        for entry in reversed(self._entries):
            if first >= end:
                break
            if entry.cell <= first or entry.before >= end or entry.cell <= entry.before:
                continue
            crossed = crossed_at_ns[entry.before : entry.cell]
            np.maximum(crossed, entry.at_ns, out=crossed)
            while first < end and crossed_at_ns[first] > -np.inf:
                first += 1

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._began_ns = self._last = None
        for counts in (self._packets, self._crossings, self._overdue):
            counts[:] = 0
        self._crossed_at_ns[:] = -np.inf

    def seconds(self, now_ns: int) -> float:
        """For how long packets have been coming, at most the span."""
        return 0.0 if self._began_ns is None else min(now_ns - self._began_ns, self.span_ns) / 1e9

    @property
    def covered_s(self) -> float:
        """From the oldest packet kept to the newest; a time in which nothing came at the end is not in it."""
        return (self._entries[-1].at_ns - self._entries[0].at_ns) / 1e9 if self._entries else 0.0

    def late_packets(self) -> Curve:
        """For each delay how many packets were later than that."""
        return len(self._entries) - self._packets.cumsum()[:GRID_SIZE]

    def dropouts(self) -> Curve:
        """For each delay how often lateness rose above it: each time playout would have been interrupted."""
        return self._crossings.cumsum()[:GRID_SIZE]

    def overdue_s(self) -> Curve:
        """For each delay for how long in all the next packet was overdue by more than that."""
        lying_above = self._overdue.cumsum()[::-1].cumsum()[::-1]
        return lying_above[:GRID_SIZE] * (GRID_STEP_NS / 1e9)

    def since_dropout_s(self, now_ns: int) -> Curve:
        """For each delay how long ago lateness rose above it; infinite where it never did."""
        return (now_ns - self._crossed_at_ns[:GRID_SIZE]) / 1e9

    def _count(self, entry: _Entry, sign: int) -> None:
        self._packets[entry.cell] += sign
        if entry.cell > entry.before:
            self._crossings[entry.before] += sign
            self._crossings[entry.cell] -= sign
        if entry.cell > entry.overdue_from:
            self._overdue[entry.overdue_from] += sign
            self._overdue[entry.cell] -= sign


def _cell(relative_ns: int) -> int:
    """The smallest delay of the grid that such a packet still makes; one more than the grid has if there is none."""
    return min(-(-relative_ns // GRID_STEP_NS), GRID_SIZE)
