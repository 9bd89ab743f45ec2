"""How a stream went over time, in memory that does not grow: short points, longer ones the longer it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_POINTS: Final = 600
"""As many as a plot on paper can show. A minute has points of 0.25 s, an hour of 8 s, a day of 256 s."""

FIRST_POINT_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Point:
    """One piece of the time; it begins at its number times `Series.point_s`."""

    packets: int
    bitrate_kbps: float
    """Of the packets that came, without headers, by the clock: none came in a stall, many after it."""
    relative_delay_min_ms: float | None
    """How much later than the quickest of late the quickest packet of this piece came; ``None``: none came."""
    relative_delay_max_ms: float | None
    loudness_lufs: float | None
    """The loudest momentary loudness of this piece; ``None`` in silence, or where nothing was decoded."""


@dataclass(frozen=True, slots=True)
class Series:
    """All points, from the first observation on, without holes."""

    point_s: float
    points: tuple[Point, ...]


EMPTY: Final = Series(FIRST_POINT_S, ())


class _Cell:
    """A point that still grows."""

    __slots__ = ("bytes", "high_ms", "loudest", "low_ms", "packets")

    def __init__(self) -> None:
        self.packets = self.bytes = 0
        self.low_ms: float | None = None
        self.high_ms: float | None = None
        self.loudest: float | None = None

    def absorb(self, later: _Cell) -> None:
        self.packets += later.packets
        self.bytes += later.bytes
        self.low_ms = _least(self.low_ms, later.low_ms)
        self.high_ms = _most(self.high_ms, later.high_ms)
        self.loudest = _most(self.loudest, later.loudest)


class SeriesRecorder:
    """Takes packets in the order of arrival."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._cells: list[_Cell] = []
        self._point_s = FIRST_POINT_S
        self._now_s = 0.0

    def packet(self, at_s: float, payload_bytes: int, relative_delay_ms: float, loudness_lufs: float | None) -> None:
        """A packet came so many seconds after the first observation."""
        cell = self._at(at_s)
        cell.packets += 1
        cell.bytes += payload_bytes
        cell.low_ms = _least(cell.low_ms, relative_delay_ms)
        cell.high_ms = _most(cell.high_ms, relative_delay_ms)
        cell.loudest = _most(cell.loudest, loudness_lufs)

    def series(self, until_s: float) -> Series:
        """All points up to now."""
        self._at(until_s)
        last = len(self._cells) - 1
        points = tuple(
            Point(
                cell.packets,
                cell.bytes * 8e-3 / (self._point_s if number < last else self._open_s),
                cell.low_ms,
                cell.high_ms,
                cell.loudest,
            )
            for number, cell in enumerate(self._cells)
        )
        # The last piece may be so short that its bit rate says nothing.
        is_stub = last > 0 and self._open_s < self._point_s / 4
        return Series(self._point_s, points[:-1] if is_stub else points)

    @property
    def _open_s(self) -> float:
        """How long the last cell has lasted."""
        return max(self._now_s - (len(self._cells) - 1) * self._point_s, 0.05 * self._point_s)

    def _at(self, at_s: float) -> _Cell:
        self._now_s = max(self._now_s, at_s)
        while self._now_s / self._point_s >= MAX_POINTS:
            self._halve()
        while len(self._cells) <= self._now_s / self._point_s:
            self._cells.append(_Cell())
        return self._cells[-1]

    def _halve(self) -> None:
        for even, odd in zip(self._cells[::2], self._cells[1::2], strict=False):
            even.absorb(odd)
        self._cells = self._cells[::2]
        self._point_s *= 2


def _least(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else min(first, second)


def _most(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else max(first, second)
