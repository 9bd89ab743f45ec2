"""Between whoever pushes sound and the stream that plays it: some seconds of PCM, and nobody waits in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from core.audio.sources import Pcm16, PcmBlock
from core.audio.sources.pcm import PcmFifo
from core.server.clock import ServerClock

BUFFERED_S: Final = 4
"""More than a speech synthesiser stops between two sentences; short enough that "stop" is soon heard."""

_PIECE_MS: Final = 100
"""What is put in at once, so that the buffer is never much fuller than it may be."""

_TURN_S: Final = 0.05
"""How often is looked at what went by unheard."""


class OccupiedError(RuntimeError):
    """Somebody else pushes already."""


class Inlet:
    """A buffer with one writer and one reader at a time.

    While nobody listens there is no reader, and the sound goes by at its own pace all the same: whoever pushes never
    waits longer than the sound lasts, and whoever comes then hears what is said now.
    """

    def __init__(self, sample_rate: int, channels: int, clock: ServerClock) -> None:
        """Empty. ``sample_rate`` and ``channels`` are those of the stream."""
        self.sample_rate = sample_rate
        self.channels = channels
        self._clock = clock
        self._fifo = PcmFifo(channels)
        self._is_pushing = False
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._unheard_since_ns: int | None = clock.now_ns()

    @property
    def buffered_ms(self) -> float:
        """Sound that waits."""
        return self._fifo.frames * 1000 / self.sample_rate

    @property
    def is_pushing(self) -> bool:
        """Whether somebody holds the writer's place."""
        return self._is_pushing

    @contextmanager
    def pushing(self) -> Iterator[None]:
        """Hold the writer's place.

        Raises:
            OccupiedError: it is taken.
        """
        if self._is_pushing:
            raise OccupiedError
        self._is_pushing = True
        try:
            yield
        finally:
            self._is_pushing = False
            self._changed.set()

    async def put(self, pcm: Pcm16) -> None:
        """Add samples of shape (frames, channels); waits while `BUFFERED_S` are there."""
        step = self.sample_rate * _PIECE_MS // 1000
        for start in range(0, len(pcm), step):
            self._pass_by()
            while self._fifo.frames >= self.sample_rate * BUFFERED_S:
                await self._wait_for_room()
            self._fifo.append(pcm[start : start + step])
            self._changed.set()

    async def take(self, frames: int) -> Pcm16:
        """Exactly ``frames`` samples, as soon as there are so many; what a push ends with is filled up with zeros."""
        while self._fifo.frames < frames:
            if self._fifo.frames and not self._is_pushing:
                rest = self._fifo.take(frames)
                return np.concatenate((rest, np.zeros((frames - len(rest), self.channels), dtype=np.int16)))
            self._changed.clear()
            await self._changed.wait()
        self._has_room.set()
        return self._fifo.take(frames)

    def heard(self, is_heard: bool) -> None:
        """Whether there is a reader from now on."""
        self._pass_by()
        self._unheard_since_ns = None if is_heard else self._clock.now_ns()
        self._has_room.set()

    async def _wait_for_room(self) -> None:
        self._has_room.clear()
        try:
            async with asyncio.timeout(_TURN_S if self._unheard_since_ns is not None else None):
                await self._has_room.wait()
        except TimeoutError:
            self._pass_by()

    def _pass_by(self) -> None:
        """Forget what would have been heard since the last time, had anybody listened."""
        if self._unheard_since_ns is None:
            return
        now_ns = self._clock.now_ns()
        self._fifo.take((now_ns - self._unheard_since_ns) * self.sample_rate // 1_000_000_000)
        self._unheard_since_ns = now_ns


class InletSource:
    """What comes through an inlet, as a stream's source. It never ends: between two pushes it has nothing to give."""

    is_live = False
    is_at_hand = False

    def __init__(self, inlet: Inlet) -> None:
        """Not reading yet."""
        self._inlet = inlet
        self._is_reading = False

    async def read(self, frames: int) -> PcmBlock | None:
        """The next samples, whenever somebody pushes them."""
        if not self._is_reading:
            self._is_reading = True
            self._inlet.heard(True)
        return PcmBlock(await self._inlet.take(frames))

    async def close(self) -> None:
        """What comes from now on goes by unheard."""
        if self._is_reading:
            self._is_reading = False
            self._inlet.heard(False)
