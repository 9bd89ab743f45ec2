"""Is this server good enough for a buffer of so many milliseconds, and if not, why?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.playout.late_history import GRID_MS
from core.playout.what_if import WhatIfCurve, WhatIfSpan

LEAST_S: Final = 10.0
"""Sooner nothing good is said: stalls that come every few seconds would not have been seen yet."""

RARE_PER_MIN: Final = 1.0
"""Fewer dropouts a minute than that are a nuisance, more are a fault. Where the line lies is our choice."""

RARE_LOSS_PCT: Final = 1.0
"""More packets than that never came: bad, whatever concealment makes of it. Where the line lies is our choice."""

SLOW_PPM: Final = 2_000.0
"""No clock is so far off (crystals: 100 ppm): such a server's pace is made by a timer that sleeps too long."""

STALLED_MS: Final = 1_000.0
"""A packet that is overdue by more counts before it has come; until then it may be jitter."""

WORTH_TELLING_MS: Final = 50.0
"""A shorter stall of this machine is left out of the figures without a word."""

_STEP_NS: Final = 1_000_000_000
_SPAN_NS: Final = WhatIfSpan.LONG.value * 1_000_000_000


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
    has_audio: bool
    """Whether anything has come at all."""
    seconds: float
    """Between the first packet that was looked at and the last, at most 300."""
    dropouts: int
    """How often this depth would have run dry in that time; a packet that is overdue now, by far, is in it."""
    latest_ms: float | None
    """So late, at the most, were packets, in steps of 5 ms; it is also the depth that would have been enough. ``None``
    if some came later than 2 s."""
    lost_packets: int
    lost_pct: float
    """Packets that never came, against which no depth helps."""
    outages: int
    """Times without a connection, the present one included."""
    pace_ppm: float
    """By how much the server sends too slowly (positive) or too fast, if no clock can be so far off; else 0."""
    underruns: int
    """Episodes that there were in fact, at whatever depth was in force."""
    underruns_here: int
    """Those of them that this machine made: a stalled interpreter, a sound device."""
    stalls: int
    """How often this machine itself read nothing for a while: what was late then is in none of these figures."""
    longest_stall_ms: float
    has_lab: bool
    """Whether the network lab was at work in that time: then this is no verdict on the server alone."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How a session stands. What is counted is counted from its beginning."""

    received: int = 0
    lost: int = 0
    outages: int = 0
    underruns: int = 0
    underruns_here: int = 0
    overdue_ms: float = 0.0
    """How late the next packet is already; 0 while none is expected."""
    is_lost: bool = False
    """Whether there is an outage now."""
    has_lab: bool = False


class Judge:
    """Remembers what a verdict needs beside the what-if curve: totals as they were five minutes ago."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.now_ns = 0
        """Monotonic time of the last look."""
        self._facts: deque[tuple[int, Facts]] = deque()
        self._last = Facts()
        self._lab_ns: int | None = None
        """When the network lab was last at work."""
        self._stalls: deque[tuple[int, float]] = deque()
        """When this machine read nothing, and for how many milliseconds."""

    def note_stall(self, began_ns: int, ended_ns: int) -> None:
        """This machine read nothing between these."""
        stall_ms = (ended_ns - began_ns) / 1e6
        if stall_ms >= WORTH_TELLING_MS:
            self._stalls.append((ended_ns, stall_ms))

    def look(self, now_ns: int, facts: Facts) -> None:
        """Take in how the session stands; of the looks before, one a second is kept."""
        self.now_ns, self._last = now_ns, facts
        if facts.has_lab:
            self._lab_ns = now_ns
        if self._facts and now_ns - self._facts[-1][0] < _STEP_NS:
            return
        self._facts.append((now_ns, facts))
        while len(self._facts) > 1 and self._facts[1][0] <= now_ns - _SPAN_NS:
            self._facts.popleft()
        while self._stalls and self._stalls[0][0] <= now_ns - _SPAN_NS:
            self._stalls.popleft()

    def verdict(self, depth_ms: float, curve: WhatIfCurve, skew_ppm: float | None) -> Verdict:
        """For a buffer of ``depth_ms``, by the curve of five minutes up to the last look."""
        began_ns, first = self._facts[0] if self._facts else (self.now_ns, self._last)
        last = self._last
        looked_s = (self.now_ns - began_ns) / 1e9
        lost = last.lost - first.lost
        lost_pct = 100 * lost / max(last.received - first.received + lost, 1)
        # One that began before and lasts is one, too.
        outages = max(last.outages - first.outages, int(last.is_lost))
        is_stalled = last.overdue_ms > max(depth_ms, STALLED_MS)
        at = curve.delay_ms.searchsorted(depth_ms, side="right") - 1
        dropouts = round(float(curve.dropouts_per_min[at]) * max(curve.seconds, 1.0) / 60) + is_stalled
        breaks_per_min = dropouts * 60 / max(curve.seconds, LEAST_S) + outages * 60 / max(looked_s, LEAST_S)
        pace_ppm = skew_ppm if skew_ppm is not None and abs(skew_ppm) >= SLOW_PPM else 0.0
        if curve.seconds < LEAST_S:
            answer = Answer.BAD if outages or is_stalled else Answer.UNKNOWN
        elif breaks_per_min >= RARE_PER_MIN or lost_pct > RARE_LOSS_PCT:
            answer = Answer.BAD
        else:
            answer = Answer.ALMOST if breaks_per_min or lost or pace_ppm else Answer.GOOD
        return Verdict(
            answer=answer,
            depth_ms=depth_ms,
            has_audio=last.received > 0,
            seconds=curve.seconds,
            dropouts=dropouts,
            latest_ms=_latest_ms(curve, last.overdue_ms if is_stalled else 0.0),
            lost_packets=lost,
            lost_pct=lost_pct,
            outages=outages,
            pace_ppm=pace_ppm,
            underruns=last.underruns - first.underruns,
            underruns_here=last.underruns_here - first.underruns_here,
            stalls=len(self._stalls),
            longest_stall_ms=max((stall_ms for _, stall_ms in self._stalls), default=0.0),
            has_lab=self._lab_ns is not None and self._lab_ns >= began_ns,
        )


def _latest_ms(curve: WhatIfCurve, overdue_ms: float) -> float | None:
    latest_ms = curve.smallest_delay_ms(0.0)
    if latest_ms is None or overdue_ms > GRID_MS[-1]:
        return None
    step_ms = float(GRID_MS[1])
    return max(latest_ms, step_ms * -(-overdue_ms // step_ms))
