"""Several audio files one after the other, without a gap: named one by one, or in a list."""

from __future__ import annotations

import functools
import logging
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

import av
import av.container

from core.audio.sources.decoding import Converter, audio_frames, open_audio, reason
from core.audio.sources.file import CHUNK_MS
from core.audio.sources.pcm import Pcm16, PcmBlock, SourceError
from core.audio.sources.prefetch import Prefetcher
from core.log import log_event

logger = logging.getLogger(__name__)

SUFFIXES: Final = (".m3u", ".m3u8", ".txt")
"""Of files that are lists: a path a line, relative to the list; lines that begin with # say nothing here."""

MAX_LIST_BYTES: Final = 10_000_000
_HLS: Final = "#EXT-X-"
"""RFC 8216 §4.3: begins the lines of an HTTP Live Streaming playlist, which has the same suffix and is no list of
files."""


def is_playlist(path: Path) -> bool:
    """Whether a path is that of a list, by its name."""
    return path.suffix.lower() in SUFFIXES


def read_playlist(path: Path) -> list[Path]:
    """The entries of a list in their order; whether there are such files is not looked at.

    Raises:
        SourceError: it cannot be read, is empty, or is one of HTTP Live Streaming.
    """
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise SourceError(f"the playlist {str(path)!r} is larger than {MAX_LIST_BYTES} bytes; is it a list?")
        # Old lists are in some code page of Windows; a wrong letter only makes an entry that is not found.
        lines = path.read_bytes().decode("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise SourceError(f"the playlist {str(path)!r} cannot be read ({error.strerror}); check its path") from error
    if any(line.startswith(_HLS) for line in lines):
        raise SourceError(f"{str(path)!r} is a playlist of HTTP Live Streaming; name one that lists audio files")
    entries = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not entries:
        raise SourceError(f"the playlist {str(path)!r} is empty; write the path of an audio file into each line")
    return [path.parent / entry for entry in entries]


def missing_entries(paths: Sequence[Path]) -> list[Path]:
    """Which files are not there of those named and listed; whether the others can be played is found out in time.

    Raises:
        SourceError: a list cannot be read.
    """
    return [each for each in _entries(paths) if not _is_there(each)]


def _entries(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from read_playlist(path) if is_playlist(path) else [path]


def _is_there(path: Path) -> bool:
    return "\0" not in str(path) and path.is_file()


class PlaylistSource:
    """Files in any formats that PyAV reads; one that cannot be played is left out with a warning."""

    is_live = False
    is_at_hand = True

    def __init__(self, paths: Sequence[Path], sample_rate: int, channels: int, *, loop: bool = False) -> None:
        """Check that one of the files decodes. Each of ``paths`` is an audio file or a list of such.

        Raises:
            SourceError: a list cannot be read, or none of the files can be played.
        """
        self._paths = paths
        self._sample_rate = sample_rate
        self._channels = channels
        self._loop = loop
        self._broken: set[Path] = set()
        self._prefetcher: Prefetcher | None = None
        trial = self._decoded()
        next(trial, None)
        trial.close()

    async def read(self, frames: int) -> PcmBlock | None:
        """The next samples; raises `SourceError` if no file can be played any more."""
        if self._prefetcher is None:
            self._prefetcher = Prefetcher(self._decoded(), self._channels, self._sample_rate * CHUNK_MS // 1000)
        pcm = await self._prefetcher.read(frames)
        return None if pcm is None else PcmBlock(pcm)

    async def close(self) -> None:
        """End the worker; the file at work is closed with its decoder."""
        if self._prefetcher is not None:
            self._prefetcher.close()

    def _decoded(self) -> Generator[Pcm16, None, None]:
        converter = Converter(self._sample_rate, self._channels)
        while True:
            has_played = False
            count = 0
            # Lists are read anew in each round, so that they may change while they play.
            for path in _entries(self._paths):
                count += 1
                has_played = bool((yield from self._file(path, converter))) or has_played
            if not has_played:
                raise SourceError(f"none of the {count} files of the playlist can be played; the log says why")
            if not self._loop:
                break
        yield from converter.drain()

    def _file(self, path: Path, converter: Converter) -> Generator[Pcm16, None, int]:
        """One file through a resampler that goes on across the seams; returns how many samples were in it."""
        name = repr(str(path))
        frames = 0
        try:
            if not _is_there(path):
                raise SourceError(f"no file {name}")
            container = open_audio(functools.partial(_open, path), name)
            try:
                for frame in audio_frames(container, name):
                    frames += frame.samples
                    yield from converter.convert(frame)
            except av.FFmpegError as error:
                raise SourceError(f"reading {name} failed: {reason(error)}") from error
            finally:
                container.close()
            if frames == 0:
                raise SourceError(f"{name} holds no audio that can be decoded")
        except (SourceError, OSError) as error:
            # Once, until it can be played again: a list that goes round would fill the log.
            if path not in self._broken:
                self._broken.add(path)
                log_event(logger, logging.WARNING, "playlist entry left out", why=str(error))
        else:
            self._broken.discard(path)
        return frames


def _open(path: Path) -> av.container.InputContainer:
    # The full path, since FFmpeg would take 'a:b.wav' for a URL.
    return av.open(str(path.resolve()), mode="r", metadata_errors="replace")
