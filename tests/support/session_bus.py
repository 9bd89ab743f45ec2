"""A session bus for tests: ``dbus-daemon``, on which nobody is but who the test lets in."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.support.processes import ChildProcess


class SessionBus:
    """Starts a bus of its own on entering and ends it on leaving."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self.address = ""
        self._stack = ExitStack()
        self._daemon: ChildProcess | None = None

    def __enter__(self) -> Self:
        """Start it, and wait until it takes connections.

        Raises:
            FileNotFoundError: not installed; run 'resources/setup/system-packages.sh test'.
            UnexpectedEndError, TimeoutError: it did not start.
        """
        with ExitStack() as stack:
            arguments = "dbus-daemon --session --nofork --nopidfile --print-address=1"
            self._daemon = stack.enter_context(ChildProcess(arguments.split()))
            self.address = self._daemon.wait_for_line(r"^unix:\S+")[0]
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead a child process to this bus; to be laid over ``os.environ``."""
        return {"DBUS_SESSION_BUS_ADDRESS": self.address}

    def stop(self) -> None:
        """As when the desktop's session ends: everybody's connection is lost."""
        if self._daemon is not None:
            self._daemon.stop()
