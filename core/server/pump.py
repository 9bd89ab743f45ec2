"""From the source to the encoders, in time: where a stream is paced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from core.audio.sources import PcmBlock, PcmSource
from core.server.broadcast import StreamCounters
from core.server.clock import Pacer, ServerClock
from core.server.encoding import EncoderPool

IDLE_AFTER_MS: Final = 200
"""A source that is overdue by this is called idle. Far above the jitter of any device, well below what a listener
would wait before it wonders. It is also longer than any frame, so a padded frame ends before the pause does."""


class Pump:
    """Feeds a pool of encoders from one source for as long as that lasts.

    A live source sets the pace itself. Any other one is read in advance and fed when the last sample of a block is
    due, counted from the first block; where it is at hand, that is due at once. When the source is overdue (a program
    that thinks, a device that was unplugged) begun frames are padded, and the timeline leaves as much out as the pause
    lasts.
    """

    def __init__(
        self,
        source: PcmSource,
        pool: EncoderPool[Any],
        clock: ServerClock,
        on_idle: Callable[[bool], None],
        counters: StreamCounters,
    ) -> None:
        """``on_idle`` hears of each change between playing (``False``) and idle (``True``)."""
        self._source = source
        self._pool = pool
        self._clock = clock
        self._on_idle = on_idle
        self._counters = counters
        self._sample_rate = pool.sample_rate
        self._pacer: Pacer | None = None
        self._is_idle = False
        self._live_end: tuple[int, int] | None = None
        """Of a live source: the position after the last sample, and when that one was captured, in nanoseconds."""

    async def run(self) -> None:
        """Pump until the source ends; what it began is padded and delivered.

        Raises:
            SourceError: the source broke off.
        """
        step = self._pool.next_step()
        while (block := await self._read(step)) is not None:
            if self._source.is_live:
                self._feed_live(block)
            else:
                await self._feed_paced(block)
            if len(block.pcm) < step:
                break
            step = self._pool.next_step()
        self._pool.flush()

    async def _read(self, frames: int) -> PcmBlock | None:
        """The next block; meanwhile a timer watches whether it comes in time."""
        wait_s = frames / self._sample_rate + IDLE_AFTER_MS / 1000
        timer = None if self._is_idle else asyncio.get_running_loop().call_later(wait_s, self._go_idle)
        try:
            return await self._source.read(frames)
        finally:
            if timer is not None:
                timer.cancel()

    def _feed_live(self, block: PcmBlock) -> None:
        duration_ns = len(block.pcm) * 1_000_000_000 // self._sample_rate
        capture_time_ns = block.capture_time_ns
        if capture_time_ns is None:
            capture_time_ns = self._clock.now_ns() - duration_ns
        if self._is_idle:
            if self._live_end is not None:
                position, end_ns = self._live_end
                pause_ns = max(0, capture_time_ns - end_ns)
                self._pool.resume_at(position + pause_ns * self._sample_rate // 1_000_000_000)
            self._leave_idle()
        self._pool.feed(block.pcm, capture_time_ns)
        self._live_end = (self._pool.position, capture_time_ns + duration_ns)

    async def _feed_paced(self, block: PcmBlock) -> None:
        """Wait until the block's last sample is due, as if it had been captured just now."""
        if self._pacer is None:
            # What is being made has the length of a block to be late without being heard.
            head_start = len(block.pcm) if self._source.is_at_hand else 0
            self._pacer = Pacer(self._clock, self._sample_rate, head_start)
        if self._is_idle:
            self._pool.resume_at(self._pacer.position_now())
            self._leave_idle()
        if await self._pacer.wait_for(self._pool.position + len(block.pcm)):
            self._counters.reanchored += 1
        self._counters.pacing_error_s.observe(self._pacer.lateness_ns / 1e9)
        self._pool.feed(block.pcm, self._pacer.time_of(self._pool.position))

    def _go_idle(self) -> None:
        self._is_idle = True
        self._counters.idle_periods += 1
        self._pool.flush()
        self._on_idle(True)

    def _leave_idle(self) -> None:
        self._is_idle = False
        self._on_idle(False)
