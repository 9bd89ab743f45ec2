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
        try_now: Callable[[], None],
        toggle_mute: Callable[[], None],
        change_volume: Callable[[int], None],
        rescan: Callable[[], None],
        choose_theme: Callable[[ThemeChoice], None],
        theme: ThemeChoice,
        dismiss: Callable[[], None],
        show_shortcuts: Callable[[], None] | None = None,
        copy_diagnostics: Callable[[], None] | None = None,
        open_log_folder: Callable[[], None] | None = None,
    ) -> None:
        """Build the menus of ``window``; ``change_volume`` takes a step in dB. What is ``None`` is not offered."""
        self._window = window
        stream = self._menu(window.tr("&Stream"))
        self._add(stream, window.tr("Edit &address"), focus_address, ("Ctrl+L",))
        self.connect = self._add(stream, window.tr("&Connect"), connect, ("Ctrl+Return", "Ctrl+Enter"))
        self.disconnect = self._add(stream, window.tr("&Disconnect"), disconnect, ("Ctrl+D",))
        self.try_now = self._add(stream, window.tr("&Try now"), try_now, ("Ctrl+T",))
        self.try_now.setToolTip(window.tr("Make the next attempt at once, while one is being waited for"))
        self.try_now.setEnabled(False)
        self._stream, self._before_quit = stream, stream.addSeparator()
        self._add(stream, window.tr("&Quit"), window.close, ("Ctrl+Q",))
        sound = self._menu(window.tr("Sou&nd"))
        self.mute = self._add(sound, window.tr("&Mute"), toggle_mute, ("M",))
        self.mute.setCheckable(True)
        self._add(sound, window.tr("&Louder"), lambda: change_volume(1), ("Ctrl+Up",))
        self._add(sound, window.tr("&Quieter"), lambda: change_volume(-1), ("Ctrl+Down",))
        sound.addSeparator()
        self.rescan = self._add(sound, window.tr("&Rescan devices"), rescan, ("F5",))
        view = self._menu(window.tr("&View"))
        self._add_themes(view.addMenu(window.tr("&Theme")), choose_theme, theme)
        self._add(view, window.tr("Dismiss the &message"), dismiss, ("Esc",))
        self._view = view
        self._add_help(show_shortcuts, copy_diagnostics, open_log_folder)

    def add_recording(self, toggle: Callable[[], None]) -> QAction:
        """Offer to begin and end a recording; the action given back is named after what it would do."""
        action = self._add(self._stream, self._window.tr("&Record…"), toggle, ("Ctrl+R",))
        self._stream.insertAction(self._before_quit, action)
        return action

    def add_tuning(self, *, undo: Callable[[], None], profiles: QMenu) -> None:
        """Offer what concerns the settings of playout."""
        tune = QMenu(self._window.tr("&Tune"), self._window)
        self._window.menuBar().insertMenu(self._view.menuAction(), tune)
        self._add(tune, self._window.tr("&Undo the last change"), undo, ("Ctrl+Z",))
        tune.addSeparator()
        tune.addMenu(profiles)

    def add_watching(
        self,
        *,
        toggle_frozen: Callable[[], None],
        go_to_problem: Callable[[bool], None],
        save_image: Callable[[], None],
        save_table: Callable[[], None],
    ) -> None:
        """Offer what the plots can do; ``go_to_problem`` takes whether the next one is wanted."""
        tr, view = self._window.tr, self._view
        view.addSeparator()
        self._add(view, tr("&Freeze the plots"), toggle_frozen, ("F",))
        self._add(view, tr("Pr&evious problem"), lambda: go_to_problem(False), ("Ctrl+Left",))
        self._add(view, tr("&Next problem"), lambda: go_to_problem(True), ("Ctrl+Right",))
        self._add(view, tr("Save the plots as &picture…"), save_image, ("Ctrl+P",))
        self._add(view, tr("Save the series as &table…"), save_table, ("Ctrl+S",))

    def add_captures(
        self,
        *,
        open_capture: Callable[[], None],
        compare: Callable[[], None],
        go_to_problem: Callable[[bool], None],
    ) -> None:
        """Offer captures; ``go_to_problem`` takes whether the next one is wanted."""
        tr = self._window.tr
        entries = (
            (tr("&Open capture…"), open_capture, ("Ctrl+O",)),
            (tr("Compare capture&s…"), compare, ("Ctrl+Shift+O",)),
            (tr("Pre&vious fault in the capture"), lambda: go_to_problem(False), ("Ctrl+[",)),
            (tr("Ne&xt fault in the capture"), lambda: go_to_problem(True), ("Ctrl+]",)),
        )
        self._stream.insertSeparator(self._before_quit)
        for text, slot, keys in entries:
            self._stream.insertAction(self._before_quit, self._add(self._stream, text, slot, keys))

    def add_compact(self, open_compact: Callable[[], None]) -> None:
        """Offer the compact window in place of this one."""
        self._view.addSeparator()
        self._add(self._view, self._window.tr("C&ompact window"), open_compact, ("Ctrl+M",))

    def add_panels(self, toggles: Sequence[QAction], reset: Callable[[], None]) -> None:
        """Offer to show and close each panel, and to put all back where they were at first."""
        self._view.addSeparator()
        panels = self._view.addMenu(self._window.tr("Pane&ls"))
        panels.addActions(list(toggles))
        self._add(self._view, self._window.tr("&Reset the layout"), reset, ())

    def add_to_view(self, action: QAction) -> None:
        """Offer what a panel brings along, also while the panel is out of sight."""
        self._view.addAction(action)

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

    def _add_help(
        self,
        show_shortcuts: Callable[[], None] | None,
        copy_diagnostics: Callable[[], None] | None,
        open_log_folder: Callable[[], None] | None,
    ) -> None:
        window = self._window
        offered: list[tuple[str, Callable[[], None] | None, Keys]] = [
            (window.tr("&Keyboard shortcuts"), show_shortcuts, ("F1", "?")),
            (window.tr("&Copy diagnostics"), copy_diagnostics, ("Ctrl+Shift+C",)),
            (window.tr("Open the &log folder"), open_log_folder, ()),
        ]
        if any(slot is not None for _, slot, _ in offered):
            menu = self._menu(window.tr("&Help"))
            for text, slot, keys in offered:
                if slot is not None:
                    self._add(menu, text, slot, keys)

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
