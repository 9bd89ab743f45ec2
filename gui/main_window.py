"""The window: connect, listen, watch, tune, know. It passes on what the user wants and shows what `core` says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QMainWindow

from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.receiver.impairment.settings import Impairment
from core.receiver.options import DEFAULT_URL, ListenOptions
from core.receiver.status import SessionSnapshot
from core.wire.attempts import redact
from gui import settings
from gui.actions import WindowActions
from gui.compact_room import CompactRoom
from gui.compare_desk import CompareDesk
from gui.connect_desk import ConnectDesk
from gui.demo_desk import DemoDesk
from gui.diagnostics import Diagnostics
from gui.error_log import keep_events, log_folder, open_log_folder
from gui.listen_desk import ListDevices, ListenDesk
from gui.loop_lag import LoopLagMeter
from gui.media_keys import MediaKeys
from gui.options import WindowOptions
from gui.panels import Panels, set_top
from gui.problems import LAB, NUMBERS, PROFILES, Problems
from gui.profiles import Profile
from gui.record_desk import RecordDesk
from gui.refresh import Refresh
from gui.replay_desk import ReplayDesk
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore, ThemeChoice
from gui.sound_room import SoundRoom
from gui.theme import Theme
from gui.tray import Tray
from gui.tuner import Tuner
from gui.verdict_desk import VerdictDesk
from gui.view_models.connection import connection_view, keyring_view
from gui.view_models.statistics import statistics_rows
from gui.watch import Watch
from gui.watch_desk import WatchDesk
from gui.what_if_room import WhatIfRoom
from gui.widgets.banner import Banner, BannerLevel
from gui.widgets.connect_panel import ConnectPanel
from gui.widgets.event_panel import EventPanel
from gui.widgets.lab_panel import LabPanel
from gui.widgets.listen_panel import ListenPanel
from gui.widgets.number_box import NumberBox
from gui.widgets.profile_menu import ProfileMenu, make_profile_button
from gui.widgets.shared_row import SharedRow
from gui.widgets.shortcut_sheet import SheetGroup, ShortcutSheet
from gui.widgets.statistics_table import StatisticsTable
from gui.widgets.tune_panel import TunePanel
from gui.window_place import fit_to_screen

FIRST_SIZE: Final = (1600, 1000)
_BOOKS_EVERY_MS: Final = 1_000


class MainWindow(QMainWindow):
    """One window, one `SessionOwner`, one `Monitor`."""

    closing = Signal()
    """The user has closed the window: it is gone already, and the session is being ended."""

    def __init__(
        self,
        monitor: Monitor,
        owner: SessionOwner,
        store: SettingsStore,
        theme: Theme,
        list_devices: ListDevices,
        options: WindowOptions | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Put everything together but the plots, not connected; ``list_devices`` and ``clock_ns`` (the clock of
        reconnect countdowns) are passed in for tests.
        """
        super().__init__()
        self._monitor, self._owner, self._store, self._theme = monitor, owner, store, theme
        self._clock_ns = clock_ns
        self._options = options or WindowOptions()
        self._was_shown = self.has_closed = False
        self.setWindowTitle(f"Opuscope {self._options.title_suffix}".strip())
        self.connect_panel = ConnectPanel()
        self.banner = Banner()
        self._problems = Problems(self.banner)
        self.listen_panel = ListenPanel(theme)
        self.listening = ListenDesk(self.listen_panel, owner, store, list_devices, self._problems, self)
        self.recording = RecordDesk(self.listen_panel, owner, self, self.report, self.tell)
        self.watch = Watch(monitor, theme, self)
        self.what_if = WhatIfRoom(owner, monitor, theme, self)
        self.sound = SoundRoom(owner, monitor, theme, lambda: self.watch.view.is_frozen, self)
        self.verdict = VerdictDesk(owner, store, self)
        self.desk = WatchDesk(
            self.watch, monitor, self, self.report, self.tell, lambda: (redact(owner.url), self.verdict.text)
        )
        self.tune_panel = TunePanel()
        self.statistics = StatisticsTable(theme)
        self.events = EventPanel(monitor.events, theme)
        self.lab_panel = LabPanel()
        self._diagnostics = Diagnostics(
            monitor, owner, store, list_devices, self._options, clock_ns, secrets=lambda: self.connecting.secrets()
        )
        self.shortcut_sheet = self._make_shortcut_sheet()
        self._show_impairment(self._options.impairment)
        self.connecting = ConnectDesk(self.connect_panel, owner, store, self._options, self._problems, self)
        self.replays = ReplayDesk(owner, lambda: self.connecting.as_set(ListenOptions(DEFAULT_URL)), self.report, self)
        self.replays.starting.connect(self.connecting.give_way)
        self.comparing = CompareDesk(self.replays, theme, self.report, self.tell, self)
        self.replays.bar.compare_wanted.connect(self.comparing.ask)
        keep_events(monitor.events, self.connecting.secrets)
        self.profiles = ProfileMenu(store, self)
        self.tune_panel.add_beside_preset(make_profile_button(self.profiles))
        self._tuner = Tuner(self.tune_panel, store, owner, monitor, self.report, self)
        self.demo = DemoDesk(self._tuner, store, owner, self.lab_panel, self.set_impairment, self)
        self._make_small_windows()
        self.actions_ = self._make_actions()
        self._lay_out()
        self._take_settings()
        self._connect_signals()
        self._refresh = Refresh(self._refresh_pictures, self.show_facts, self)
        self._books = QTimer(self)
        self._books.setInterval(_BOOKS_EVERY_MS)
        self._books.timeout.connect(self._keep_books)
        self._books.start()
        self._lag_meter = LoopLagMeter(self._record_loop_lag, self)
        self.show_facts()

    @property
    def rooms(self) -> tuple[Watch, WhatIfRoom, SoundRoom]:
        """Those whose plots are still missing when the window is made, see `furnish`."""
        return self.watch, self.what_if, self.sound

    def furnish(self) -> None:
        """Make all plots, which takes half a second: to be called once, at best when the window can be seen already.

        Whoever has an event loop to keep going furnishes the `rooms` one by one.
        """
        for room in self.rooms:
            room.furnish()

    # What the user does

    def connect_to(self, url: str) -> None:
        """Listen to ``url``. A bad address is refused in the banner, and everything stays as it is."""
        self.connecting.connect_to(url)

    def _use_profile(self, profile: Profile) -> None:
        self._tuner.use_profile(profile)
        if profile.output != self._store.get(settings.OUTPUT):
            self.listening.choose_output(profile.output)

    def scan_devices(self, look_again: bool = False) -> None:
        """Fill the choice of outputs. Without PortAudio the banner says so, and the null output remains."""
        self.listening.scan_devices(look_again)

    def set_impairment(self, impairment: Impairment) -> None:
        """Make the network so bad, now and for later connections of this run."""
        self.connecting.impairment = impairment
        self._show_impairment(impairment)
        if self._owner.session is not None:
            self._owner.session.set_impairment(impairment)

    def _show_impairment(self, impairment: Impairment) -> None:
        self.lab_panel.show_impairment(impairment)
        # Nobody shall blame a server for it.
        text = self.tr("▲ Network lab: {0}").format(impairment.describe())
        self.desk.set_note(text if impairment.is_active else "")

    def start_scenario(self) -> None:
        """Go through the guided demo as soon as audio comes."""
        self.demo.want(self.connecting.impairment)

    def report(self, text: str) -> None:
        """Something went wrong that nobody else tells: one line in the banner."""
        self._problems.say(text)

    def tell(self, text: str) -> None:
        """Something went well that cannot be seen otherwise: one line in the banner."""
        self._problems.say(text, BannerLevel.INFO)

    def show_facts(self) -> None:
        """Bring every text up to date."""
        snapshot = self._owner.snapshot()
        is_running = self._owner.is_running
        view = connection_view(snapshot.connection if snapshot else None, self._clock_ns())
        if waiting_url := self.connecting.waiting_url:
            # What the user wants now, whatever else still plays; and what Disconnect then gives up.
            self.connect_panel.show_connection(keyring_view(), True, waiting_url)
        else:
            self.connect_panel.show_connection(view, is_running, self._owner.url)
        self.actions_.try_now.setEnabled(is_running and view.can_try_now)
        self.connect_panel.show_insecure(self._owner.accepts_any_certificate)
        self.connecting.show_facts(snapshot)
        playing = snapshot if is_running else None
        self.listen_panel.show_output(playing.output if playing else None, playing.levels if playing else None)
        self.recording.show_facts(snapshot)
        self.watch.show_facts(snapshot, is_running)
        self.verdict.show_facts()
        self.desk.show_facts()
        self.replays.show_facts()
        self.what_if.show_facts(snapshot)
        self._tuner.show_facts()
        self.statistics.show_rows(statistics_rows(snapshot, self._owner.playout, self._monitor))
        self.demo.show_facts(snapshot)
        self.actions_.rescan.setEnabled(self.listen_panel.refresh.isEnabled())
        self._watch_problems(snapshot)

    def _watch_problems(self, snapshot: SessionSnapshot | None) -> None:
        output = snapshot.output if snapshot and self._owner.is_running else None
        self._problems.watch(self.events.show_new(), snapshot.connection if snapshot else None, output)

    def _keep_books(self) -> None:
        """What must go on while nobody sees the window: problems for whoever shows them, and what changes did."""
        if not self.isVisible() or self.isMinimized():
            snapshot = self._owner.snapshot()
            self._watch_problems(snapshot)
            self.connecting.show_facts(snapshot)
            self.watch.changes.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Up and Down are the volume wherever the focused control has no use for them."""
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.listening.change_volume(step)

    # Coming and going

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Start to move."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            if not self._store.get(settings.WINDOW_DOCKS):
                self.panels.docks.resize()
        self._adapt_refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Stop painting."""
        super().hideEvent(event)
        self._adapt_refresh()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Paint less while in the background, not at all while minimised."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.WindowStateChange, QEvent.Type.ActivationChange):
            self._adapt_refresh()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Remember how the window stood, vanish at once, and end the session behind the scenes."""
        self._store.set(settings.WINDOW_GEOMETRY, bytes(self.saveGeometry().data()))
        self._store.set(settings.WINDOW_DOCKS, self.panels.docks.state())
        self._store.save()
        # A paint that is still due would meet a window without a handle.
        self.setUpdatesEnabled(False)
        self.has_closed = True
        super().closeEvent(event)
        self._books.stop()
        self.connecting.close()
        self.replays.close()
        self.comparing.close()
        self.closing.emit()
        self._owner.close()

    def _adapt_refresh(self) -> None:
        # Events also come while the constructor is still at work.
        if hasattr(self, "_refresh"):
            self._refresh.set_visibility(self.isVisible() and not self.isMinimized(), self.isActiveWindow())

    # Inside

    def _open_log_folder(self) -> None:
        if problem := open_log_folder(log_folder()):
            self.report(problem)

    def _make_shortcut_sheet(self) -> ShortcutSheet:
        plots = (
            (self.tr("Show more or less of the past"), self.tr("Wheel")),
            (self.tr("Show an earlier time (frozen)"), self.tr("Drag")),
            (self.tr("Read all plots at one moment (frozen)"), self.tr("Point")),
            (self.tr("Fix the buffer at a depth (What if)"), self.tr("Click")),
        )
        sheet = ShortcutSheet(self, self._theme, (SheetGroup(self.tr("Plots"), plots),))
        self.closing.connect(sheet.close)
        return sheet

    def _make_actions(self) -> WindowActions:
        return WindowActions(
            self,
            focus_address=self.connect_panel.focus_address,
            connect=lambda: self.connect_to(self.connect_panel.typed_url),
            disconnect=self.connecting.disconnect_from,
            try_now=self._owner.try_now,
            toggle_mute=self.listen_panel.mute.toggle,
            change_volume=self.listening.change_volume,
            rescan=self.listening.rescan,
            choose_theme=self._choose_theme,
            theme=self._theme.choice,
            dismiss=self.banner.dismiss,
            show_shortcuts=self.shortcut_sheet.open_beside,
            copy_diagnostics=lambda: self.tell(self._diagnostics.copy()),
            open_log_folder=self._open_log_folder,
        )

    def _make_small_windows(self) -> None:
        def connect() -> None:
            self.connect_to(self.connect_panel.typed_url)

        self.compact = CompactRoom(
            self,
            self.listen_panel,
            self._owner,
            self._store,
            self._theme,
            connect=connect,
            disconnect=self.connecting.disconnect_from,
            dismiss=self.banner.dismiss,
            problem=lambda: self.banner.text or (keyring_view().detail if self.connecting.waiting_url else ""),
            clock_ns=self._clock_ns,
            parent=self,
        )
        self.tray = Tray(
            self,
            self.compact,
            self.listen_panel,
            self._owner,
            self._theme,
            connect=connect,
            disconnect=self.connecting.disconnect_from,
            clock_ns=self._clock_ns,
            parent=self,
        )
        self.media_keys = MediaKeys(
            self.listen_panel,
            self._owner,
            self._monitor.events,
            connect=connect,
            disconnect=self.connecting.disconnect_from,
            show_window=self.compact.show_either,
            close_window=self.close,
            parent=self,
        )
        self.closing.connect(self.compact.end)
        self.closing.connect(self.tray.end)
        self.closing.connect(self.media_keys.end)

    def _refresh_pictures(self) -> None:
        self.watch.refresh_next_plot()
        self.sound.refresh_soon()

    def _lay_out(self) -> None:
        # What is wrong is more urgent than what would be enough.
        second = SharedRow(self.verdict.bar, self.banner)
        set_top(self, (self.connect_panel, self.listen_panel), (self.replays.bar, self.demo.bar, second, self.desk.bar))
        self.panels = Panels(
            self,
            self.watch,
            self.what_if,
            events=self.events,
            changes=self.desk.changes,
            tune=self.tune_panel,
            lab=self.lab_panel,
            statistics=self.statistics,
            closed=self.sound.docks,
        )
        self.recording.offer(self.actions_.add_recording(self.recording.toggle))
        self.actions_.add_tuning(undo=self._tuner.undo, profiles=self.profiles)
        self.actions_.add_watching(
            toggle_frozen=self.desk.toggle_frozen,
            go_to_problem=self.desk.go_to_problem,
            save_image=self.desk.ask_for_image,
            save_table=self.desk.ask_for_table,
        )
        self.actions_.add_captures(
            open_capture=self.replays.ask, compare=self.comparing.ask, go_to_problem=self.replays.go_to_problem
        )
        self.actions_.add_compact(self.compact.open)
        self.actions_.add_panels(self.panels.docks.toggle_actions, self.panels.docks.reset)
        # Ctrl+F works while the log is hidden, too.
        self.actions_.add_to_view(self.events.find_action)
        self.events.search_wanted.connect(self.panels.events.show)
        self.events.search_wanted.connect(self.panels.events.raise_)

    def _take_settings(self) -> None:
        store = self._store
        store.value_ignored.connect(lambda text: self._monitor.events.add(Level.WARNING, text))
        history = store.get(settings.URL_HISTORY)
        self.connect_panel.set_history(history)
        self.connect_panel.set_address(self._options.url or (history[0] if history else ""))
        self.actions_.mute.setChecked(store.get(settings.MUTED))
        self.resize(*FIRST_SIZE)
        if geometry := store.get(settings.WINDOW_GEOMETRY):
            self.restoreGeometry(geometry)
        fit_to_screen(self)
        docks = store.get(settings.WINDOW_DOCKS)
        if not docks:
            self.panels.docks.reset()
        elif not self.panels.docks.restore(docks):
            self.panels.docks.reset()
            self._monitor.events.add(Level.INFO, "the remembered layout is of another version; using the usual one")

    def _connect_signals(self) -> None:
        self.listen_panel.muted_changed.connect(self.actions_.mute.setChecked)
        self.what_if.depth_chosen.connect(self._tuner.fix_depth)
        self.profiles.profile_chosen.connect(self._use_profile)
        self.profiles.problem.connect(lambda text: self._problems.say(text, topic=PROFILES))
        self.profiles.warned.connect(lambda text: self._problems.say(text, BannerLevel.WARNING))
        self.profiles.went_well.connect(lambda: self._problems.clear(PROFILES))
        self.profiles.told.connect(self.tell)
        self.lab_panel.impairment_chosen.connect(self.set_impairment)
        self.lab_panel.impairment_chosen.connect(lambda _impairment: self._problems.clear(LAB))
        self.lab_panel.problem.connect(lambda text: self._problems.say(text, topic=LAB))
        for box in self.findChildren(NumberBox):
            box.refused.connect(lambda text: self._problems.say(text, topic=NUMBERS))
            box.valueChanged.connect(lambda _value: self._problems.clear(NUMBERS))
        self.connecting.waiting_changed.connect(self._on_session_changed)
        self._owner.changed.connect(self._on_session_changed)
        self._owner.failed.connect(self._on_failed)
        self._on_session_changed()

    def _on_session_changed(self) -> None:
        is_running = self._owner.is_running
        self.actions_.show_running(is_running)
        if self.connecting.waiting_url:
            self.actions_.disconnect.setEnabled(True)
        self.listen_panel.set_running(is_running)
        self.show_facts()

    def _on_failed(self, text: str) -> None:
        self.report(text)
        self.show_facts()

    def _choose_theme(self, choice: ThemeChoice) -> None:
        self._store.set(settings.THEME, choice)
        self._theme.choose(choice)

    def _record_loop_lag(self, lag_ms: float) -> None:
        if self._owner.session is not None:
            self._owner.session.record_loop_lag(lag_ms)
