"""A symbol in the system's tray, where the desktop has one: state at a glance, and the few things wanted most."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from core.receiver.connection import without_secrets
from core.receiver.status import ConnectionState
from gui.compact_room import CompactRoom
from gui.session_owner import SessionOwner
from gui.theme import Theme
from gui.tray_icon import state_icon
from gui.view_models.connection import connection_view
from gui.view_models.latency import latency_view
from gui.view_models.text import UNKNOWN
from gui.widgets.listen_panel import ListenPanel

_EVERY_MS: Final = 1_000
"""Some desktops send the symbol to another process whenever it changes: seldom is enough for what is looked at."""


class Tray(QObject):
    """The symbol and its menu; without a tray it does nothing at all, and `icon` is ``None``."""

    def __init__(
        self,
        full: QWidget,
        compact: CompactRoom,
        listen_panel: ListenPanel,
        owner: SessionOwner,
        theme: Theme,
        *,
        connect: Callable[[], None],
        disconnect: Callable[[], None],
        is_available: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        parent: QObject | None = None,
    ) -> None:
        """``connect`` takes the address that stands in the full window; ``is_available`` is passed in for tests."""
        super().__init__(parent)
        self._full, self._compact, self._owner, self._theme = full, compact, owner, theme
        self._mute_button = listen_panel.mute
        self._is_available, self._clock_ns = is_available, clock_ns
        self._shown: tuple[ConnectionState, bool] | None = None
        self.icon: QSystemTrayIcon | None = None
        if not is_available():
            return
        self.menu = QMenu()
        self.toggle_window = self._add(self.tr("&Hide the window"), self.toggle)
        self.open_compact = self._add(self.tr("&Compact window"), compact.open)
        self.menu.addSeparator()
        self.connect_ = self._add(self.tr("C&onnect"), connect)
        self.disconnect_ = self._add(self.tr("&Disconnect"), disconnect)
        self.mute = self._add(self.tr("&Mute"), self._mute_button.toggle)
        self.mute.setCheckable(True)
        self.menu.addSeparator()
        self._add(self.tr("&Quit"), full.close)
        # Desktops open the menu by themselves, or show it as their own: it has to be right before that.
        self.menu.aboutToShow.connect(self.refresh)
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._on_activated)
        listen_panel.muted_changed.connect(self.refresh)
        owner.changed.connect(self.refresh)
        theme.changed.connect(self._take_colors)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(_EVERY_MS)
        self.refresh()
        self.icon.show()

    def toggle(self) -> None:
        """Hide the full window while it can be seen, else show it; sound goes on either way."""
        if self._is_seen:
            self._full.hide()
        else:
            self._compact.show_full()
        self.refresh()

    def refresh(self) -> None:
        """Bring symbol, tooltip and menu up to date."""
        if self.icon is None:
            return
        if not self._is_available() and not (self._full.isVisible() or self._compact.is_open):
            # The tray has gone, and with it the only way back to a hidden window.
            self._compact.show_full()
        snapshot = self._owner.snapshot()
        status = snapshot.connection if snapshot else None
        state = status.state if status else ConnectionState.DISCONNECTED
        is_running, is_muted = self._owner.is_running, self._mute_button.isChecked()
        if (state, is_muted) != self._shown:
            self._shown = (state, is_muted)
            self.icon.setIcon(state_icon(state, is_muted, self._theme.colors))
        lines = ["Opuscope: " + connection_view(status, self._clock_ns()).word]
        if is_muted:
            lines[0] += self.tr(", muted")
        if is_running:
            lines.append(without_secrets(self._owner.url))
            total = latency_view(snapshot.latency if snapshot else None).total
            if total != UNKNOWN:
                lines.append(self.tr("latency {0}").format(total))
        tooltip = "\n".join(lines)
        if tooltip != self.icon.toolTip():
            self.icon.setToolTip(tooltip)
        self.toggle_window.setText(self.tr("&Hide the window") if self._is_seen else self.tr("S&how the window"))
        self.open_compact.setEnabled(not self._compact.is_open)
        self.connect_.setEnabled(not is_running)
        self.disconnect_.setEnabled(is_running)
        self.mute.setChecked(is_muted)

    def end(self) -> None:
        """The program ends: some desktops would show the symbol until somebody touches it."""
        if self.icon is not None:
            self._timer.stop()
            self.icon.hide()
            self.icon = None

    @property
    def _is_seen(self) -> bool:
        return self._full.isVisible() and not self._full.isMinimized()

    def _add(self, text: str, slot: Callable[[], object]) -> QAction:
        action = self.menu.addAction(text)
        action.triggered.connect(lambda _checked=False: slot())
        return action

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.toggle()

    def _take_colors(self) -> None:
        self._shown = None
        self.refresh()
