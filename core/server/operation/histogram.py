"""How often a figure was how large, for next to nothing per observation."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

PACING_BOUNDS_S: Final = (
    *(1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2),
    *(0.1, 0.2, 0.5, 1.0),
)
"""From what a good timer misses by, to where the deadlines are moved (`Pacer.MAX_LATENESS_NS`)."""

ENCODE_BOUNDS_S: Final = (2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2)
"""A packet of 20 ms takes 0.07 ms to encode; from a whole frame on, nothing can be in time."""


class Histogram:
    """Counts by upper bound, each bound included, as Prometheus has it."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """``bounds`` ascend."""
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """Of all that was observed."""

    def observe(self, value: float) -> None:
        """Count one."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many were observed."""
        return sum(self._counts)

    def cumulative(self) -> list[tuple[str, float]]:
        """For each bound, and for ``+Inf``, how many were not above it."""
        names = [*(format(bound, "g") for bound in self.bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True))
