"""Where in the ring each packet's audio starts, and the times that belong to it."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from core.playout.arrivals import duration_ns
from core.playout.figures import IntervalTally


class _Segment(NamedTuple):
    """``position`` of a packet's first frame in the ring, its arrival, and the network's part where it is known."""

    position: int
    arrival_ns: int
    network_ns: int | None


class Timeline:
    """Segments of what is in the ring, oldest first. Bounded as the ring is: a packet has at least 2.5 ms."""

    def __init__(self) -> None:
        """Nothing in the ring."""
        self._segments: deque[_Segment] = deque()

    def append(self, position: int, arrival_ns: int, network_ns: int | None) -> None:
        """A packet was written at ``position``."""
        self._segments.append(_Segment(position, arrival_ns, network_ns))

    def played(self, start: int, end: int, now_ns: int, interval: IntervalTally) -> None:
        """The ring was read from ``start`` up to ``end`` at ``now_ns``: account for the packets that begin there."""
        while self._segments and self._segments[0].position < end:
            segment = self._segments.popleft()
            played_ns = now_ns + duration_ns(max(0, segment.position - start))
            interval.packet_played(played_ns - segment.arrival_ns, segment.network_ns)

    def skipped(self, position: int) -> int:
        """The ring was cut up to ``position``: forget the packets that lie before it whole; return how many."""
        count = 0
        while len(self._segments) > 1 and self._segments[1].position <= position:
            self._segments.popleft()
            count += 1
        return count
