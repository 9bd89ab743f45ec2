"""WAV of 32-bit floats whose header is true after every write: what a killed process leaves can be played."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from core.audio.output import OUTPUT_CHANNELS, SAMPLE_RATE_HZ, Pcm
from core.recording.files import RecordedFile

_FLOAT: Final = 3
"""WAVE_FORMAT_IEEE_FLOAT: exactly what was played, beyond full scale, too."""

_FRAME_BYTES: Final = 4 * OUTPUT_CHANNELS
_MAX_32: Final = 0xFFFFFFFF
_HEADER_BYTES: Final = 92


class WavWriter:
    """Writes one file; from 4 GiB on it is an RF64 file (EBU Tech 3306), for which room is kept in the header."""

    def __init__(self, file: RecordedFile) -> None:
        """Write the header of a file without audio. Raises `RecordingError`, as all of this does."""
        self._file = file
        self._frames = 0
        file.append(wav_header(0))

    def write(self, pcm: Pcm) -> None:
        """Append frames, and say so in the header."""
        self._file.append(np.ascontiguousarray(pcm, dtype="<f4").tobytes())
        self._frames += len(pcm)
        self._file.replace(0, wav_header(self._frames))

    def close(self) -> None:
        """Nothing is left to be done."""


def wav_header(frames: int) -> bytes:
    """Of a file of so many stereo frames at 48 kHz: always of the same length."""
    size = frames * _FRAME_BYTES
    riff = size + _HEADER_BYTES - 8
    is_large = riff > _MAX_32
    large = struct.pack("<4sIQQQI", b"ds64" if is_large else b"JUNK", 28, riff, size, frames, 0)
    if not is_large:
        large = large[:8] + bytes(28)
    return b"".join(
        (
            struct.pack("<4sI4s", b"RF64" if is_large else b"RIFF", min(riff, _MAX_32), b"WAVE"),
            large,
            struct.pack(
                "<4sIHHIIHH",
                b"fmt ",
                16,
                _FLOAT,
                OUTPUT_CHANNELS,
                SAMPLE_RATE_HZ,
                SAMPLE_RATE_HZ * _FRAME_BYTES,
                _FRAME_BYTES,
                32,
            ),
            # Formats other than integer PCM have to tell their length in frames, too.
            struct.pack("<4sII", b"fact", 4, min(frames, _MAX_32)),
            struct.pack("<4sI", b"data", min(size, _MAX_32)),
        )
    )
