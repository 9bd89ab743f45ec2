"""The impaired path in pure arithmetic: when a message comes out that goes in at a given time."""

from __future__ import annotations

import random
from typing import Final

from core.playout.trace import ArrivalTrace
from core.receiver.impairment.settings import Impairment, JitterDistribution

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000

_PARETO_SHAPE: Final = 2.5
"""Heavy-tailed, yet with a variance."""

_LONGEST_JITTERS: Final = 20.0
"""So many times the jitter at most: one draw in millions must not hold up everything behind it for a minute."""


class ImpairedPath:
    """One way from server to listener, in order as TCP delivers. It has no clock: times are passed in.

    A message is first delayed, then waits for those before it, for the end of a stall, and for its turn on a link of
    the given bandwidth. Time counts from the first message: the same arrivals always come out the same.
    """

    def __init__(self, impairment: Impairment) -> None:
        """Nothing has been sent yet."""
        self._impairment = impairment
        # One source of chance each: more messages do not move the stalls.
        self._jitter_rng = _rng(impairment.seed, "jitter")
        self._disconnect_rng = _rng(impairment.seed, "disconnect")
        self._began_ns: int | None = None
        self._previous_ns = 0
        self._periodic = _PeriodicStalls(impairment.stall_every_s, impairment.stall_ms)
        self._random = _RandomStalls(
            impairment.random_stall_every_s, impairment.random_stall_ms, _rng(impairment.seed, "stalls")
        )

    def release_ns(self, arrival_ns: int, size_bytes: int) -> int:
        """When the next message comes out, in nanoseconds: after its arrival and not before the message before it."""
        if self._began_ns is None:
            self._began_ns = self._previous_ns = arrival_ns
        impairment = self._impairment
        delay_ms = impairment.delay_ms + self._jitter_ms()
        if impairment.trace is not None:
            delay_ms += _delay_at(impairment.trace, (arrival_ns - self._began_ns) / _NS_PER_MS)
        due_ns = self._after_stalls(max(arrival_ns + round(delay_ms * _NS_PER_MS), self._previous_ns))
        if impairment.bandwidth_kbps is not None:
            # Behind the stalls: what has piled up comes through no faster than the link is.
            due_ns = self._after_stalls(due_ns + _sending_ns(size_bytes, impairment.bandwidth_kbps))
        self._previous_ns = due_ns
        return due_ns

    def disconnect_ns(self, from_ns: int) -> int | None:
        """When a connection that began at ``from_ns`` is to be broken off, or ``None``. Each call draws anew."""
        every_s = self._impairment.disconnect_every_s
        if every_s is None:
            return None
        if self._impairment.is_disconnect_random:
            every_s = max(1.0, self._disconnect_rng.expovariate(1 / every_s))
        return from_ns + round(every_s * _NS_PER_S)

    def _jitter_ms(self) -> float:
        jitter_ms, rng = self._impairment.jitter_ms, self._jitter_rng
        if not jitter_ms:
            return 0.0
        match self._impairment.jitter_distribution:
            case JitterDistribution.NORMAL:
                jitters = abs(rng.gauss(0.0, 1.0))
            case JitterDistribution.UNIFORM:
                jitters = rng.random()
            case JitterDistribution.EXPONENTIAL:
                jitters = rng.expovariate(1.0)
            case JitterDistribution.PARETO:
                jitters = (rng.paretovariate(_PARETO_SHAPE) - 1) * (_PARETO_SHAPE - 1)
        return jitter_ms * min(jitters, _LONGEST_JITTERS)

    def _after_stalls(self, at_ns: int) -> int:
        began_ns = self._began_ns or 0
        while True:
            # The end of a stall of one kind may lie within one of the other.
            later_ns = self._random.after(self._periodic.after(at_ns - began_ns)) + began_ns
            if later_ns == at_ns:
                return at_ns
            at_ns = later_ns


class _PeriodicStalls:
    """The first one begins one period after the start."""

    def __init__(self, every_s: float | None, length_ms: float | None) -> None:
        self._every_ns = round((every_s or 0.0) * _NS_PER_S)
        self._length_ns = round((length_ms or 0.0) * _NS_PER_MS)

    def after(self, at_ns: int) -> int:
        """``at_ns``, counted from the start, or the end of the stall that it lies in."""
        if not self._every_ns:
            return at_ns
        number, into_ns = divmod(at_ns, self._every_ns)
        if number < 1 or into_ns >= self._length_ns:
            return at_ns
        return at_ns - into_ns + self._length_ns


class _RandomStalls:
    """Stalls of exponential length, exponential times apart; asked for rising times only."""

    def __init__(self, every_s: float | None, length_ms: float | None, rng: random.Random) -> None:
        self._every_s, self._length_ms, self._rng = every_s, length_ms, rng
        self._begin_ns = self._end_ns = 0
        self._draw()

    def after(self, at_ns: int) -> int:
        """``at_ns``, counted from the start, or the end of the stall that it lies in."""
        if self._every_s is None:
            return at_ns
        while self._end_ns <= at_ns:
            self._draw()
        return at_ns if at_ns < self._begin_ns else self._end_ns

    def _draw(self) -> None:
        if self._every_s is None or self._length_ms is None:
            return
        self._begin_ns = self._end_ns + round(self._rng.expovariate(1 / self._every_s) * _NS_PER_S)
        # A stall of no length would be no stall, and drawing on would not end.
        self._end_ns = self._begin_ns + max(1, round(self._rng.expovariate(1 / self._length_ms) * _NS_PER_MS))


def _delay_at(trace: ArrivalTrace, since_start_ms: float) -> float:
    """The delay of what leaves then, the trace repeating; interpolated between its packets, as `ArrivalTrace` does."""
    delays_ms = trace.delays_ms
    number = since_start_ms % trace.duration_ms / trace.frame_ms
    before = min(int(number), len(delays_ms) - 1)
    after = min(before + 1, len(delays_ms) - 1)
    return delays_ms[before] + (delays_ms[after] - delays_ms[before]) * (number - before)


def _sending_ns(size_bytes: int, bandwidth_kbps: float) -> int:
    """How long a link is busy with a message: one kbit/s is a bit in a million nanoseconds."""
    return round(size_bytes * 8 * _NS_PER_MS / bandwidth_kbps)


def _rng(seed: int, purpose: str) -> random.Random:
    return random.Random(f"{seed} {purpose}")  # noqa: S311 - nothing secret
