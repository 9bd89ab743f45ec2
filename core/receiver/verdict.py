"""Is this server good enough for a buffer of so many milliseconds, and if not, why?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.playout.cause import UnderrunCause
from core.playout.figures import UnderrunEpisode
from core.playout.what_if import WhatIfCurve, WhatIfSpan

LEAST_S: Final = 10.0
"""Sooner nothing is said: stalls that come every few seconds would not have been seen yet."""

RARE_PER_MIN: Final = 1.0
"""Fewer dropouts a minute than that are a nuisance, more are a fault. Where the line lies is our choice."""

RARE_LOSS_PCT: Final = 1.0
"""More packets than that never came: bad, whatever concealment makes of it. Where the line lies is our choice."""

SLOW_PPM: Final = 2_000.0
"""No clock is so far off (crystals: 100 ppm): such a server's pace is made by a timer that sleeps too long."""

_STEP_NS: Final = 1_000_000_000
_SPAN_NS: Final = WhatIfSpan.LONG.value * 1_000_000_000
_HERE: Final = (UnderrunCause.INTERPRETER, UnderrunCause.DEVICE)
"""Causes on this machine: no server can help them."""


class Answer(Enum):
    """Whether the depth is enough."""

    UNKNOWN = "not known yet"
    GOOD = "good enough"
    ALMOST = "almost good enough"
    BAD = "not good enough"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one depth, and what it rests on: the last five minutes, or as much as there is."""

    answer: Answer
    depth_ms: float
    seconds: float
    """For how long packets have been looked at, at most 300."""
    dropouts_per_min: float
    """How often this depth would have run dry."""
    latest_ms: float | None
    """So late, at the most, were packets, in steps of 5 ms; it is also the depth that would have been enough. ``None``
    if some came later than 2 s."""
    lost_packets: int
    lost_pct: float
    """Packets that never came, against which no depth helps."""
    outages: int
    """Times that the connection broke."""
    pace_ppm: float
    """By how much the server sends too slowly (positive) or too fast, if no clock can be so far off; else 0."""
    underruns: int
    """Episodes that there were in fact, at whatever depth was in force."""
    underruns_here: int
    """Those of them that this machine made: a stalled interpreter, a sound device."""
    has_lab: bool
    """Whether the network lab was at work in that time: then this is no verdict on the server alone."""


@dataclass(frozen=True, slots=True)
class _Totals:
    at_ns: int
    received: int
    lost: int
    outages: int
    has_lab: bool


_NOTHING: Final = _Totals(0, 0, 0, 0, False)


class Judge:
    """Remembers what a verdict needs beside the what-if curve: totals as they were five minutes ago."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.now_ns = 0
        """Monotonic time of the last look."""
        self._totals: deque[_Totals] = deque()
        self._last = _NOTHING

    def look(self, now_ns: int, received: int, lost: int, outages: int, has_lab: bool) -> None:
        """Take in the totals of a session; of those before, one a second is kept."""
        self.now_ns = now_ns
        self._last = _Totals(now_ns, received, lost, outages, has_lab)
        if self._totals and now_ns - self._totals[-1].at_ns < _STEP_NS:
            return
        self._totals.append(self._last)
        while len(self._totals) > 1 and self._totals[1].at_ns <= now_ns - _SPAN_NS:
            self._totals.popleft()

    def verdict(
        self, depth_ms: float, curve: WhatIfCurve, episodes: Iterable[UnderrunEpisode], skew_ppm: float | None
    ) -> Verdict:
        """For a buffer of ``depth_ms``, by the curve of five minutes and the underruns of the session."""
        first, last = self._totals[0] if self._totals else _NOTHING, self._last
        recent = [episode for episode in episodes if episode.began_ns >= first.at_ns]
        lost = last.lost - first.lost
        lost_pct = 100 * lost / max(last.received - first.received + lost, 1)
        outages = last.outages - first.outages
        dropouts_per_min = float(curve.dropouts_per_min[curve.delay_ms.searchsorted(depth_ms, side="right") - 1])
        pace_ppm = skew_ppm if skew_ppm is not None and abs(skew_ppm) >= SLOW_PPM else 0.0
        breaks_per_min = dropouts_per_min + outages * 60 / max(curve.seconds, LEAST_S)
        if curve.seconds < LEAST_S:
            answer = Answer.UNKNOWN
        elif breaks_per_min >= RARE_PER_MIN or lost_pct > RARE_LOSS_PCT:
            answer = Answer.BAD
        else:
            answer = Answer.ALMOST if breaks_per_min or lost or pace_ppm else Answer.GOOD
        return Verdict(
            answer=answer,
            depth_ms=depth_ms,
            seconds=curve.seconds,
            dropouts_per_min=dropouts_per_min,
            latest_ms=curve.smallest_delay_ms(0.0),
            lost_packets=lost,
            lost_pct=lost_pct,
            outages=outages,
            pace_ppm=pace_ppm,
            underruns=len(recent),
            underruns_here=sum(episode.cause in _HERE for episode in recent),
            has_lab=any(totals.has_lab for totals in self._totals) or last.has_lab,
        )
