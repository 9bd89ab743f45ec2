"""FLAC whose frames are on the disk as soon as they are full: a killed process leaves a file that can be played.

PyAV encodes; the few bytes around the frames are written here, so that each of them goes through `RecordedFile`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import av
import numpy as np

from core.audio.output import OUTPUT_CHANNELS, SAMPLE_RATE_HZ, Pcm
from core.recording.files import RecordedFile

_FULL_SCALE: Final = 1 << 23
"""24 bits: FLAC has no floats. What is beyond full scale is clipped, as a sound card would."""

_STREAM_INFO_AT: Final = 8
"""Behind ``fLaC`` and the head of the first, last and only block of metadata (RFC 9639 §8.1)."""


class FlacWriter:
    """Writes one file."""

    def __init__(self, file: RecordedFile) -> None:
        """Write the header, in which the length is "not known" (RFC 9639 §8.2) until `close`. Raises
        `RecordingError`, as all of this does.
        """
        self._file = file
        encoder = av.CodecContext.create("flac", "w")
        encoder.sample_rate, encoder.time_base = SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ)
        encoder.format, encoder.layout = "s32", "stereo"
        encoder.open()
        self._encoder = encoder
        self._frames = 0
        self._carried: Pcm = np.zeros((0, OUTPUT_CHANNELS), dtype=np.float32)
        file.append(b"fLaC\x80" + len(self._stream_info).to_bytes(3, "big") + self._stream_info)

    def write(self, pcm: Pcm) -> None:
        """Append frames; the last 96 ms at most wait until they fill a frame of FLAC."""
        pcm, size = np.concatenate((self._carried, pcm)), self._encoder.frame_size
        whole = len(pcm) - len(pcm) % size
        for at in range(0, whole, size):
            self._encode(pcm[at : at + size])
        self._carried = pcm[whole:]

    def close(self) -> None:
        """Write what waits, then length and checksum."""
        if len(self._carried):
            self._encode(self._carried)
        for packet in self._encoder.encode(None):
            self._file.append(bytes(packet))
        self._file.replace(_STREAM_INFO_AT, self._stream_info)

    @property
    def _stream_info(self) -> bytes:
        return bytes(self._encoder.extradata or b"")

    def _encode(self, pcm: Pcm) -> None:
        whole = np.clip(np.rint(pcm * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int32) << 8
        frame = av.AudioFrame.from_ndarray(whole.reshape(1, -1), format="s32", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ), self._frames
        self._frames += len(pcm)
        for packet in self._encoder.encode(frame):
            self._file.append(bytes(packet))
