"""Running a session without a window: until a duration is over, the stream is, or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator

from core.audio.output import OutputError
from core.audio.priority import let_audio_threads_in, spare_what_is_loaded
from core.cli.common import CommandError
from core.monitor.monitor import Monitor
from core.opus.library import OpusLibraryError
from core.receiver.options import ListenOptions
from core.receiver.session import ListeningSession

Progress = Callable[[ListeningSession, Monitor, float], None]
"""Called twice a second with the session, its monitor and the seconds listened."""

Prepare = Callable[[ListeningSession], None]
"""Called with the session before it connects."""

_PROGRESS_INTERVAL_S = 0.5
_LAG_INTERVAL_S = 0.02


def _as_it_is(session: ListeningSession) -> None:
    """Nothing to prepare."""


def listen(
    options: ListenOptions, duration_s: float | None, progress: Progress, prepare: Prepare = _as_it_is
) -> tuple[ListeningSession, Monitor, float]:
    """Listen, and return the session, its monitor and how many seconds it took.

    Raises:
        CommandError: no libopus, or an output that was required is not to be had.
    """
    let_audio_threads_in()
    return asyncio.run(_listen(options, duration_s, progress, prepare))


async def _listen(
    options: ListenOptions, duration_s: float | None, progress: Progress, prepare: Prepare
) -> tuple[ListeningSession, Monitor, float]:
    monitor = Monitor()
    try:
        session = ListeningSession(options, monitor)
    except OpusLibraryError as error:
        raise CommandError(str(error)) from error
    prepare(session)
    spare_what_is_loaded()
    began_s = time.monotonic()
    with _stopped_by_signals(session):
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(_report(session, monitor, began_s, progress)),
                    tasks.create_task(_measure_loop_lag(session)),
                ]
                if duration_s is not None:
                    beside.append(tasks.create_task(_stop_after(session, duration_s)))
                await session.run()
                for task in beside:
                    task.cancel()
        except* OutputError as group:
            raise CommandError(str(group.exceptions[0])) from group
    progress(session, monitor, time.monotonic() - began_s)
    return session, monitor, time.monotonic() - began_s


async def _report(session: ListeningSession, monitor: Monitor, began_s: float, progress: Progress) -> None:
    while True:
        progress(session, monitor, time.monotonic() - began_s)
        await asyncio.sleep(_PROGRESS_INTERVAL_S)


async def _measure_loop_lag(session: ListeningSession) -> None:
    while True:
        due_s = time.monotonic() + _LAG_INTERVAL_S
        await asyncio.sleep(_LAG_INTERVAL_S)
        session.record_loop_lag(max(0.0, (time.monotonic() - due_s) * 1000))


async def _stop_after(session: ListeningSession, duration_s: float) -> None:
    await asyncio.sleep(duration_s)
    session.stop()


@contextlib.contextmanager
def _stopped_by_signals(session: ListeningSession) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the session rather than the program, so that what was measured gets reported."""
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        # The Windows loop has no signal handlers; a plain one may only schedule the stop.
        before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(session.stop))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, session.stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
