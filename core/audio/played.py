"""The last second that was handed to the output, for meters and pictures of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from core.audio.output import OUTPUT_CHANNELS, SAMPLE_RATE_HZ, Pcm

KEPT_FRAMES: Final = SAMPLE_RATE_HZ


class PlayedAudio:
    """A ring that one thread writes and another reads.

    Without a lock: a reader may see some frames of a block that is just being written, which a meter survives; the
    audio thread never waits.
    """

    def __init__(self) -> None:
        """Silence."""
        self._ring: Pcm = np.zeros((KEPT_FRAMES, OUTPUT_CHANNELS), dtype=np.float32)
        self.frames = 0
        """How many were written in all."""
        self.also_to: Callable[[Pcm], None] = _nowhere
        """Called with each block on the writer's thread: what it does has to be as short as what is done here."""

    def write(self, block: Pcm) -> None:
        """Keep a block; of one longer than a second its end."""
        self.also_to(block)
        block = block[-KEPT_FRAMES:]
        at = self.frames % KEPT_FRAMES
        fits = min(len(block), KEPT_FRAMES - at)
        self._ring[at : at + fits] = block[:fits]
        self._ring[: len(block) - fits] = block[fits:]
        self.frames += len(block)

    def last(self, frames: int) -> Pcm:
        """A copy of the newest ``frames`` frames, at most a second of them; shape (frames, 2)."""
        frames = min(frames, KEPT_FRAMES, self.frames)
        end = self.frames % KEPT_FRAMES
        if frames <= end:
            return self._ring[end - frames : end].copy()
        return np.concatenate((self._ring[end - frames :], self._ring[:end]))


def _nowhere(block: Pcm) -> None:
    """Nobody else wants it."""
