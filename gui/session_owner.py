"""The one owner of asynchronous work: it starts, tracks and ends listening sessions and what is asked of them.

No slot starts a coroutine by itself: a task that nobody keeps can vanish, and its exception with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer, Signal

from core.audio.output import OutputError
from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.opus.encoder import Application
from core.opus.library import OpusLibraryError
from core.playout.settings import PlayoutSettings
from core.receiver.options import ListenOptions, SettingError
from core.receiver.replay import Replay
from core.receiver.session import ListeningSession
from core.receiver.status import ConnectionState, SessionSnapshot
from core.receiver.verdict import Verdict

SessionFactory = Callable[[ListenOptions, Monitor], ListeningSession]

_GRACE_MS: Final = 1_200
"""How long a session may take to close its socket politely before its task is cancelled."""

_LAST_GRACE_MS: Final = 400
"""How long a cancelled task may take before the window stops waiting for it."""

_AT_REST: Final = (ConnectionState.DISCONNECTED, ConnectionState.ENDED, ConnectionState.FAILED)


class SessionOwner(QObject):
    """One session at a time. The `Monitor` outlives them all, so that history survives a reconnect."""

    started = Signal(object)
    """A new `ListeningSession`, ready for its settings; its task begins when control returns to the event loop."""
    changed = Signal()
    """A session began or ended."""
    failed = Signal(str)
    """Something that was asked did not work, or a session broke: one line for people."""
    closed = Signal()
    """After `close`: nothing runs any more."""

    def __init__(self, monitor: Monitor, factory: SessionFactory, parent: QObject | None = None) -> None:
        """``factory`` makes sessions: `ListeningSession` itself, or a stand-in."""
        super().__init__(parent)
        self._monitor = monitor
        self._factory = factory
        self._log = logging.getLogger(__name__)
        self._session: ListeningSession | None = None
        self._run: asyncio.Task[None] | None = None
        self._asks: set[asyncio.Task[None]] = set()
        self._next: ListenOptions | None = None
        self._url = ""
        self._accepts_any_certificate = False
        self._replay: Replay | None = None
        self._broken_by: str | None = None
        self._is_closing = False
        self._has_cancelled = False
        """Whether the run was cut off from here; the session cancels itself when it stops, so the task cannot tell."""
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._lose_patience)

    @property
    def session(self) -> ListeningSession | None:
        """The session that runs, or ``None``."""
        return self._session if self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether a session runs, be it only to reconnect."""
        return self._run is not None

    @property
    def url(self) -> str:
        """The address of the last session as it was asked for."""
        return self._url

    @property
    def accepts_any_certificate(self) -> bool:
        """Whether a session runs that does not check who the server is."""
        return self.is_running and self._accepts_any_certificate

    @property
    def replay(self) -> Replay | None:
        """The capture that the running session listens to, or that the next one will; ``None`` for a server."""
        return self._replay if self._next is None else self._next.replay

    @property
    def playout(self) -> PlayoutSettings | None:
        """How the jitter buffer of the running or the last session is set; ``None`` before the first."""
        return None if self._session is None else self._session.playout

    def snapshot(self) -> SessionSnapshot | None:
        """How the running session stands, or how the last one ended; ``None`` before the first."""
        if self._session is None:
            return None
        snapshot = self._session.snapshot()
        if self.is_running or snapshot.connection.state in _AT_REST:
            return snapshot
        state = ConnectionState.DISCONNECTED if self._broken_by is None else ConnectionState.FAILED
        return replace(snapshot, connection=replace(snapshot.connection, state=state, reason=self._broken_by))

    def verdict(self, depth_ms: float) -> Verdict | None:
        """On the server of the running or the last session; ``None`` before the first."""
        return None if self._session is None else self._session.verdict(depth_ms)

    def judge_anew(self) -> None:
        """Let the verdict on the server rest on what comes from now on."""
        if self._session is not None:
            self._session.judge_anew()

    def start(self, options: ListenOptions) -> None:
        """Listen to something; a session that runs is ended first."""
        if self._is_closing:
            return
        self._next = options
        if self._run is None:
            self._begin_next()
        else:
            self._ask_to_stop()

    def stop(self) -> None:
        """End the session, if one runs."""
        self._next = None
        if self._run is not None:
            self._ask_to_stop()

    def try_now(self) -> None:
        """Make the next attempt at once, where the running session waits for one."""
        if self.session is not None:
            self.session.try_now()

    def request_frame_ms(self, frame_ms: float, undo: Callable[[], None]) -> None:
        """Ask the server for another frame size; ``undo`` is called if that is refused."""
        if self.session is not None:
            self._ask(self.session.request_frame_ms(frame_ms), undo)

    @property
    def frame_ms(self) -> float | None:
        """The frame size in force, where the server can be asked for another one; else ``None``."""
        snapshot = self.snapshot() if self.is_running else None
        control = snapshot.frame_size if snapshot else None
        return control.in_force_ms if control and control.unavailable_because is None else None

    def request_encoder(
        self, bitrate: int | None, fec: bool | None, dtx: bool | None, undo: Callable[[], None]
    ) -> None:
        """Ask the server for other settings of its encoder; ``undo`` is called if that is refused."""
        if self.session is not None:
            self._ask(self.session.request_encoder(bitrate, fec, dtx), undo)

    def request_application(self, application: Application | None, undo: Callable[[], None]) -> None:
        """Ask the server for an encoder tuned for something else; ``None`` is what it chose before it was asked.

        ``undo`` is called if that is refused.
        """
        if self.session is not None:
            self._ask(self.session.request_application(application), undo)

    def set_output(self, name: str, undo: Callable[[], None]) -> None:
        """Move the running session to another output; ``undo`` is called if that one cannot be used."""
        if self.session is not None:
            self._ask(self.session.set_output(name), undo)

    def set_device_latency_ms(self, device_latency_ms: float | None, undo: Callable[[], None]) -> None:
        """Open the running session's output anew with another latency; ``undo`` is called if that cannot be had."""
        if self.session is not None:
            self._ask(self.session.set_device_latency_ms(device_latency_ms), undo)

    def close(self) -> None:
        """End everything; `closed` follows within two seconds."""
        self._is_closing = True
        self.stop()
        for task in self._asks:
            task.cancel()
        self._tell_if_closed()

    def _begin_next(self) -> None:
        options, self._next = self._next, None
        if options is None:
            return
        self._url, self._broken_by = options.url, None
        self._accepts_any_certificate = options.accepts_any_certificate
        self._replay = options.replay
        try:
            self._session = self._factory(options, self._monitor)
        except OpusLibraryError as error:
            self.failed.emit(_line(error))
            return
        self._run = asyncio.get_running_loop().create_task(self._session.run(), name="listening session")
        self._run.add_done_callback(self._on_run_done)
        self.started.emit(self._session)
        self.changed.emit()

    def _ask_to_stop(self) -> None:
        if self._session is not None:
            self._session.stop()
        if not self._patience.isActive():
            self._patience.start(_GRACE_MS)

    def _lose_patience(self) -> None:
        """Cancel what does not stop by itself; where even that fails, let the window go nevertheless."""
        if self._run is not None and not self._has_cancelled:
            self._has_cancelled = True
            self._monitor.events.add(Level.WARNING, self.tr("The connection did not close in time and was cut off."))
            self._run.cancel()
            self._patience.start(_LAST_GRACE_MS)
        elif self._is_closing:
            self._log.error("%s does not end; leaving it behind", self._run)
            self.closed.emit()

    def _on_run_done(self, task: asyncio.Task[None]) -> None:
        self._patience.stop()
        self._run = None
        self._has_cancelled = False
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._broken_by = self.tr("The session broke off: {0}").format(_line(error))
            self._report_unexpected(self._broken_by, error)
        self.changed.emit()
        if self._is_closing:
            self._tell_if_closed()
        else:
            self._begin_next()

    def _ask(self, coroutine: Coroutine[Any, Any, None], undo: Callable[[], None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, name="request")
        self._asks.add(task)
        task.add_done_callback(lambda done: self._on_ask_done(done, undo))

    def _on_ask_done(self, task: asyncio.Task[None], undo: Callable[[], None]) -> None:
        self._asks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            undo()
        if isinstance(error, SettingError | OutputError):
            self.failed.emit(_line(error))
        elif error is not None:
            self._report_unexpected(self.tr("That did not work: {0}").format(_line(error)), error)
        self._tell_if_closed()

    def _report_unexpected(self, text: str, error: BaseException) -> None:
        """A mistake of ours: people get one line, the log gets the traceback."""
        self._log.error("%s", text, exc_info=error)
        self._monitor.events.add(Level.ERROR, text)
        self.failed.emit(text)

    def _tell_if_closed(self) -> None:
        if self._is_closing and self._run is None and not self._asks:
            self.closed.emit()


def _line(error: BaseException) -> str:
    """An exception as one line; of a group the first one that is no group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(str(error).split())
    return text or type(error).__name__
