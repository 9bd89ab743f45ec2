"""How late packets were over all the time, for every depth of a buffer at once."""

from __future__ import annotations

from collections import deque
from itertools import accumulate
from typing import Final

from core.analysis.results import Percentiles
from core.playout.late_history import GRID_MS, GRID_SIZE, GRID_STEP_NS
from core.playout.what_if import READ_LATE_NS

_RECENT: Final = 512
"""Packets that can be taken back: ten seconds of usual ones."""

_STALLS_KEPT: Final = 16
BEYOND_MS: Final = float(GRID_MS[-1])


class LateTally:
    """Relative delays on the grid of the what-if curve, over hours in fixed memory."""

    def __init__(self) -> None:
        """No packets."""
        self._all = [0] * (GRID_SIZE + 1)
        self._blameless = [0] * (GRID_SIZE + 1)
        self._recent: deque[tuple[int, int, bool]] = deque(maxlen=_RECENT)
        self._stalls: deque[tuple[int, int]] = deque(maxlen=_STALLS_KEPT)
        self.packets = 0

    def add(self, at_ns: int, relative_ns: int, *, begins_burst: bool = True) -> None:
        """A packet came so much later than the quickest of late."""
        cell = -(-relative_ns // GRID_STEP_NS)
        if cell > GRID_SIZE:
            cell = GRID_SIZE
        is_own = bool(self._stalls) and any(began <= at_ns <= ended + READ_LATE_NS for began, ended in self._stalls)
        self.packets += 1
        self._all[cell] += 1
        if not is_own:
            self._blameless[cell] += 1
        self._recent.append((at_ns, cell, is_own))

    def paused(self, since_ns: int, by_ns: int) -> None:
        """The packets since then were not late: media time stood still before them for so long."""
        taken_back = 0
        while self._recent and self._recent[-1][0] >= since_ns:
            _, cell, is_own = self._recent.pop()
            self._all[cell] -= 1
            self._blameless[cell] -= not is_own
            taken_back += 1
        if not taken_back:
            return
        self.packets -= taken_back
        # What waited for the first of them ran dry; the others were on time behind it.
        self.add(since_ns, by_ns)
        for _ in range(taken_back - 1):
            self.add(since_ns, 0)

    def observer_stalled(self, began_ns: int, ended_ns: int) -> None:
        """This machine read nothing between these: no packet of that time is anybody else's."""
        self._stalls.append((began_ns, ended_ns))
        for number in range(len(self._recent) - 1, -1, -1):
            at_ns, cell, is_own = self._recent[number]
            if at_ns < began_ns:
                break
            if not is_own and at_ns <= ended_ns + READ_LATE_NS:
                self._blameless[cell] -= 1
                self._recent[number] = at_ns, cell, True

    def late_pct(self) -> tuple[float, ...]:
        """For each delay of the grid the share of packets later than that, without this machine's own."""
        total = sum(self._blameless)
        if not total:
            return (0.0,) * GRID_SIZE
        return tuple((total - passed) * 100 / total for passed in accumulate(self._blameless[:GRID_SIZE]))

    def smallest_ms(self, late_pct: float, *, blameless: bool) -> float | None:
        """The smallest delay at which at most so many per cent are late; ``None`` if not even 2 s are enough."""
        cells = self._blameless if blameless else self._all
        allowed = sum(cells) * late_pct / 100
        late = sum(cells)
        for cell in range(GRID_SIZE):
            late -= cells[cell]
            if late <= allowed:
                return cell * GRID_STEP_NS / 1e6
        return None

    def own_share_pct(self, depth_ms: float) -> float | None:
        """Of the packets later than ``depth_ms`` the share that this machine made late; ``None`` if none is late."""
        first = int(depth_ms * 1e6 // GRID_STEP_NS) + 1
        late = sum(self._all[first:])
        return None if not late else 100 * (late - sum(self._blameless[first:])) / late

    def percentiles(self) -> Percentiles | None:
        """Of all packets, in steps of 5 ms."""
        if not self.packets:
            return None
        p50, p95, p99 = (self._percentile(percent) for percent in (50, 95, 99))
        last = max((cell for cell, count in enumerate(self._all) if count), default=0)
        return Percentiles(p50, p95, p99, min(last * GRID_STEP_NS / 1e6, BEYOND_MS))

    def _percentile(self, percent: float) -> float:
        within_ms = self.smallest_ms(100 - percent, blameless=False)
        return BEYOND_MS if within_ms is None else within_ms
