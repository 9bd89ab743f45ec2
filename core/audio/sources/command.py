"""The output of a program as a source: text to speech, a radio tuner, FFmpeg, a second machine over ssh.

What the program writes to its standard output is taken as

- a file in a container, where it begins like one (WAV, Ogg, FLAC, Matroska/WebM, AIFF, CAF, AU, MP3 with an ID3 tag,
  MPEG-4): PyAV decodes and resamples it;
- otherwise raw samples: signed 16-bit little-endian, interleaved, at the stream's own rate and channel count.

A program that makes sound faster than it sounds is held back by its full pipe. One that makes it as it sounds is
heard at its pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from typing import IO, Final

import av
import av.container
import numpy as np

from core.audio.sources.decoding import decode_pcm
from core.audio.sources.pcm import Pcm16, PcmBlock, SourceError
from core.audio.sources.prefetch import Prefetcher
from core.log import log_event

logger = logging.getLogger(__name__)

_MAGIC_BYTES: Final = 12
_MAGIC_PREFIXES: Final = (b"RIFF", b"RF64", b"OggS", b"fLaC", b"\x1a\x45\xdf\xa3", b"FORM", b"caff", b".snd", b"ID3")
_MPEG4_MAGIC: Final = b"ftyp"
"""MPEG-4 files have it after a length of four bytes."""

_READ_BYTES: Final = 4_096
"""At 24 kHz mono 85 ms. A pipe gives what is there, so a smaller amount is not waited for."""

_GRACE_S: Final = 0.5
"""Between asking a program to end and ending it; the whole server has two seconds to stop."""

_EXIT_WAIT_S: Final = 2.0
_MAX_ERROR_LINE_CHARACTERS: Final = 200


class CommandSource:
    """One program, started by the first `read` without a shell, and ended by `close`."""

    is_live = False
    is_at_hand = False

    def __init__(self, command: str, sample_rate: int, channels: int) -> None:
        """Take ``command`` apart as a shell would, and look for the program.

        Raises:
            SourceError: nothing to run, unbalanced quotes, or no such program.
        """
        try:
            # Without POSIX rules on Windows, where a backslash separates folders; then quotes stay on.
            words = shlex.split(command, posix=os.name == "posix")
        except ValueError as error:
            raise SourceError(f"command {command!r} cannot be taken apart: {error}; check its quotes") from error
        self._arguments = words if os.name == "posix" else [word.strip('"') for word in words]
        if not self._arguments:
            raise SourceError("command: lacks a program; example: command:espeak-ng --stdout 'hello'")
        self._name = f"command {self._arguments[0]!r}"
        if shutil.which(self._arguments[0]) is None:
            raise SourceError(f"{self._name}: no such program; install it or give its full path")
        self._sample_rate = sample_rate
        self._channels = channels
        self._start_lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._last_error_line = ""
        self._prefetcher: Prefetcher | None = None

    @property
    def pid(self) -> int | None:
        """The running program's process id, ``None`` before the first `read`."""
        return None if self._process is None else self._process.pid

    async def read(self, frames: int) -> PcmBlock | None:
        """The next samples.

        Raises:
            SourceError: the program failed; the message has its exit status and its last line on standard error.
        """
        if self._prefetcher is None:
            self._prefetcher = Prefetcher(self._run(), self._channels, chunk_frames=1)
        pcm = await self._prefetcher.read(frames)
        return None if pcm is None else PcmBlock(pcm)

    async def close(self) -> None:
        """End the program and what it started in its session; returns when it is gone.

        Also a close that is cancelled ends it, at the latest with the event loop.
        """
        if self._prefetcher is not None:
            self._prefetcher.close()
        # A task, as of `asyncio.to_thread`, would be cancelled with the loop's others before a thread has taken it on.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._end))

    def _start(self) -> subprocess.Popen[bytes] | None:
        """The program, or ``None`` if `close` came first."""
        with self._start_lock:
            if self._closed:
                return None
            try:
                self._process = subprocess.Popen(
                    self._arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    # Its own session, so that ending it also ends the programs it started.
                    start_new_session=os.name == "posix",
                )
            except OSError as error:
                raise SourceError(f"{self._name} cannot be started: {error.strerror}; check the program") from error
            return self._process

    def _run(self) -> Generator[Pcm16, None, None]:
        process = self._start()
        if process is None or process.stdout is None or process.stderr is None:
            return
        errors = threading.Thread(target=self._watch_errors, args=(process.stderr,), daemon=True, name="stderr")
        errors.start()
        with process.stdout as output:
            yield from self._pcm(output)
        self._check_status(process, errors)

    def _pcm(self, output: IO[bytes]) -> Generator[Pcm16, None, None]:
        head = b""
        while len(head) < _MAGIC_BYTES and (piece := output.read(_MAGIC_BYTES - len(head))):
            head += piece
        if not head:
            return
        if head.startswith(_MAGIC_PREFIXES) or head[4:8] == _MPEG4_MAGIC:
            yield from decode_pcm(
                lambda: _open_pipe(_Pipe(head, output)),
                f"the output of {self._name}",
                self._sample_rate,
                self._channels,
            )
            return
        frame_bytes = 2 * self._channels
        pending = head
        while True:
            whole = len(pending) - len(pending) % frame_bytes
            yield np.frombuffer(pending[:whole], dtype="<i2").astype(np.int16).reshape(-1, self._channels)
            piece = output.read(_READ_BYTES)
            if not piece:
                return
            pending = pending[whole:] + piece

    def _watch_errors(self, errors: IO[bytes]) -> None:
        with io.TextIOWrapper(errors, errors="replace") as lines:
            while line := lines.readline(_MAX_ERROR_LINE_CHARACTERS):
                self._last_error_line = line.strip() or self._last_error_line

    def _check_status(self, process: subprocess.Popen[bytes], errors: threading.Thread) -> None:
        try:
            status = process.wait(_EXIT_WAIT_S)
        except subprocess.TimeoutExpired:
            return  # It closed its output but lives on; `close` ends it.
        if status != 0:
            errors.join(_EXIT_WAIT_S)
            raise SourceError(
                f"{self._name} failed with exit status {status}: {self._last_error_line or 'it gave no reason'}"
            )

    def _end(self) -> None:
        with self._start_lock:
            self._closed = True
            process = self._process
        # Once its end was noticed, its number may belong to somebody else.
        if process is None or process.returncode is not None:
            return
        if sys.platform == "win32":
            process.terminate()
        else:
            self._signal_session(process, signal.SIGTERM)
            # Also when the program itself is gone: a child of it may still hold the pipe.
            self._signal_session(process, signal.SIGKILL)
        try:
            process.wait(_EXIT_WAIT_S)
        except subprocess.TimeoutExpired:
            log_event(logger, logging.WARNING, "program does not end", source=self._name, process=process.pid)

    @staticmethod
    def _signal_session(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        """Send a signal to the program's session, and give the program a moment to follow it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone; macOS calls that not permitted
            if sys.platform != "win32":
                os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)


class _Pipe:
    """A pipe whose first bytes were already looked at, as the file object PyAV wants: reads, never seeks."""

    def __init__(self, head: bytes, output: IO[bytes]) -> None:
        self._head = head
        self._output = output

    def read(self, size: int) -> bytes:
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        return self._output.read(size)


def _open_pipe(pipe: _Pipe) -> av.container.InputContainer:
    return av.open(pipe, mode="r", metadata_errors="replace")
