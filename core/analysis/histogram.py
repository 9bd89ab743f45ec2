"""Distributions in fixed memory."""

from __future__ import annotations

from typing import Final

from core.analysis.results import Percentiles

_FINE_STEP_MS: Final = 0.25
_FINE_CELLS: Final = 800
_FINE_END_MS: Final = _FINE_STEP_MS * _FINE_CELLS
"""Up to 200 ms, where pacing is judged, steps are of a quarter of a millisecond; beyond, of ten."""

_COARSE_STEP_MS: Final = 10.0
_COARSE_CELLS: Final = 1_000
"""To 10.2 s; what is longer is known by the maximum alone."""


class DurationHistogram:
    """Counts of durations in milliseconds, from which percentiles are read; constant work for each."""

    __slots__ = ("_cells", "count", "maximum_ms")

    def __init__(self) -> None:
        """Empty."""
        self._cells = [0] * (_FINE_CELLS + _COARSE_CELLS + 1)
        self.count = 0
        self.maximum_ms = 0.0

    def add(self, duration_ms: float) -> None:
        """Take in one; less than nothing counts as nothing."""
        self.count += 1
        if duration_ms > self.maximum_ms:
            self.maximum_ms = duration_ms
        if duration_ms < _FINE_END_MS:
            self._cells[int(duration_ms * (1 / _FINE_STEP_MS)) if duration_ms > 0 else 0] += 1
        else:
            cell = int((duration_ms - _FINE_END_MS) / _COARSE_STEP_MS)
            self._cells[_FINE_CELLS + min(cell, _COARSE_CELLS)] += 1

    def percentile(self, percent: float) -> float | None:
        """The duration that ``percent`` per cent do not exceed, interpolated in its step; ``None`` while empty."""
        if not self.count:
            return None
        wanted = self.count * percent / 100
        passed = 0
        for cell, here in enumerate(self._cells):
            if here and passed + here >= wanted:
                low_ms, step_ms = _bounds_ms(cell)
                if cell == len(self._cells) - 1:
                    return self.maximum_ms
                return min(low_ms + step_ms * max(0.0, wanted - passed) / here, self.maximum_ms)
            passed += here
        return self.maximum_ms

    def percentiles(self) -> Percentiles | None:
        """The usual ones; ``None`` while empty."""
        p50, p95, p99 = (self.percentile(percent) for percent in (50, 95, 99))
        if p50 is None or p95 is None or p99 is None:
            return None
        return Percentiles(p50, p95, p99, self.maximum_ms)


def _bounds_ms(cell: int) -> tuple[float, float]:
    if cell < _FINE_CELLS:
        return cell * _FINE_STEP_MS, _FINE_STEP_MS
    return _FINE_END_MS + (cell - _FINE_CELLS) * _COARSE_STEP_MS, _COARSE_STEP_MS
