"""From an address to a session: with what is set, and with the credentials that belong to that server."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.receiver.connection import without_secrets
from core.receiver.options import ListenOptions, SettingError
from core.receiver.status import SessionSnapshot
from gui import settings
from gui.credentials import Credentials, CredentialsKeeper
from gui.credentials_desk import CredentialsDesk
from gui.options import WindowOptions
from gui.problems import Problems
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.widgets.connect_panel import ConnectPanel


class ConnectDesk(QObject):
    """Between the address and the owner of sessions."""

    waiting_changed = Signal()
    """A connection began or ceased to wait for the system's keyring."""

    def __init__(
        self,
        panel: ConnectPanel,
        owner: SessionOwner,
        store: SettingsStore,
        options: WindowOptions,
        problems: Problems,
        window: QWidget,
    ) -> None:
        """``options`` are those of the command line."""
        super().__init__(window)
        self._panel, self._owner, self._store = panel, owner, store
        self._options, self._problems = options, problems
        self.impairment = options.impairment
        """What the network lab does to the next session."""
        self._credentials = CredentialsDesk(CredentialsKeeper(store, parent=self), window)
        panel.connect_wanted.connect(self.connect_to)
        panel.disconnect_wanted.connect(self.disconnect_from)
        panel.try_now_wanted.connect(owner.try_now)
        panel.credentials_wanted.connect(self._credentials.ask)
        self._credentials.connect_wanted.connect(self.connect_to)
        self._credentials.problem.connect(problems.say)
        self._credentials.keeper.waiting_changed.connect(lambda _is_waiting: self.waiting_changed.emit())
        self._waiting_url = ""
        self._untried_url = ""
        self._has_closed = False

    @property
    def waiting_url(self) -> str:
        """The address, as typed, whose connection waits for the system's keyring; else empty."""
        return self._waiting_url if self._credentials.keeper.is_waiting else ""

    def connect_to(self, url: str) -> None:
        """Listen to ``url``. A bad address is refused in the banner, and everything stays as it is."""
        if self._has_closed:
            # Nobody is there any more to answer the keyring.
            return
        before, self._waiting_url = self._waiting_url, url
        try:
            self._credentials.keeper.fetch_for_connection(url, lambda found: self._connect_with(url, found))
        except SettingError as error:
            # A connection that waits already goes on to wait.
            self._waiting_url = before
            self._refuse_address(error)

    def _connect_with(self, url: str, found: Credentials) -> None:
        try:
            options = self.as_set(found.applied_to(self._connection_options(url)))
        except SettingError as error:
            self._refuse_address(error)
            return
        self._problems.forget()
        if self._options.remember_url or url != self._options.url:
            self._untried_url = url
        else:
            self._untried_url = ""
        self._panel.set_address(url)
        self._panel.leave_address()
        self._owner.start(options)

    def as_set(self, options: ListenOptions) -> ListenOptions:
        """The same with what is set in the window.

        Raises:
            SettingError: it cannot be taken.
        """
        return replace(
            options,
            frame_ms=self._store.get(settings.FRAME_MS),
            encoder=self._store.get(settings.ENCODER),
            playout=self._store.tuning.playout,
            device_latency_ms=self._store.tuning.device_latency_ms,
            output=self._store.get(settings.OUTPUT),
            impairment=self.impairment,
        )

    def give_way(self) -> None:
        """Something else is about to be listened to: wait for no keyring, and complain of nothing before it."""
        self.cancel()
        self._untried_url = ""
        self._problems.forget()

    def show_facts(self, snapshot: SessionSnapshot | None) -> None:
        """Remember the address once audio comes from it: one that was mistyped shall not be offered again."""
        if not self._untried_url or self._untried_url != self._owner.url:
            return
        if snapshot is not None and snapshot.total_samples_received > snapshot.concealed_samples:
            self._store.remember_url(without_secrets(self._untried_url))
            self._untried_url = ""
            self._panel.set_history(self._store.get(settings.URL_HISTORY))

    def _refuse_address(self, error: SettingError) -> None:
        self._problems.say(str(error))
        self._panel.focus_address()

    def disconnect_from(self) -> None:
        """End the session, and whatever was on its way to one."""
        self.cancel()
        self._owner.stop()

    def secrets(self) -> list[str]:
        """What may stand in no report and no log."""
        return self._credentials.keeper.secrets()

    def cancel(self) -> None:
        """Wait for no keyring any more."""
        self._credentials.keeper.cancel()

    def close(self) -> None:
        """The window has gone: connect to nothing any more."""
        self._has_closed = True
        self.cancel()

    def _connection_options(self, url: str) -> ListenOptions:
        """Dialect and token of the command line belong to its address: no other server may see them."""
        given = self._options.listen
        if given is None:
            return ListenOptions(url)
        if given.url == url:
            return given
        return ListenOptions(url, ca_file=given.ca_file)
