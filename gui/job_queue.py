"""Blocking jobs off the window's thread, one after the other, with their results back in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.daemon_executor import DaemonExecutor


@dataclass(frozen=True, slots=True)
class Job:
    """What to do in a thread, and what to do in the window's with its result, or with its error."""

    work: Callable[[], Any]
    use: Callable[[Any], None]
    refuse: Callable[[BaseException], None]


class JobQueue(QObject):
    """In order, and one at a time.

    Give it a parent: Python's collector may run in the job's thread, and a Qt object without an owner that it finds
    there would be destroyed in the wrong one.
    """

    _done = Signal(object)

    def __init__(self, parent: QObject | None = None, executor: Executor | None = None) -> None:
        """Nothing to do. The usual executor never holds up the end of the program, however long a job blocks."""
        super().__init__(parent)
        self._executor = executor or DaemonExecutor()
        self._jobs: deque[Job] = deque()
        self._is_busy = False
        self._done.connect(self._on_done)

    @property
    def is_empty(self) -> bool:
        """Whether all is done, and all results have been used."""
        return not self._jobs

    def add(self, job: Job) -> None:
        """Do it after all that were added before."""
        self._jobs.append(job)
        self._start_next()

    def _start_next(self) -> None:
        if self._jobs and not self._is_busy:
            self._is_busy = True
            self._executor.submit(self._jobs[0].work).add_done_callback(self._tell_done)

    def _tell_done(self, future: Future[Any]) -> None:
        """In the thread of the job: the signal carries the result to the window's."""
        with suppress(RuntimeError):  # the window is gone, and nobody waits
            self._done.emit(future)

    def _on_done(self, future: Future[Any]) -> None:
        job = self._jobs[0]
        try:
            error = future.exception()
            if error is None:
                job.use(future.result())
            else:
                job.refuse(error)
        finally:
            self._jobs.popleft()
            self._is_busy = False
            self._start_next()
