"""Percentiles of a whole session in fixed memory."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Distribution:
    """A histogram with bins of ``resolution`` up to ``limit``; larger values count into the last bin."""

    def __init__(self, resolution: float = 0.5, limit: float = 10_000.0) -> None:
        """Reserve the memory: 20,000 counters with the defaults (0.5 ms up to 10 s)."""
        self._resolution = resolution
        self._counts = np.zeros(math.ceil(limit / resolution) + 1, dtype=np.int64)
        self._total = 0.0
        self.count = 0
        self.minimum: float | None = None
        self.maximum: float | None = None

    def add(self, value: float, weight: int = 1) -> None:
        """Count ``value`` (below 0 counts as 0 in percentiles) ``weight`` times."""
        at = min(max(int(value / self._resolution), 0), len(self._counts) - 1)
        self._counts[at] += weight
        self._total += value * weight
        self.count += weight
        self.reach(value, value)

    def add_all(self, values: NDArray[np.float64]) -> None:
        """Count each of ``values`` once; there is at least one."""
        at = np.clip((values / self._resolution).astype(np.int64), 0, len(self._counts) - 1)
        np.add.at(self._counts, at, 1)
        self._total += float(values.sum())
        self.count += len(values)
        self.reach(float(values.min()), float(values.max()))

    def reach(self, low: float, high: float) -> None:
        """Note extremes without counting values."""
        self.minimum = low if self.minimum is None else min(self.minimum, low)
        self.maximum = high if self.maximum is None else max(self.maximum, high)

    @property
    def mean(self) -> float | None:
        """Exact mean of what was added, ``None`` before that."""
        return self._total / self.count if self.count else None

    def percentile(self, percent: float) -> float | None:
        """The value that ``percent`` % of all are at or below, to the resolution; ``None`` without values."""
        if self.count == 0 or self.minimum is None or self.maximum is None:
            return None
        rank = max(1, math.ceil(self.count * percent / 100))
        at = int(np.searchsorted(np.cumsum(self._counts), rank))
        middle = (at + 0.5) * self._resolution
        return min(max(middle, self.minimum), self.maximum)
