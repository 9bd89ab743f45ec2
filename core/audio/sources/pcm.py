"""What flows out of a source: blocks of 16-bit PCM, the interface that gives them, and a queue to cut them to size."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Pcm16 = NDArray[np.int16]
"""Linear 16-bit samples, shape (frames, channels), at the rate the source was asked for."""


KINDS: Final = (
    "an audio file, a playlist (.m3u, .m3u8, .txt), tone, sweep, clicks, microphone[:NAME], command:PROGRAM, push or"
    " relay:URL"
)
"""All that a source can be, for errors. The last two are the server's own: sound that is sent to it, another server."""


class SourceError(RuntimeError):
    """A source that cannot be opened or broke off; the message is one line: what, on what, and what to do."""


@dataclass(frozen=True, slots=True)
class PcmBlock:
    """Consecutive samples; ``capture_time_ns`` is when the first was captured on the monotonic clock, if known."""

    pcm: Pcm16
    capture_time_ns: int | None = None


class PcmSource(Protocol):
    """Where a stream's samples come from.

    Constructing a source checks everything that can be checked (and may block: call it off the event loop) but
    holds nothing open; devices, programs and threads start with the first `read` and end with `close`.
    """

    @property
    def is_live(self) -> bool:
        """Whether samples arrive by a clock of their own (a device). Others are read at whatever pace suits."""

    @property
    def is_at_hand(self) -> bool:
        """Whether it can be read as far ahead as one likes. Others are being made while they are heard."""

    async def read(self, frames: int) -> PcmBlock | None:
        """Exactly ``frames`` samples, fewer only as the last of all; ``None`` when the source has ended.

        Raises:
            SourceError: the source broke off.
        """

    async def close(self) -> None:
        """End everything the source started. Harmless when called twice, or on a source never read."""


class PcmFifo:
    """Samples in the order they came, taken out in blocks of any size."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._blocks: deque[Pcm16] = deque()
        self.frames = 0
        """Samples waiting."""

    def append(self, pcm: Pcm16) -> None:
        """Add samples of shape (frames, channels); the array is kept, not copied."""
        if len(pcm):
            self._blocks.append(pcm)
            self.frames += len(pcm)

    def take(self, frames: int) -> Pcm16:
        """The next ``frames`` samples, or all there are if that is less."""
        frames = min(frames, self.frames)
        if self._blocks and len(self._blocks[0]) >= frames:
            return self._take_from_first(frames)
        taken = np.empty((frames, self._channels), dtype=np.int16)
        filled = 0
        while filled < frames:
            piece = self._take_from_first(min(frames - filled, len(self._blocks[0])))
            taken[filled : filled + len(piece)] = piece
            filled += len(piece)
        return taken

    def _take_from_first(self, frames: int) -> Pcm16:
        first = self._blocks[0]
        self.frames -= frames
        if len(first) == frames:
            return self._blocks.popleft()
        self._blocks[0] = first[frames:]
        return first[:frames]
