"""A ring of PCM in memory reserved once, addressed by positions in the stream.

Positions count frames of the stream, and are not moved by what is cut or put in: only the read position jumps, ahead by
`skip` and back by `prepend`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.playout.windows import rising_fade

Pcm = NDArray[np.float32]

KEPT_HISTORY_SAMPLES: Final = 960
"""20 ms at 48 kHz: so much of what was played is moved along where the read position jumps."""


class PcmRing:
    """Up to ``capacity`` frames of float32 PCM, shape (frames, channels). Not thread-safe."""

    def __init__(self, capacity: int, channels: int) -> None:
        """Reserve the memory."""
        self.capacity = capacity
        self._pcm: Pcm = np.zeros((capacity, channels), dtype=np.float32)
        self.read_position = 0
        """Frames taken out (or skipped) since the beginning, less those that were put in front; may be negative."""
        self.write_position = 0
        """Frames put in at the end since the beginning."""
        self._history = 0

    def __len__(self) -> int:
        return self.write_position - self.read_position

    @property
    def history_frames(self) -> int:
        """How many frames `history` can give.

        At least the last 20 ms that were read, unless that many were never read since the beginning (or since what
        sounded came from elsewhere, see `fade_in_from`), or the ring is so full that they had to go.
        """
        return self._history

    def history(self, count: int) -> Pcm:
        """A copy of the last ``count`` frames that were read: what sounds right before the next one.

        After `skip` and `prepend` these are still the frames that were played, not those that would lie there.

        Raises:
            IndexError: more than there is, see `history_frames`.
        """
        if not 0 <= count <= self._history:
            raise IndexError(f"{count} frames of {self._history} that were played")
        return self._load(self.read_position - count, count)

    def write(self, pcm: Pcm) -> None:
        """Append frames.

        Raises:
            OverflowError: more than fits; nothing is written then.
        """
        if len(pcm) > self.capacity - len(self):
            raise OverflowError(f"{len(pcm)} frames do not fit beside {len(self)} of {self.capacity}")
        self._store(self.write_position, pcm)
        self.write_position += len(pcm)
        self._history = min(self._history, self.capacity - len(self))

    def prepend(self, pcm: Pcm) -> None:
        """Put frames in front of the oldest stored ones, to be read next; the read position goes back by as many.

        Raises:
            OverflowError: more than fits; nothing changes then.
        """
        room = self.capacity - len(self) - len(pcm)
        if room < 0:
            raise OverflowError(f"{len(pcm)} frames do not fit before {len(self)} of {self.capacity}")
        self._jump(-len(pcm), room)
        self._store(self.read_position, pcm)

    def read_into(self, out: Pcm) -> int:
        """Move as many frames as there are, at most ``len(out)``, to the start of ``out``; return how many."""
        count = min(len(out), len(self))
        at = self.read_position % self.capacity
        first = min(count, self.capacity - at)
        out[:first] = self._pcm[at : at + first]
        out[first:count] = self._pcm[: count - first]
        self.advance(count)
        return count

    def advance(self, count: int) -> None:
        """The next ``count`` frames were played, however they were taken (by `peek`); they are history now.

        Raises:
            IndexError: more than is stored; nothing changes then.
        """
        if not 0 <= count <= len(self):
            raise IndexError(f"{count} frames of {len(self)}")
        self.read_position += count
        self._history += count

    def peek(self, offset: int, count: int) -> Pcm:
        """A copy of ``count`` frames, ``offset`` behind the read position; both must lie inside what is stored."""
        if offset < 0 or count < 0 or offset + count > len(self):
            raise IndexError(f"{count} frames at {offset} of {len(self)}")
        return self._load(self.read_position + offset, count)

    def skip(self, count: int, fade_samples: int = 0) -> int:
        """Drop the oldest frames, fading from them into what follows; return how many were dropped.

        ``count`` is cut to what is stored; the fade is as long as asked, or as both sides of the cut allow.
        """
        count = min(count, len(self))
        fade = min(fade_samples, count, len(self) - count)
        tail = self.peek(0, fade) if fade else None
        self._jump(count, self.capacity)
        if tail is not None:
            self._fade_in(tail)
        return count

    def fade_in_from(self, tail: Pcm) -> None:
        """Cross-fade the oldest stored frames from ``tail``, which is what would have gone on sounding there.

        What sounded before came from elsewhere, so there is no history until frames are read again.
        """
        self._fade_in(tail)
        self._history = 0

    def _jump(self, frames: int, room: int) -> None:
        """Move the read position, and what was played last with it, as far as ``room`` frames hold it."""
        kept = min(self._history, KEPT_HISTORY_SAMPLES, room)
        played = self.history(kept)
        self.read_position += frames
        self._store(self.read_position - kept, played)
        self._history = kept

    def _fade_in(self, tail: Pcm) -> None:
        fade = min(len(tail), len(self))
        self._store(self.read_position, cross_fade(tail[:fade], self.peek(0, fade)))

    def _load(self, position: int, count: int) -> Pcm:
        at = position % self.capacity
        first = self.capacity - at
        if count <= first:
            return self._pcm[at : at + count].copy()
        return np.concatenate((self._pcm[at:], self._pcm[: count - first]))

    def _store(self, position: int, pcm: Pcm) -> None:
        at = position % self.capacity
        first = min(len(pcm), self.capacity - at)
        self._pcm[at : at + first] = pcm[:first]
        self._pcm[: len(pcm) - first] = pcm[first:]


def cross_fade(leaving: Pcm, coming: Pcm) -> Pcm:
    """From one piece to another of the same shape (frames, channels), over all of it."""
    faded: Pcm = leaving + (coming - leaving) * _window(len(leaving))
    return faded


_window = lru_cache(maxsize=512)(rising_fade)
"""Computing one costs more than the fade itself; splices make fades of some 360 lengths, 0.5 MB in all."""
