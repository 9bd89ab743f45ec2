"""Between the listen card, what is remembered, and the session: volume, mute, output, the list of devices."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from core.audio.output import OutputError
from core.receiver.session import ListeningSession
from gui import settings
from gui.problems import Problems
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.widgets.banner import BannerLevel
from gui.widgets.listen_panel import ListenPanel

ListDevices = Callable[[bool], list[str]]
"""Labels of the output devices; the argument asks to look again. Raises OutputError."""


class ListenDesk(QObject):
    """What the user wants to hear, now and for later sessions."""

    def __init__(
        self,
        panel: ListenPanel,
        owner: SessionOwner,
        store: SettingsStore,
        list_devices: ListDevices,
        problems: Problems,
        parent: QObject,
    ) -> None:
        """As remembered; devices are looked for by `scan_devices`."""
        super().__init__(parent)
        self._panel, self._owner, self._store = panel, owner, store
        self._list_devices, self._problems = list_devices, problems
        panel.set_volume_db(store.get(settings.VOLUME_DB))
        panel.set_muted(store.get(settings.MUTED))
        panel.set_outputs((), store.get(settings.OUTPUT))
        panel.volume_changed.connect(self._on_volume)
        panel.muted_changed.connect(self._on_muted)
        panel.output_chosen.connect(self.choose_output)
        panel.refresh_wanted.connect(self.rescan)
        panel.devices_changed.connect(lambda: self.scan_devices())
        owner.started.connect(self._on_session_started)

    def scan_devices(self, look_again: bool = False) -> None:
        """Fill the choice of outputs. Without PortAudio the banner says so, and the null output remains."""
        try:
            devices = self._list_devices(look_again)
        except OutputError as error:
            devices = []
            self._problems.say(str(error), BannerLevel.WARNING)
        self._panel.set_outputs(devices, self._store.get(settings.OUTPUT))

    def rescan(self) -> None:
        """Look again. While a session runs its own search does that: looking from here would end its sound."""
        self.scan_devices(look_again=not self._owner.is_running)

    def change_volume(self, step_db: int) -> None:
        """Louder or quieter by so much."""
        self._panel.set_volume_db(self._panel.volume.value() + step_db)

    def choose_output(self, name: str) -> None:
        """Play to ``name`` from now on; where that cannot be had, all stays as it is.

        The same one again is opened anew: it may have been plugged in meanwhile.
        """
        before = self._store.get(settings.OUTPUT)

        def undo() -> None:
            self._store.set(settings.OUTPUT, before)
            self._panel.select_output(before)

        self._problems.forget()
        self._store.set(settings.OUTPUT, name)
        self._panel.select_output(name)
        self._owner.set_output(name, undo)

    def _on_session_started(self, session: ListeningSession) -> None:
        session.set_volume_db(self._store.get(settings.VOLUME_DB))
        session.set_muted(self._store.get(settings.MUTED))

    def _on_volume(self, volume_db: float) -> None:
        self._store.set(settings.VOLUME_DB, volume_db)
        if self._owner.session is not None:
            self._owner.session.set_volume_db(volume_db)

    def _on_muted(self, muted: bool) -> None:
        self._store.set(settings.MUTED, muted)
        if self._owner.session is not None:
            self._owner.session.set_muted(muted)
