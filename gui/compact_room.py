"""Either the full window or the compact one: what both control is kept the same, and one of them can always be seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

from core.receiver.connection import without_secrets
from core.receiver.session import ListeningSession
from gui import settings
from gui.compact_window import CompactWindow
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.theme import Theme
from gui.view_models.connection import connection_view, problem_of
from gui.view_models.text import sentence
from gui.widgets.listen_panel import ListenPanel

_EVERY_MS: Final = 125
"""Eight times a second a meter seems to move; nothing else in the window changes that often."""


class CompactRoom(QObject):
    """Between the compact window, the listen card of the full one, and the session; owns the balance."""

    def __init__(
        self,
        full: QWidget,
        listen_panel: ListenPanel,
        owner: SessionOwner,
        store: SettingsStore,
        theme: Theme,
        *,
        connect: Callable[[], None],
        disconnect: Callable[[], None],
        dismiss: Callable[[], None],
        problem: Callable[[], str] = str,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        parent: QObject | None = None,
    ) -> None:
        """The full window is in front. ``problem`` gives what its banner says, which nobody would see otherwise, and
        ``dismiss`` takes that away.
        """
        super().__init__(parent)
        self._full, self._owner, self._store = full, owner, store
        self._problem, self._clock_ns = problem, clock_ns
        # Without a parent: a tool window of the full one would vanish together with it.
        self.window = CompactWindow(theme)
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.refresh)
        window = self.window
        window.set_balance(store.get(settings.BALANCE))
        window.connect_wanted.connect(connect)
        window.disconnect_wanted.connect(disconnect)
        window.dismiss_wanted.connect(dismiss)
        window.dismiss_wanted.connect(self.refresh)
        window.balance_changed.connect(self._on_balance)
        window.full_window_wanted.connect(self.show_full)
        window.quit_wanted.connect(self._quit)
        # The card remembers volume and mute and tells the session; this window only turns the same knobs.
        window.volume_changed.connect(listen_panel.set_volume_db)
        window.muted_changed.connect(listen_panel.set_muted)
        listen_panel.volume_changed.connect(window.set_volume_db)
        listen_panel.muted_changed.connect(window.set_muted)
        window.set_volume_db(listen_panel.volume.value())
        window.set_muted(listen_panel.mute.isChecked())
        owner.started.connect(self._on_started)
        owner.changed.connect(self.refresh)

    @property
    def is_open(self) -> bool:
        """Whether the compact window stands in place of the full one."""
        return self.window.isVisible()

    def open(self) -> None:
        """Show the compact window instead of the full one."""
        if not self.is_open:
            if geometry := self._store.get(settings.COMPACT_GEOMETRY):
                self.window.restoreGeometry(geometry)
            self.refresh()
            self._timer.start()
            self.window.show()
            self._full.hide()
        self.window.activateWindow()

    def show_full(self) -> None:
        """Show the full window instead of the compact one."""
        self._put_away()
        # One that was minimised would be shown as such, which is not to be seen.
        self._full.setWindowState(self._full.windowState() & ~Qt.WindowState.WindowMinimized)
        self._full.show()
        self._full.activateWindow()

    def show_either(self) -> None:
        """Bring to the front whichever of the two is in use."""
        if self.is_open:
            self.open()
        else:
            self.show_full()

    def end(self) -> None:
        """The program ends: take the window away, and remember where it stood."""
        if self.is_open:
            self._put_away()
            self._store.save()

    def refresh(self) -> None:
        """Bring what it shows up to date."""
        owner, snapshot = self._owner, self._owner.snapshot()
        is_running = owner.is_running
        status = snapshot.connection if snapshot else None
        view = connection_view(status, self._clock_ns())
        found = problem_of(status)
        detail = self._problem() or (sentence(found.text) if found is not None else view.detail)
        self.window.show_connection(view, without_secrets(owner.url), detail)
        self.window.show_running(is_running)
        self.window.show_levels(snapshot.levels if snapshot is not None and is_running else None)

    def _put_away(self) -> None:
        if not self._timer.isActive():
            return
        self._timer.stop()
        # A window that is just closing has still its place.
        self._store.set(settings.COMPACT_GEOMETRY, bytes(self.window.saveGeometry().data()))
        self.window.hide()

    def _quit(self) -> None:
        self._put_away()
        self._full.close()

    def _on_started(self, session: ListeningSession) -> None:
        # A new session is even by itself.
        if balance := self._store.get(settings.BALANCE):
            session.set_balance(balance)

    def _on_balance(self, balance: float) -> None:
        self._store.set(settings.BALANCE, balance)
        if self._owner.session is not None:
            self._owner.session.set_balance(balance)
