"""Application, event loop and window, from the first to the last moment."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

import qasync
from PySide6.QtCore import QTimer
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication

from core.audio.priority import let_audio_threads_in, spare_what_is_loaded
from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.receiver.session import ListeningSession
from gui import settings
from gui.daemon_executor import DaemonExecutor
from gui.devices import device_labels
from gui.error_log import ErrorLog, log_folder
from gui.icon import application_icon
from gui.listen_desk import ListDevices
from gui.main_window import MainWindow
from gui.options import WindowOptions
from gui.session_owner import SessionFactory, SessionOwner
from gui.settings import SettingsStore
from gui.theme import Theme
from gui.tuning import Tuning

SETTINGS_VARIABLE: Final = "OPUSCOPE_SETTINGS"
"""Names another settings file, for tests and for carrying settings around."""

_ON_TIME_S: Final = 0.01
_LOOK_EVERY_S: Final = 0.03
_LONGEST_UNSEEN_S: Final = 0.5
_LONGEST_START_S: Final = 1.5
"""The first frames cost 30-60 ms each, and more on a slow machine: sound starts when the loop runs on time."""


def run_window(
    options: WindowOptions,
    session_factory: SessionFactory = ListeningSession,
    list_devices: ListDevices = device_labels,
) -> int:
    """Show the window until it is closed; gives the exit status."""
    let_audio_threads_in()
    application = make_application()
    with ErrorLog(log_folder()) as error_log:
        _run_application(application, error_log, options, session_factory, list_devices)
    return 0


def _run_application(
    application: QApplication,
    error_log: ErrorLog,
    options: WindowOptions,
    session_factory: SessionFactory,
    list_devices: ListDevices,
) -> None:
    loop: Any = qasync.QEventLoop(application)
    loop.set_default_executor(DaemonExecutor())
    store = SettingsStore(_settings_path())
    override(store, options)
    theme = Theme(store.get(settings.THEME))
    theme.apply()
    monitor = Monitor()
    owner = SessionOwner(monitor, session_factory)
    window = MainWindow(monitor, owner, store, theme, list_devices, options)
    try:
        with _reporting_to(window, monitor, loop), _closing_on_signals(window):
            application.aboutToQuit.connect(lambda: window.close() if not window.has_closed else None)
            for notice in error_log.notices:
                monitor.events.add(Level.WARNING, notice)
            _run_to_the_end(loop, _live(window, owner, options, error_log.notices))
    finally:
        _cancel_leftovers(loop)
        loop.close()


def make_application() -> QApplication:
    """The application with its name, icon and style; one per process."""
    application = QApplication(sys.argv[:1])
    application.setOrganizationName("Opuscope")
    application.setApplicationName("Opuscope")
    application.setDesktopFileName("opuscope")
    application.setWindowIcon(application_icon())
    application.setStyle("Fusion")
    # The window is gone before its session has ended; the event loop ends after both.
    application.setQuitOnLastWindowClosed(False)
    font = application.font()
    # Figures of one width: numbers that change four times a second shall not make the text around them dance.
    font.setFeature(QFont.Tag("tnum"), 1)
    application.setFont(font)
    return application


async def _live(window: MainWindow, owner: SessionOwner, options: WindowOptions, notices: Sequence[str] = ()) -> None:
    """From showing the window until its session has ended; the banner tells the newest of ``notices``."""
    is_over = asyncio.Event()
    owner.closed.connect(is_over.set)
    window.show()
    if options.close_after_s is not None:
        QTimer.singleShot(round(options.close_after_s * 1e3), window, window.close)
    await _until_seen(window)
    # All of it now, because what it loads would hold up the sound later on.
    await _furnish(window)
    if not window.has_closed:
        window.media_keys.begin()
        await _until_on_time()
        spare_what_is_loaded()
        if options.listen is not None:
            if options.has_scenario and not window.has_closed:
                window.start_scenario()
                await _until_on_time()
            # Closed while it was waited for: no keyring shall be asked for a window that is gone.
            if not window.has_closed:
                window.connect_to(options.listen.url)
        if options.replay is not None and not window.has_closed:
            window.replays.play(options.replay)
        # Afterwards, because connecting begins with an empty banner.
        for notice in notices:
            window.report(notice)
    await is_over.wait()
    await window.media_keys.wait_until_ended()


async def _until_seen(window: MainWindow) -> None:
    """Wait until the window is painted; not for long, because one on another desktop is not painted at all."""
    handle = window.windowHandle()
    for _ in range(round(_LONGEST_UNSEEN_S / _LOOK_EVERY_S)):
        # A look more than it takes: a window manager may give it another size at once.
        is_seen = window.has_closed or handle.isExposed()
        await asyncio.sleep(_LOOK_EVERY_S)
        if is_seen:
            return


async def _furnish(window: MainWindow) -> None:
    """What nobody needs to see the window: devices, and the plots, a room in each turn of the loop."""
    for bring in (window.scan_devices, *(room.furnish for room in window.rooms)):
        if window.has_closed:
            return
        bring()
        await asyncio.sleep(0)


async def _until_on_time() -> None:
    """Wait until three looks in a row come as soon as they should."""
    loop = asyncio.get_running_loop()
    began_s, on_time = loop.time(), 0
    while on_time < 3 and loop.time() - began_s < _LONGEST_START_S:
        due_s = loop.time() + _LOOK_EVERY_S
        await asyncio.sleep(_LOOK_EVERY_S)
        on_time = on_time + 1 if loop.time() - due_s < _ON_TIME_S else 0


def _run_to_the_end(loop: Any, coroutine: Any) -> None:
    """Run until the coroutine ends, even where the desktop asks the application to quit in between."""
    task = loop.create_task(coroutine)
    task.add_done_callback(lambda _task: loop.stop())
    while not task.done():
        loop.run_forever()
    task.result()


def _cancel_leftovers(loop: Any) -> None:
    leftovers = asyncio.all_tasks(loop)
    for task in leftovers:
        task.cancel()
    if leftovers:
        loop.run_until_complete(asyncio.wait(leftovers, timeout=0.2))


def override(store: SettingsStore, options: WindowOptions) -> None:
    """Let what was given on the command line win over what is remembered."""
    if options.playout is not None:
        store.override_tuning(Tuning(options.playout, options.device_latency_ms))
    elif options.device_latency_ms is not None:
        store.override_tuning(replace(store.tuning, device_latency_ms=options.device_latency_ms))
    if options.frame_ms is not None:
        store.override(settings.FRAME_MS, options.frame_ms)
    if options.output is not None:
        store.override(settings.OUTPUT, options.output)


def _settings_path() -> Path | None:
    named = os.environ.get(SETTINGS_VARIABLE)
    return Path(named) if named else None


@contextmanager
def _closing_on_signals(window: MainWindow) -> Iterator[None]:
    """Ctrl-C and a polite kill close the window as its button does."""

    def close(_number: int, _frame: FrameType | None) -> None:
        window.close()

    before = {number: signal.signal(number, close) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _reporting_to(window: MainWindow, monitor: Monitor, loop: Any) -> Iterator[None]:
    """Errors that nobody expected reach the log with their traceback, and the user with one line."""
    log = logging.getLogger(__name__)
    before, before_in_threads = sys.excepthook, threading.excepthook

    def report(error: BaseException | None, what: str) -> None:
        text = f"{what}: {error}" if error is not None else what
        monitor.events.add(Level.ERROR, " ".join(text.split()))
        window.report(" ".join(text.split()))

    def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.error("Something unexpected went wrong", exc_info=(kind, error, trace))
        # Python's own hook would only write the same to stderr once more.
        if before is not sys.__excepthook__:
            before(kind, error, trace)
        report(error, "Something unexpected went wrong")

    def on_thread_exception(what: threading.ExceptHookArgs) -> None:
        error = what.exc_value
        if error is None or isinstance(error, SystemExit):
            return
        name = what.thread.name if what.thread is not None else "unknown"
        log.error("Something unexpected went wrong in the thread %s", name, exc_info=error)
        if before_in_threads is not threading.__excepthook__:
            before_in_threads(what)
        # A loop that is closed has nobody left to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(report, error, "Something unexpected went wrong in the background")

    def on_loop_error(_loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log.error("%s", context.get("message"), exc_info=error)
        report(error, str(context.get("message")))

    sys.excepthook, threading.excepthook = on_exception, on_thread_exception
    loop.set_exception_handler(on_loop_error)
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, before_in_threads
