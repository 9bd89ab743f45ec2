"""A ring of PCM in memory reserved once, addressed by positions that only ever grow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.playout.windows import rising_fade

Pcm = NDArray[np.float32]


class PcmRing:
    """Up to ``capacity`` frames of float32 PCM, shape (frames, channels). Not thread-safe."""

    def __init__(self, capacity: int, channels: int) -> None:
        """Reserve the memory."""
        self.capacity = capacity
        self._pcm: Pcm = np.zeros((capacity, channels), dtype=np.float32)
        self.read_position = 0
        """Frames taken out (or skipped) since the beginning."""
        self.write_position = 0
        """Frames put in since the beginning."""

    def __len__(self) -> int:
        return self.write_position - self.read_position

    def write(self, pcm: Pcm) -> None:
        """Append frames.

        Raises:
            OverflowError: more than fits; nothing is written then.
        """
        if len(pcm) > self.capacity - len(self):
            raise OverflowError(f"{len(pcm)} frames do not fit beside {len(self)} of {self.capacity}")
        self._store(self.write_position, pcm)
        self.write_position += len(pcm)

    def read_into(self, out: Pcm) -> int:
        """Move as many frames as there are, at most ``len(out)``, to the start of ``out``; return how many."""
        count = min(len(out), len(self))
        at = self.read_position % self.capacity
        first = min(count, self.capacity - at)
        out[:first] = self._pcm[at : at + first]
        out[first:count] = self._pcm[: count - first]
        self.read_position += count
        return count

    def peek(self, offset: int, count: int) -> Pcm:
        """A copy of ``count`` frames, ``offset`` behind the read position; both must lie inside what is stored."""
        if offset < 0 or count < 0 or offset + count > len(self):
            raise IndexError(f"{count} frames at {offset} of {len(self)}")
        at = (self.read_position + offset) % self.capacity
        first = min(count, self.capacity - at)
        return np.concatenate((self._pcm[at : at + first], self._pcm[: count - first]))

    def skip(self, count: int, fade_samples: int = 0) -> int:
        """Drop the oldest frames, fading from them into what follows; return how many were dropped.

        ``count`` is cut to what is stored; the fade is as long as asked, or as both sides of the cut allow.
        """
        count = min(count, len(self))
        fade = min(fade_samples, count, len(self) - count)
        tail = self.peek(0, fade) if fade else None
        self.read_position += count
        if tail is not None:
            self.fade_in_from(tail)
        return count

    def fade_in_from(self, tail: Pcm) -> None:
        """Cross-fade the oldest stored frames from ``tail``, which is what would have gone on sounding there."""
        fade = min(len(tail), len(self))
        window = rising_fade(fade)
        self._store(self.read_position, tail[:fade] * (1 - window) + self.peek(0, fade) * window)

    def _store(self, position: int, pcm: Pcm) -> None:
        at = position % self.capacity
        first = min(len(pcm), self.capacity - at)
        self._pcm[at : at + first] = pcm[:first]
        self._pcm[: len(pcm) - first] = pcm[first:]
