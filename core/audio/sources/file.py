"""Audio files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import av
import av.container

from core.audio.sources.decoding import decode_pcm
from core.audio.sources.pcm import KINDS, PcmBlock, SourceError
from core.audio.sources.prefetch import Prefetcher

CHUNK_MS: Final = 500
"""Read ahead by half a second to a second: more than a busy disk or a collected garbage holds a thread up."""


class FileSource:
    """A file in any format PyAV reads, once or over and over without a gap."""

    is_live = False
    is_at_hand = True

    def __init__(self, path: Path, sample_rate: int, channels: int, *, loop: bool = False) -> None:
        """Check that the file decodes; it is opened again at the first `read`.

        Raises:
            SourceError: no such file, not readable, or without audio.
        """
        self._path = path
        self._sample_rate = sample_rate
        self._channels = channels
        self._loop = loop
        self._prefetcher: Prefetcher | None = None
        if not path.exists():
            raise SourceError(f"no file {str(path)!r}; name {KINDS}")
        if path.is_dir():
            raise SourceError(f"{str(path)!r} is a folder; name an audio file in it")
        trial = decode_pcm(self._open, repr(str(path)), sample_rate, channels)
        next(trial, None)
        trial.close()

    async def read(self, frames: int) -> PcmBlock | None:
        """The next samples; raises `SourceError` if the file went away between two rounds of a loop."""
        if self._prefetcher is None:
            decoded = decode_pcm(self._open, repr(str(self._path)), self._sample_rate, self._channels, loop=self._loop)
            self._prefetcher = Prefetcher(decoded, self._channels, self._sample_rate * CHUNK_MS // 1000)
        pcm = await self._prefetcher.read(frames)
        return None if pcm is None else PcmBlock(pcm)

    async def close(self) -> None:
        """End the worker; the file is closed with its decoder."""
        if self._prefetcher is not None:
            self._prefetcher.close()

    def _open(self) -> av.container.InputContainer:
        # The full path, since FFmpeg would take 'a:b.wav' for a URL.
        return av.open(str(self._path.resolve()), mode="r", metadata_errors="replace")
