"""Files that are written: never over another one unbidden, whole pieces only, one after the other where they rotate."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from core.recording.status import RecordingError

RawOpener = Callable[[Path, str], io.RawIOBase]


def open_unbuffered(path: Path, mode: str) -> io.RawIOBase:
    """Nothing waits in this process: what was written survives its end, however sudden."""
    return cast(io.RawIOBase, path.open(mode, buffering=0))


class RecordedFile:
    """One file. Every method raises `RecordingError`, with one line for people."""

    def __init__(self, path: Path, is_forced: bool, opener: RawOpener = open_unbuffered) -> None:
        """Create it; ``is_forced`` allows that it replaces another one."""
        self.path = path
        self.size = 0
        try:
            self._raw = opener(path, "w+b" if is_forced else "x+b")
        except FileExistsError:
            raise RecordingError(f"{path} exists already; name another file, or overwrite it (--force)") from None
        except OSError as error:
            raise self._refusal(error, "name another place") from error

    def append(self, data: bytes) -> None:
        """All of it, or as if it had not been tried: half a page at the end would be a complaint of every player."""
        try:
            self._write_all(data)
        except OSError as error:
            self._cut_back()
            raise self._refusal(error, "free some room there or record to another place") from error
        self.size += len(data)

    def replace(self, at: int, data: bytes) -> None:
        """Write over what stands at ``at``; the end stays the end."""
        try:
            self._raw.seek(at)
            self._write_all(data)
            self._raw.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._refusal(error, "free some room there or record to another place") from error

    def close(self) -> None:
        """End; a file with nothing in it is taken away again."""
        try:
            self._raw.close()
            if self.size == 0:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise self._refusal(error, "look whether the file is complete") from error

    def _write_all(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            written = self._raw.write(left)
            left = left[written or 0 :]

    def _cut_back(self) -> None:
        try:
            self._raw.truncate(self.size)
        except OSError:
            return  # It is said already that this disk does not write.

    def _refusal(self, error: OSError, remedy: str) -> RecordingError:
        return RecordingError(f"{self.path} cannot be written ({error.strerror or error}); {remedy}")


class Files:
    """The files of one recording, by name.

    A recording in one file has just the name given. One that rotates numbers them (``talk-0001.opus``), or, where the
    name has the signs of `time.strftime` in it (``talk-%Y%m%d-%H%M%S.opus``), each is named by when it begins.
    """

    def __init__(
        self,
        path: Path,
        is_rotated: bool = False,
        is_forced: bool = False,
        opener: RawOpener = open_unbuffered,
        now: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        """Nothing is opened."""
        self._path, self._is_rotated, self._is_forced = path, is_rotated, is_forced
        self._opener, self._now = opener, now
        self._is_timed = "%" in path.name
        self.count = 0

    def next(self) -> RecordedFile:
        """Open the next one. A number that is taken is passed over, but for the first one.

        Raises:
            RecordingError: it exists already, or cannot be made.
        """
        while True:
            path = self._name(self.count + 1)
            self.count += 1
            if self.count == 1 or self._is_forced or not path.exists():
                return RecordedFile(path, self._is_forced, self._opener)

    def _name(self, number: int) -> Path:
        path = self._path
        if self._is_timed:
            name = Path(time.strftime(path.name, self._now()))
            # Two that begin in the same second are told apart by number.
            same = number > 1 and (path.parent / name).exists()
            return path.parent / (f"{name.stem}-{number:04}{name.suffix}" if same else name)
        if not self._is_rotated:
            return path
        return path.with_name(f"{path.stem}-{number:04}{path.suffix}")
