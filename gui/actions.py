"""Menus and keys: everything the window can do, each once, with its shortcut."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from gui.settings import ThemeChoice

Keys = Sequence[str]


class WindowActions:
    """The actions whose state the window changes, and the menus that hold all of them."""

    def __init__(
        self,
        window: QMainWindow,
        *,
        focus_address: Callable[[], None],
        connect: Callable[[], None],
        disconnect: Callable[[], None],
        toggle_mute: Callable[[], None],
        change_volume: Callable[[int], None],
        rescan: Callable[[], None],
        choose_theme: Callable[[ThemeChoice], None],
        theme: ThemeChoice,
        dismiss: Callable[[], None],
    ) -> None:
        """Build the menus of ``window``; ``change_volume`` takes a step in dB."""
        self._window = window
        stream = self._menu(window.tr("&Stream"))
        self._add(stream, window.tr("Edit &address"), focus_address, ("Ctrl+L",))
        self.connect = self._add(stream, window.tr("&Connect"), connect, ("Ctrl+Return", "Ctrl+Enter"))
        self.disconnect = self._add(stream, window.tr("&Disconnect"), disconnect, ("Ctrl+D",))
        stream.addSeparator()
        self._add(stream, window.tr("&Quit"), window.close, ("Ctrl+Q",))
        sound = self._menu(window.tr("&Sound"))
        self.mute = self._add(sound, window.tr("&Mute"), toggle_mute, ("M",))
        self.mute.setCheckable(True)
        self._add(sound, window.tr("&Louder"), lambda: change_volume(1), ("Ctrl+Up",))
        self._add(sound, window.tr("&Quieter"), lambda: change_volume(-1), ("Ctrl+Down",))
        sound.addSeparator()
        self.rescan = self._add(sound, window.tr("&Rescan devices"), rescan, ("F5",))
        view = self._menu(window.tr("&View"))
        self._add_themes(view.addMenu(window.tr("&Theme")), choose_theme, theme)
        self._add(view, window.tr("Dismiss the &message"), dismiss, ("Esc",))

    def show_running(self, is_running: bool) -> None:
        """Offer what makes sense with or without a session."""
        self.disconnect.setEnabled(is_running)
        self.rescan.setEnabled(not is_running)

    def _menu(self, title: str) -> QMenu:
        return self._window.menuBar().addMenu(title)

    def _add(self, menu: QMenu, text: str, slot: Callable[[], object], keys: Keys) -> QAction:
        action = QAction(text, self._window)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda _checked=False: slot())
        menu.addAction(action)
        return action

    def _add_themes(self, menu: QMenu, choose: Callable[[ThemeChoice], None], present: ThemeChoice) -> None:
        group = QActionGroup(self._window)
        for choice, text in (
            (ThemeChoice.SYSTEM, self._window.tr("&Like the system")),
            (ThemeChoice.DARK, self._window.tr("&Dark")),
            (ThemeChoice.LIGHT, self._window.tr("L&ight")),
        ):
            action = QAction(text, self._window)
            action.setCheckable(True)
            action.setChecked(choice is present)
            action.triggered.connect(lambda _checked=False, choice=choice: choose(choice))
            group.addAction(action)
            menu.addAction(action)
