"""The adaptive target delay: what more delay costs against what too little costs.

The target is the depth that minimises ``depth + bias * late %``: the bias is how many milliseconds of delay one per
cent of late packets is worth. What was late is looked at over two spans, since stalls come in clusters: the last 30 s,
and the last 6 s. Long spans alone would hold on to a bad minute; so what has not happened for much longer than it used
to take is believed less and less.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.playout.late_history import GRID_MS, GRID_SIZE, GRID_STEP_NS, Curve, LateHistory

FAST_SPAN_NS: Final = 6_000_000_000
SLOW_SPAN_NS: Final = 30_000_000_000

UPDATE_PAUSE_NS: Final = 100_000_000
"""Between two looks at the curves: a tenth of the shortest time in which a target is felt."""

STRETCH_COST_MS_PER_PCT: Final = 3.0
"""What one per cent of stretched audio is worth: little, since it is hardly heard, but not nothing."""

OVERDUE_MS: Final = (30.0, 45.0, 60.0, 80.0, 100.0, 130.0, float("inf"))
"""Playout slows down for a packet that is overdue by one of these: which, is chosen together with the target. Never
sooner than 30 ms: a frame and the scatter of an ordinary network."""

SLOW_DOWN_SHARE: Final = 0.4
"""By so much playout slows down meanwhile: a second of audio lasts 1.67 s."""

DRAIN_GAIN: Final = 0.8
"""Of what slowing down could gain so much is counted on: stalls are noticed late and periods are whole."""

REGIME_CHANGE_PER_S: Final = 1 / 60
"""How often a network changes its ways: once a minute."""

SINGLE_STALL_CAP_MS: Final = 700.0
"""A single stall within six seconds raises the target to this at most. Two or more are believed whatever they are."""

SINGLE_STALL_LEAST_MS: Final = 60.0
"""Less than that is no stall: the scatter of an ordinary network has such single peaks, and they do not come in
clusters."""

LEAST_SLOW_SECONDS: Final = 5.0
"""Shares are of so many seconds at least, so that the first packets do not decide everything."""

SETTLING_S: Final = 2.0
"""Before that the target is not lowered: skew and scatter of the network are not known yet."""

LOOKS_TO_LOWER: Final = 3
"""The target is lowered to the highest of so many looks: when a stall leaves a span, the best depth jumps about."""

GENTLE_RANGE_MS: Final = 25.0
GENTLE_STEP_MS: Final = 5.0
GENTLE_PAUSE_NS: Final = 3_000_000_000
"""The last 25 ms on the way down go in steps of 5 ms with 3 s between: resampling follows them, and nothing is cut."""

LEAST_FAST_SECONDS: Final = 1.0

HYSTERESIS_MS: Final = 1.0
"""A change must save this much, or the target stays."""


_ALL_DEPTHS: Final = slice(None)


class TargetReason(Enum):
    """Why the target delay changed."""

    SET = "set by hand"
    STALLS = "stalls in the last 6 s"
    JITTER = "lateness of the last 30 s"
    CALM = "calmer than before"


@dataclass(frozen=True, slots=True)
class TargetChange:
    """The target delay changed; all in milliseconds."""

    at_ns: int
    from_ms: float
    to_ms: float
    reason: TargetReason
    late_pct: float
    """Share of the packets of the last 30 s that were later than the smaller of the two targets."""


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """What the user allows: the bias, and the range of the target, in milliseconds."""

    bias_ms_per_pct: float
    min_ms: float
    max_ms: float


class AdaptiveTarget:
    """Watches lateness and says which delay would be best, and from when on an overdue packet is worth slowing down."""

    def __init__(self, limits: TargetLimits, initial_ms: float) -> None:
        """Nothing known yet."""
        self.limits = limits
        self.target_ms = initial_ms
        self.overdue_ms = OVERDUE_MS[0]
        """Playout slows down while the next packet is overdue by more than this."""
        self._fast = LateHistory(FAST_SPAN_NS)
        self._slow = LateHistory(SLOW_SPAN_NS)
        self._updated_ns: int | None = None
        self._wanted: deque[float] = deque(maxlen=LOOKS_TO_LOWER)
        self._stepped_ns: int | None = None
        reach_ms = _reach()
        self._reach_cell = np.minimum(reach_ms * 1e6 // GRID_STEP_NS, GRID_SIZE - 1).astype(np.intp)
        self._reach_next = np.minimum(self._reach_cell + 1, GRID_SIZE - 1)
        self._reach_beyond_ms = reach_ms - GRID_MS[self._reach_cell]

    def add(self, at_ns: int, relative_ns: int) -> None:
        """A packet came so much later than the quickest would have."""
        self._fast.add(at_ns, relative_ns)
        self._slow.add(at_ns, relative_ns)

    def discard(self, since_ns: int) -> None:
        """Take back the packets since then."""
        self._fast.discard(since_ns)
        self._slow.discard(since_ns)

    def clear(self) -> None:
        """Another stream: forget the old network, keep the target."""
        self._fast.clear()
        self._slow.clear()

    def update(self, now_ns: int, frame_ms: float, fixed_ms: float | None = None) -> TargetChange | None:
        """Look at the curves if it is time to; return the change, if there is one.

        ``fixed_ms`` holds the target there: then only the overdue limit is chosen.
        """
        if len(self._slow) == 0 or (self._updated_ns is not None and now_ns - self._updated_ns < UPDATE_PAUSE_NS):
            return None
        self._updated_ns = now_ns
        slow, fast = self._late_pct(now_ns, frame_ms)
        late_pct = np.maximum(slow, fast)
        if fixed_ms is not None:
            depth = _nearest(fixed_ms)
            self.overdue_ms = OVERDUE_MS[int(self._costs(late_pct, now_ns, slice(depth, depth + 1)).argmin())]
            return None
        costs = self._costs(late_pct, now_ns)
        allowed = (self.limits.min_ms <= GRID_MS) & (self.limits.max_ms >= GRID_MS)
        # What lies between two delays of the grid is reached from the one below.
        allowed[int(self.limits.min_ms * 1e6) // GRID_STEP_NS] = True
        best, depth = divmod(int(np.where(allowed, costs, np.inf).argmin()), GRID_SIZE)
        self.overdue_ms = OVERDUE_MS[best]
        to_ms = self._within_limits(float(GRID_MS[depth]))
        self._wanted.append(to_ms)
        if self.target_ms == self._within_limits(self.target_ms):
            if costs[:, _nearest(self.target_ms)].min() - costs[best, depth] < HYSTERESIS_MS:
                return None
            to_ms = self._lowered_ms(now_ns) if to_ms < self.target_ms else to_ms
        if to_ms == self.target_ms:
            return None
        between = _nearest(min(to_ms, self.target_ms))
        change = TargetChange(
            now_ns,
            self.target_ms,
            to_ms,
            _reason(to_ms > self.target_ms, bool(fast[between] > slow[between])),
            float(self._slow.late_packets()[between]) * 100 / len(self._slow),
        )
        self.target_ms = to_ms
        return change

    def _lowered_ms(self, now_ns: int) -> float:
        """Where the target goes now on its way down: not at all at first, and the last bit step by step."""
        to_ms = max(self._wanted)
        if self._slow.seconds(now_ns) < SETTLING_S or to_ms >= self.target_ms:
            return self.target_ms
        if self.target_ms - to_ms <= GENTLE_RANGE_MS:
            if self._stepped_ns is not None and now_ns - self._stepped_ns < GENTLE_PAUSE_NS:
                return self.target_ms
            to_ms = max(to_ms, self.target_ms - GENTLE_STEP_MS)
        self._stepped_ns = now_ns
        return to_ms

    def _within_limits(self, target_ms: float) -> float:
        return min(max(target_ms, self.limits.min_ms), self.limits.max_ms)

    def _late_pct(self, now_ns: int, frame_ms: float) -> tuple[Curve, Curve]:
        """Late shares in per cent over both spans, each weighed by how far it is believed."""
        slow = self._share(self._slow, frame_ms, LEAST_SLOW_SECONDS)
        fast = self._share(self._fast, frame_ms, LEAST_FAST_SECONDS)
        dropouts = self._slow.dropouts()
        # Of n dropouts n - 1 were foreseen by the others: one alone says nothing about the next.
        slow *= np.maximum(dropouts - 1, 0) / np.maximum(dropouts, 1)
        slow *= self._still_so(dropouts, now_ns)
        recent = self._fast.dropouts()
        highest_ms = float(GRID_MS[np.count_nonzero(recent) - 1]) if recent[0] else 0.0
        believed_ms = SINGLE_STALL_CAP_MS if highest_ms >= SINGLE_STALL_LEAST_MS else 0.0
        fast[(recent < 1) | ((recent < 2) & (believed_ms < GRID_MS))] = 0
        return slow, fast

    def _still_so(self, dropouts: Curve, now_ns: int) -> Curve:
        """The probability that what caused these dropouts has not ended since.

        Dropouts come at random, on average every ``pause`` seconds while their cause lasts; a cause ends at the rate
        of `REGIME_CHANGE_PER_S`. Bayes' rule for "no dropout since" gives the rest.
        """
        pause_s = max(self._slow.seconds(now_ns), 1.0) / np.maximum(dropouts, 1)
        survived = np.exp(-np.minimum(self._slow.since_dropout_s(now_ns) / pause_s, 50.0))
        ended = REGIME_CHANGE_PER_S * pause_s * (1 - survived)
        result: Curve = survived / (survived + ended)
        return result

    @staticmethod
    def _share(history: LateHistory, frame_ms: float, least_seconds: float) -> Curve:
        """The share of time, in per cent, for which audio would have been missing.

        A packet that is late by less than a frame costs only that part of the frame: the mean of the late packets over
        the next frame's length of delay.
        """
        width = max(1, round(frame_ms * 1e6 / GRID_STEP_NS))
        late = history.late_packets()
        summed = np.empty(GRID_SIZE + width + 1)
        summed[0], summed[1 : GRID_SIZE + 1], summed[GRID_SIZE + 1 :] = 0.0, late, late[-1]
        np.cumsum(summed, out=summed)
        mean: Curve = (summed[width : width + GRID_SIZE] - summed[:GRID_SIZE]) / width
        return mean * (100 / max(len(history), least_seconds * 1000 / frame_ms))

    def _costs(self, late_pct: Curve, now_ns: int, depths: slice = _ALL_DEPTHS) -> NDArray[np.float64]:
        """What each of these targets costs in milliseconds, for each overdue limit; shape (limits, depths)."""
        seconds = max(self._slow.seconds(now_ns), LEAST_FAST_SECONDS)
        overdue_pct = np.interp(OVERDUE_MS, GRID_MS, self._slow.overdue_s(), right=0.0) * (100 / seconds)
        # What is put in has to be taken out again.
        stretched_pct = 2 * SLOW_DOWN_SHARE * overdue_pct
        # Linear between the depths of the grid; the last one stands for all beyond.
        cells = self._reach_cell[:, depths]
        here = late_pct[cells]
        slopes = (late_pct[self._reach_next[:, depths]] - here) / (GRID_STEP_NS / 1e6)
        late = slopes * self._reach_beyond_ms[:, depths] + here
        costs: NDArray[np.float64] = (
            GRID_MS[depths]
            + self.limits.bias_ms_per_pct * late
            + STRETCH_COST_MS_PER_PCT * stretched_pct[:, np.newaxis]
        )
        return costs


def _reach() -> NDArray[np.float64]:
    """How long a stall each target survives in milliseconds, for each overdue limit; shape (limits, depths).

    While playout is slowed down by a share r, a depth D lasts for D / (1 - r); not all of that is counted on.
    """
    limits = np.array(OVERDUE_MS)[:, np.newaxis]
    beyond = np.maximum(GRID_MS - np.minimum(limits, GRID_MS), 0)
    reach: NDArray[np.float64] = GRID_MS + beyond * (1 / (1 - DRAIN_GAIN * SLOW_DOWN_SHARE) - 1)
    return reach


def _nearest(delay_ms: float) -> int:
    return min(max(round(delay_ms * 1e6 / GRID_STEP_NS), 0), GRID_SIZE - 1)


def _reason(is_higher: bool, is_recent: bool) -> TargetReason:
    if not is_higher:
        return TargetReason.CALM
    return TargetReason.STALLS if is_recent else TargetReason.JITTER
