"""The server's clock: monotonic, with a fixed relation to Unix time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class ServerClock:
    """Monotonic time, and the Unix time that belongs to it.

    The two are tied together once, at construction: when somebody sets the wall clock, the capture times of a running
    stream don't jump. What a test passes in place of ``now_ns``, ``unix_now_ns`` and ``sleep`` is virtual time.
    """

    def __init__(
        self,
        now_ns: Callable[[], int] = time.monotonic_ns,
        unix_now_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.now_ns = now_ns
        self.wall_unix_ns = unix_now_ns
        """Unix time in nanoseconds as the wall clock shows it; what others have stamped is compared with that."""
        self._sleep = sleep
        self._unix_offset_ns = unix_now_ns() - now_ns()

    def unix_ns(self, monotonic_ns: int) -> int:
        """Unix time in nanoseconds of a moment on the monotonic clock."""
        return monotonic_ns + self._unix_offset_ns

    def unix_now_us(self) -> int:
        """Unix time in microseconds, as `time` messages carry it."""
        return self.unix_ns(self.now_ns()) // 1000

    async def sleep_until(self, moment_ns: int) -> None:
        """Wait for a moment on the monotonic clock; one that is past gives the other tasks one turn."""
        await self._sleep(max(0, moment_ns - self.now_ns()) / 1e9)


class Pacer:
    """When the samples of a stream are due: absolute deadlines, so that no lateness adds up.

    Sleeping for one frame after another runs 0.5 to 5 per cent slow; here each deadline counts from the start.
    """

    MAX_LATENESS_NS = 1_000_000_000
    """Further behind than this, catching up would be a burst that no listener's queue could hold."""

    def __init__(self, clock: ServerClock, sample_rate: int, position: int = 0) -> None:
        """The sample at ``position`` is heard now."""
        self._clock = clock
        self._sample_rate = sample_rate
        self._anchor_ns = clock.now_ns() - self._duration_ns(position)
        self.lateness_ns = 0
        """How far past its moment the last `wait_for` returned."""

    def time_of(self, position: int) -> int:
        """The monotonic time in nanoseconds at which the sample at ``position`` is heard."""
        return self._anchor_ns + self._duration_ns(position)

    def position_now(self) -> int:
        """The position whose time is now."""
        return (self._clock.now_ns() - self._anchor_ns) * self._sample_rate // 1_000_000_000

    async def wait_for(self, position: int) -> bool:
        """Wait until the sample at ``position`` is due, not at all when it is overdue.

        Returns ``True`` if it was so much overdue that all deadlines from here on were moved.
        """
        await self._clock.sleep_until(self.time_of(position))
        lateness_ns = self.lateness_ns = self._clock.now_ns() - self.time_of(position)
        if lateness_ns <= self.MAX_LATENESS_NS:
            return False
        self._anchor_ns += lateness_ns
        return True

    def _duration_ns(self, frames: int) -> int:
        return frames * 1_000_000_000 // self._sample_rate
