"""The demo's server: another process, since a server in the window's would share its stalls."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Final, Self

from core.cli.common import CommandError

START_TIMEOUT_S: Final = 20.0
_STOP_TIMEOUT_S: Final = 2.0
_READY = "listening on "


class ServerProcess:
    """`opuscope serve` on a free port of the loopback. It ends with us: when our end of its input closes."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """``arguments`` of `opuscope serve` beside host and port."""
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start, and wait until it listens.

        Raises:
            CommandError: it ended, or did not listen in time; the message is its own last line.
        """
        command = [sys.executable, "-m", "core.cli.main", "serve", "--port", "0", "--until-stdin-closes"]
        process = subprocess.Popen(
            [*command, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._process = process
        first_lines: queue.Queue[str] = queue.Queue()
        errors: list[str] = []
        threading.Thread(target=_forward, args=(process.stdout, first_lines), daemon=True).start()
        error_reader = threading.Thread(target=_gather, args=(process.stderr, errors), daemon=True)
        error_reader.start()
        try:
            line = first_lines.get(timeout=START_TIMEOUT_S)
        except queue.Empty:
            line = ""
        if not line.startswith(_READY):
            self.stop()
            error_reader.join(_STOP_TIMEOUT_S)
            reason = errors[-1] if errors else f"it did not listen within {START_TIMEOUT_S:g} s"
            raise CommandError(f"the demo's server could not be started: {reason.removeprefix('opuscope: ')}")
        self.url = line.removeprefix(_READY).strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it: by closing its input, or by force if that is not enough."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _forward(stream: IO[str] | None, lines: queue.Queue[str]) -> None:
    """Pass on every line, and an empty one at the end, so that nobody waits for a process that is gone."""
    for line in stream or ():
        lines.put(line)
    lines.put("")


def _gather(stream: IO[str] | None, lines: list[str]) -> None:
    for line in stream or ():
        lines.append(line.strip())
        print(line, end="", file=sys.stderr)
