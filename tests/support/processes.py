"""Child processes whose output a test can wait for, and which never outlive it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

REPOSITORY = Path(__file__).resolve().parents[2]
_READERS_END_WITHIN_S = 5.0


class UnexpectedEndError(RuntimeError):
    """The process ended before it said what was waited for; the message holds its output."""


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line that the process wrote, without its line end."""

    stream: Literal["stdout", "stderr"]
    text: str


class ChildProcess:
    """A running command: its lines as they come, and an end that is certain.

    The command leads a process group of its own, so that nothing it started is left behind either.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        folder: Path = REPOSITORY,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start ``arguments`` in ``folder`` with ``environment`` laid over the tests' own.

        Raises:
            FileNotFoundError: there is no such program.
        """
        self.name = Path(arguments[0]).name
        self._lines: list[OutputLine] = []
        self._news = threading.Condition()
        self._popen = subprocess.Popen(
            list(arguments),
            env={**os.environ, **(environment or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        self._open_streams = 2
        self._readers = [
            threading.Thread(target=self._read, args=(stream, name), daemon=True, name=f"{self.name} {name}")
            for stream, name in ((self._popen.stdout, "stdout"), (self._popen.stderr, "stderr"))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Process id; also the id of its process group."""
        return self._popen.pid

    @property
    def return_code(self) -> int | None:
        """Exit status (negative: the signal that ended it), or ``None`` while it runs."""
        return self._popen.poll()

    @property
    def lines(self) -> list[OutputLine]:
        """Everything written so far, in order of arrival."""
        with self._news:
            return list(self._lines)

    def text(self, stream: Literal["stdout", "stderr"] | None = None) -> str:
        """What was written so far to one stream, or to both."""
        return "\n".join(line.text for line in self.lines if stream in (None, line.stream))

    def wait_for_line(self, pattern: str, timeout_s: float = 10.0, *, since: int = 0) -> re.Match[str]:
        """The first line that ``pattern`` (a regular expression) is found in, of either stream.

        ``since`` leaves out that many lines from the start: ``since=len(child.lines)`` waits for news only.

        Raises:
            UnexpectedEndError: the process closed both streams without such a line.
            TimeoutError: no such line within ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        expression = re.compile(pattern)
        at = since
        with self._news:
            while True:
                while at < len(self._lines):
                    if found := expression.search(self._lines[at].text):
                        return found
                    at += 1
                if not self._open_streams:
                    raise UnexpectedEndError(f"{self.name} ended without {pattern!r}; {self._said()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{self.name}: no {pattern!r} in {timeout_s:g} s; {self._said()}")
                self._news.wait(left)

    def wait(self, timeout_s: float = 10.0) -> int:
        """Exit status, when the process has ended by itself and all of its output is read.

        Raises:
            TimeoutError: it still runs, or something it started still holds its output open.
        """
        deadline = time.monotonic() + timeout_s
        try:
            code = self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {timeout_s:g} s; {self._said()}") from None
        with self._news:
            while self._open_streams:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{self.name} ended, but its output is still held open; {self._said()}")
                self._news.wait(left)
        return code

    def interrupt(self) -> None:
        """Send what Ctrl-C sends; `wait` then gives the exit status."""
        self.signal(signal.SIGINT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; harmless to one that has ended."""
        if self._popen.poll() is None:
            self._popen.send_signal(number)

    def stop(self, timeout_s: float = 5.0) -> int:
        """End the process: SIGTERM, after ``timeout_s`` SIGKILL. Gives its exit status; harmless when repeated."""
        if self._popen.poll() is None:
            self._popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout_s)
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        code = self._popen.wait()
        for reader in self._readers:
            reader.join(_READERS_END_WITHIN_S)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self, stream: IO[str], name: Literal["stdout", "stderr"]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    self._lines.append(OutputLine(name, line.rstrip("\r\n")))
                    self._news.notify_all()
        with self._news:
            self._open_streams -= 1
            self._news.notify_all()

    def _said(self) -> str:
        last = [f"{line.stream}: {line.text}" for line in self._lines[-30:]]
        return "its last lines:\n  " + "\n  ".join(last) if last else "it wrote nothing"


def opuscope(*arguments: str, environment: Mapping[str, str] | None = None) -> ChildProcess:
    """Start the ``opuscope`` command of this tree with ``arguments``, output unbuffered."""
    return python("-m", "core.cli.main", *arguments, environment=environment)


def python(*arguments: str, environment: Mapping[str, str] | None = None) -> ChildProcess:
    """Start the interpreter of the tests with ``arguments``, in the root of the tree, output unbuffered."""
    unbuffered = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
    return ChildProcess([sys.executable, *arguments], {**unbuffered, **(environment or {})})
