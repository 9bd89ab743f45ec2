"""The sender's pace from one moment to the next, which steps in lateness do not touch.

A line through all of lateness takes packets that a bare stream leaves out for a slow clock: at 1 % each makes the
stream 20 ms later, twice in four seconds. The median of the slopes between neighbouring moments passes them over as
long as fewer than half of these have such a step between them (Theil, "A rank-invariant method of linear and polynomial
regression analysis", 1950, here of neighbours only).
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

STEP_NS: Final = 120_000_000
"""Of each such time the quickest packet counts. At 20 ms that are six: at 5 % left out a quarter of them has a step."""

SLOPES_KEPT: Final = 100
"""The newest twelve seconds."""

SLOPES_LEAST: Final = 24

_FIT_PAUSE: Final = 8
"""Slopes between two looks: one a second."""

_MEDIAN_ERROR: Final = 1.2533 * 1.4826
"""Standard error of a median of normal values, from their median distance: sqrt(pi / 2) / Phi^-1(3/4), over sqrt(n)."""


class LocalPace:
    """Takes in each packet's lateness. Constant work and memory."""

    __slots__ = ("_last", "_quickest", "_since_look", "_slopes", "error_ppm", "ppm")

    def __init__(self) -> None:
        """Nothing has come."""
        self._slopes: deque[float] = deque(maxlen=SLOPES_KEPT)
        self._last: tuple[int, int] | None = None
        self._quickest: tuple[int, int] | None = None
        self._since_look = 0
        self.ppm: float | None = None
        """By how much lateness grows, in millionths; ``None`` before there is evidence."""
        self.error_ppm: float | None = None
        """Standard error of that."""

    def clear(self) -> None:
        """Another timeline, another sender."""
        self._slopes.clear()
        self._last = self._quickest = self.ppm = self.error_ppm = None
        self._since_look = 0

    def add(self, at_ns: int, lateness_ns: int) -> None:
        """Take in a packet; times never fall, lateness counts from anywhere."""
        quickest = self._quickest
        if quickest is None:
            self._quickest = at_ns, lateness_ns
        elif at_ns // STEP_NS == quickest[0] // STEP_NS:
            if lateness_ns < quickest[1]:
                self._quickest = at_ns, lateness_ns
        else:
            self._quickest = at_ns, lateness_ns
            self._end_step(*quickest)

    def _end_step(self, at_ns: int, lateness_ns: int) -> None:
        last, self._last = self._last, (at_ns, lateness_ns)
        if last is None or at_ns == last[0]:
            return
        self._slopes.append((lateness_ns - last[1]) * 1e6 / (at_ns - last[0]))
        self._since_look += 1
        if len(self._slopes) < SLOPES_LEAST or self._since_look < _FIT_PAUSE:
            return
        self._since_look = 0
        slopes = np.sort(np.array(self._slopes))
        ppm = float(slopes[len(slopes) // 2])
        distances = np.sort(np.abs(slopes - ppm))
        self.ppm = ppm
        self.error_ppm = _MEDIAN_ERROR * float(distances[len(distances) // 2]) / len(slopes) ** 0.5
