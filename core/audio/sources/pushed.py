"""Sound that somebody sends, as PCM of one rate and channel count: raw samples, or a file in a container."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Generator, Iterator
from typing import Final

import av
import av.container
import numpy as np

from core.audio.sources.decoding import Converter, decode_pcm
from core.audio.sources.pcm import Pcm16

PIPE_BYTES: Final = 256 * 1024
"""What may wait for the decoder. Four seconds of 16-bit stereo at 48 kHz are three times that, of Opus a tenth."""

FORMATS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,oga,ogg,rm,tta,voc,w64,"
    "wav,webm,wv"
)
"""FFmpeg's demuxers for what holds its sound itself. Others (hls, concat, dash, ...) open whatever file or address the
content names, which nobody who pushes shall be able to do."""

_LAYOUTS: Final = {1: "mono", 2: "stereo"}


class RawConverter:
    """Signed 16-bit little-endian samples, interleaved, cut anywhere; resampled where that is needed."""

    def __init__(self, rate: int, channels: int, sample_rate: int, to_channels: int) -> None:
        """``rate`` and ``channels`` (1 or 2) are those of what comes, the others those of what is wanted."""
        self._rate = rate
        self._channels = channels
        self._converter = (
            None if (rate, channels) == (sample_rate, to_channels) else Converter(sample_rate, to_channels)
        )
        self._rest = b""

    def convert(self, data: bytes) -> Iterator[Pcm16]:
        """All whole samples up to here; half of one waits for its other half."""
        data = self._rest + data
        whole = len(data) - len(data) % (2 * self._channels)
        self._rest = data[whole:]
        if not whole:
            return
        pcm = np.frombuffer(data[:whole], dtype="<i2").astype(np.int16).reshape(-1, self._channels)
        if self._converter is None:
            yield pcm
            return
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout=_LAYOUTS[self._channels])
        frame.sample_rate = self._rate
        yield from self._converter.convert(frame)

    def drain(self) -> Iterator[Pcm16]:
        """What the resampler's filter still holds at the end."""
        if self._converter is not None:
            yield from self._converter.drain()


class BytePipe:
    """Bytes from the event loop to a decoder in a thread; whoever writes waits while it is full."""

    def __init__(self) -> None:
        """Empty; belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._is_ended = False
        self._changed = threading.Condition()
        self._has_room = asyncio.Event()

    async def write(self, data: bytes) -> None:
        """Add bytes, as soon as there is room; after `end` they are ignored."""
        while self._size >= PIPE_BYTES and not self._is_ended:
            self._has_room.clear()
            await self._has_room.wait()
        with self._changed:
            if data and not self._is_ended:
                self._pieces.append(data)
                self._size += len(data)
                self._changed.notify()

    def end(self) -> None:
        """Nothing more comes. What is in the pipe can still be read."""
        with self._changed:
            self._is_ended = True
            self._changed.notify()
        self._has_room.set()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, at least one but at the end; the decoder's thread waits for them here."""
        with self._changed:
            while not self._pieces and not self._is_ended:
                self._changed.wait()
            if not self._pieces:
                return b""
            piece = self._pieces.popleft()
            if len(piece) > size:
                self._pieces.appendleft(piece[size:])
                piece = piece[:size]
            self._size -= len(piece)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._has_room.set)
        return piece


def decode_pushed(pipe: BytePipe, sample_rate: int, channels: int) -> Generator[Pcm16, None, None]:
    """What a container in the pipe decodes to; blocking.

    Raises:
        SourceError: it is none, or holds no audio.
    """

    def open_pipe() -> av.container.InputContainer:
        options = {"format_whitelist": FORMATS}
        return av.open(pipe, mode="r", metadata_errors="replace", container_options=options)

    return decode_pcm(open_pipe, "what was pushed", sample_rate, channels)
