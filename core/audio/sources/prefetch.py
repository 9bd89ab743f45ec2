"""Blocking PCM generators read ahead in one worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from core.audio.sources.pcm import Pcm16, PcmFifo


class Prefetcher:
    """Holds at most two chunks: one being given out, and the next one, being made meanwhile."""

    def __init__(self, blocks: Generator[Pcm16, None, None], channels: int, chunk_frames: int) -> None:
        """``chunk_frames`` is how many samples the worker gathers before it hands them over."""
        self._blocks = blocks
        self._chunk_frames = chunk_frames
        self._fifo = PcmFifo(channels)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pcm")
        self._next: Future[list[Pcm16]] | None = self._worker.submit(self._make_chunk)

    async def read(self, frames: int) -> Pcm16 | None:
        """``frames`` samples, fewer as the last, ``None`` after that; what the generator raises is raised here."""
        while self._fifo.frames < frames and self._next is not None:
            chunk = await asyncio.wrap_future(self._next)
            for block in chunk:
                self._fifo.append(block)
            self._next = self._worker.submit(self._make_chunk) if chunk and self._next is not None else None
        return self._fifo.take(frames) if self._fifo.frames else None

    def close(self) -> None:
        """Close the generator and let the worker end; what it is still at is not waited for."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
            self._worker.submit(self._blocks.close)
        self._worker.shutdown(wait=False)

    def _make_chunk(self) -> list[Pcm16]:
        """The next chunk; an empty list at the end."""
        chunk: list[Pcm16] = []
        frames = 0
        while frames < self._chunk_frames:
            block = next(self._blocks, None)
            if block is None:
                break
            if len(block):
                # Copied, because a decoder may give out a view of memory that it uses again.
                chunk.append(np.array(block, dtype=np.int16))
                frames += len(block)
        return chunk
