"""What was played, volume and all, as WAV or FLAC in one file or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from core.audio.output import OUTPUT_CHANNELS, SAMPLE_RATE_HZ, Pcm
from core.recording.files import Files, RecordedFile
from core.recording.rotation import NO_ROTATION, Rotation
from core.recording.status import RecordingError, RecordingKind, RecordingStatus
from core.recording.wav import WavWriter

_STEP_FRAMES: Final = SAMPLE_RATE_HZ // 10
"""How exactly a file keeps to its size."""

_GROWTH_BYTES: Final = _STEP_FRAMES * 8 + 1024
"""What a step may add to a file, as floats; FLAC stays below."""


class SoundWriter(Protocol):
    """A format."""

    def write(self, pcm: Pcm) -> None:
        """Append frames, shape (frames, 2). Raises `RecordingError`."""

    def close(self) -> None:
        """Write what is left, not closing the file. Raises `RecordingError`."""


def _flac_writer(file: RecordedFile) -> SoundWriter:
    """PyAV takes 0.1 s to import, which a session that records nothing shall not wait for."""
    from core.recording.flac import FlacWriter

    return FlacWriter(file)


WRITERS: Final[dict[str, Callable[[RecordedFile], SoundWriter]]] = {".wav": WavWriter, ".flac": _flac_writer}
"""By the ending of the name."""


class PlayedSink:
    """Takes sound, writes files. Not thread-safe: one thread owns it."""

    def __init__(
        self, files: Files, make_writer: Callable[[RecordedFile], SoundWriter], rotation: Rotation = NO_ROTATION
    ) -> None:
        """Open the first file. Raises `RecordingError` if that cannot be done."""
        self._files, self._make_writer, self._rotation = files, make_writer, rotation
        self._file = files.next()
        self._writer: SoundWriter | None = self._make(self._file)
        self._frames = self._file_frames = self._silent_frames = self._bytes_before = 0

    def take(self, pcm: Pcm, lost: int = 0) -> None:
        """Frames that were played, and how many after them were lost on the way: these become silence.

        Raises:
            RecordingError: it cannot be written; then only `close` may follow.
        """
        self._take(pcm)
        while lost > 0:
            silence = np.zeros((min(lost, SAMPLE_RATE_HZ), OUTPUT_CHANNELS), dtype=np.float32)
            self._take(silence)
            self._silent_frames += len(silence)
            lost -= len(silence)

    def close(self) -> None:
        """Write the end."""
        # An encoder takes 7 MB: with two at once in every rotation the heap would get holes.
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close()
        finally:
            self._file.close()

    def status(self) -> RecordingStatus:
        """How it stands."""
        return RecordingStatus(
            kind=RecordingKind.PLAYED,
            path=self._file.path,
            files=self._files.count,
            seconds=self._frames / SAMPLE_RATE_HZ,
            size_bytes=self._bytes_before + self._file.size,
            gaps=0,
            filled_s=self._silent_frames / SAMPLE_RATE_HZ,
        )

    def _take(self, pcm: Pcm) -> None:
        if not self._rotation.is_active:
            self._write(pcm)
            return
        while len(pcm):
            # To the sample where a file's time is over.
            room = _STEP_FRAMES
            if self._rotation.samples is not None:
                room = min(room, self._rotation.samples - self._file_frames)
            if room <= 0 or self._rotation.is_due(self._file_frames, self._file.size + _GROWTH_BYTES):
                self._rotate()
                continue
            self._write(pcm[:room])
            pcm = pcm[room:]

    def _write(self, pcm: Pcm) -> None:
        if len(pcm) and self._writer is not None:
            self._writer.write(pcm)
            self._frames += len(pcm)
            self._file_frames += len(pcm)

    def _rotate(self) -> None:
        following = self._files.next()
        self.close()
        self._bytes_before += self._file.size
        self._file, self._file_frames = following, 0
        self._writer = self._make(following)

    def _make(self, file: RecordedFile) -> SoundWriter:
        try:
            return self._make_writer(file)
        except RecordingError:
            file.close()
            raise
