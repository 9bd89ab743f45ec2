"""From the audio thread to whoever writes what was played to a file."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.audio.output import OUTPUT_CHANNELS, SAMPLE_RATE_HZ, Pcm

RING_FRAMES: Final = 10 * SAMPLE_RATE_HZ
"""Ten seconds, 3.8 MB: longer than a disk that spins up or a file system that writes back lets anybody wait."""


class CaptureRing:
    """One thread writes, another one reads; neither waits for the other, and no lock is between them.

    That works because each of both counters is moved by one side only, after the samples it is about. Where the reader
    is too slow, all is left out from there until it has taken what is in the ring, and counted: it then knows how much
    is missing, and where.
    """

    def __init__(self, frames: int = RING_FRAMES) -> None:
        """Empty, with all its memory."""
        # Written once now: else the system would hand out each page only when the audio thread first gets there.
        self._ring: Pcm = np.full((frames, OUTPUT_CHANNELS), 0.0, dtype=np.float32)
        self._written = self._read = 0
        self._lost = self._lost_told = 0
        self._is_overrun = False

    def write(self, block: Pcm) -> None:
        """On the audio thread: copy a block of shape (frames, 2), or count it as lost."""
        size, count = len(self._ring), len(block)
        if self._is_overrun or self._written - self._read + count > size:
            self._is_overrun = True
            self._lost += count
            return
        at = self._written % size
        fits = min(count, size - at)
        self._ring[at : at + fits] = block[:fits]
        self._ring[: count - fits] = block[fits:]
        self._written += count

    def take(self) -> tuple[Pcm, int]:
        """On the reader's thread: a copy of what has come since, and how many frames after that are lost."""
        size, is_overrun, end = len(self._ring), self._is_overrun, self._written
        at, count = self._read % size, end - self._read
        fits = min(count, size - at)
        pcm = np.concatenate((self._ring[at : at + fits], self._ring[: count - fits]))
        self._read = end
        if not is_overrun:
            return pcm, 0
        # From here on the writer writes again, so the count stands still when it is read.
        self._is_overrun = False
        lost = self._lost - self._lost_told
        self._lost_told += lost
        return pcm, lost
