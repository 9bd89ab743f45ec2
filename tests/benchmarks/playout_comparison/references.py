"""How others buffer, reduced to timing: the strategy document, a textbook fixed delay, aiortc."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from tests.benchmarks.playout_comparison.driver import Decoded, Span


class DropOldestFifo:
    """The strategy document's client: a queue of five frames that is played as soon as something is in it.

    A sixth frame pushes the oldest out. It builds up no reserve on purpose: an empty queue is silence, and the delay
    is what earlier stalls have left in it.
    """

    def __init__(self, frame_ms: float, *, frames: int = 5) -> None:
        self._frame_ms = frame_ms
        self._queue: deque[int] = deque(maxlen=frames)
        self._decoded = Decoded()

    def push(self, number: int, now_ms: float) -> None:
        """Queue a frame, if need be in place of the oldest."""
        self._queue.append(number)

    def pull(self, now_ms: float, duration_ms: float) -> Iterator[Span]:
        """The next frames, or silence."""
        return self._decoded.take(duration_ms, self._next)

    def _next(self) -> None:
        if self._queue:
            self._decoded.add(Span(self._queue.popleft() * self._frame_ms, self._frame_ms))


class FixedDelay:
    """The textbook's fixed buffer: each sample is played ``depth_ms`` after its time, or not at all.

    Its time is counted from the arrival of the first packet, whatever comes later; a packet that is late by more than
    the depth is lost as far as it is late.
    """

    def __init__(self, frame_ms: float, *, depth_ms: float = 100.0) -> None:
        self._frame_ms, self._depth_ms = frame_ms, depth_ms
        self._lag_ms: float | None = None
        self._arrived = -1

    def push(self, number: int, now_ms: float) -> None:
        """Remember what is there; the first packet sets the delay."""
        if self._lag_ms is None:
            self._lag_ms = now_ms - number * self._frame_ms + self._depth_ms
        self._arrived = number

    def pull(self, now_ms: float, duration_ms: float) -> Iterator[Span]:
        """What is due now, as far as it has arrived."""
        if self._lag_ms is None:
            yield Span(None, duration_ms)
            return
        begin_ms = now_ms - self._lag_ms
        end_ms = begin_ms + duration_ms
        heard_from_ms = max(begin_ms, 0.0)
        heard_to_ms = min(end_ms, (self._arrived + 1) * self._frame_ms)
        if heard_to_ms <= heard_from_ms:
            yield Span(None, duration_ms)
            return
        if heard_from_ms > begin_ms:
            yield Span(None, heard_from_ms - begin_ms)
        yield Span(heard_from_ms, heard_to_ms - heard_from_ms)
        if end_ms > heard_to_ms:
            yield Span(None, end_ms - heard_to_ms)


class CountBuffer:
    """A buffer that counts packets, as aiortc's for audio does (capacity 16, prefetch 4).

    The oldest packet is given out once ``prefetch`` complete ones and the beginning of another are there without a
    gap, at most one for each arrival. So it is arrivals that move it, never a clock; behind it stands a queue without
    a bound, from which the device plays. A packet ``capacity`` or more ahead of the oldest pushes out what is in the
    way; packets in order without gaps, as from TCP, never do.
    """

    def __init__(self, frame_ms: float, *, capacity: int = 16, prefetch: int = 4) -> None:
        self._frame_ms, self._capacity, self._prefetch = frame_ms, capacity, prefetch
        self._held: set[int] = set()
        self._oldest: int | None = None
        self._decoded = Decoded()

    def push(self, number: int, now_ms: float) -> None:
        """Hold a packet, and give out the oldest if enough follow it."""
        if self._oldest is None:
            self._oldest = number
        if number < self._oldest:
            return
        if number - self._oldest >= self._capacity:
            self._oldest = number - self._capacity + 1
            self._held = {held for held in self._held if held >= self._oldest}
        self._held.add(number)
        if all(self._oldest + behind in self._held for behind in range(self._prefetch + 1)):
            self._held.remove(self._oldest)
            self._decoded.add(Span(self._oldest * self._frame_ms, self._frame_ms))
            self._oldest += 1

    def pull(self, now_ms: float, duration_ms: float) -> Iterator[Span]:
        """What has been given out, or silence."""
        return self._decoded.take(duration_ms, lambda: None)
