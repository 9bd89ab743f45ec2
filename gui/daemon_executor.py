"""Threads for blocking look-ups that never hold up the end of the program.

asyncio resolves host names in the loop's executor, and a look-up can block for many seconds and cannot be cancelled.
qasync's own executor (and Python's) waits for its threads at the end, so a window closed meanwhile would hang.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonExecutor(Executor):
    """One daemon thread for each job: the window has one every few seconds at most."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` in a thread of its own."""
        future: Future[T] = Future()
        threading.Thread(target=_run, args=(future, fn, args, kwargs), daemon=True, name="look-up").start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to do: the threads end with the process."""


def _run(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - passed on to whoever awaits, as executors do
        future.set_exception(error)
    else:
        future.set_result(result)
