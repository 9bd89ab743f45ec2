"""Between the key button, the dialog of credentials and the one who keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.receiver.options import SettingError
from gui.credentials import Credentials, CredentialsKeeper

if TYPE_CHECKING:
    from gui.widgets.credentials_dialog import CredentialsDialog


class CredentialsDesk(QObject):
    """Opens the dialog at once, whatever the keyring does, and fills it in when the keyring answers."""

    problem = Signal(str)
    """One line for people."""
    connect_wanted = Signal(str)
    """The user has entered credentials for this address, and wants to be connected with them."""

    def __init__(self, keeper: CredentialsKeeper, window: QWidget) -> None:
        """``window`` is what the dialog stands before."""
        super().__init__(window)
        self.keeper = keeper
        self._window = window
        self._dialog: CredentialsDialog | None = None
        keeper.problem.connect(self._on_problem)

    def ask(self, url: str) -> None:
        """Show the credentials for ``url``, and take others."""
        # Takes 30 ms to load, and is seldom wanted: not at the start.
        from gui.widgets.credentials_dialog import CredentialsDialog

        if self._dialog is not None:
            return
        try:
            known = self.keeper.known(url)
            present = known or self.keeper.remembered(url)
            names = self.keeper.header_names(url) if known else ()
            dialog = CredentialsDialog(url, present, names, self._window)
        except SettingError as error:
            self.problem.emit(str(error))
            return
        self._dialog = dialog
        dialog.chosen.connect(lambda chosen: self._take(url, chosen, dialog))
        dialog.connect_wanted.connect(lambda: self.connect_wanted.emit(url))
        dialog.finished.connect(self._on_finished)
        if known is None:
            dialog.wait_for_keyring()
            self.keeper.fetch(url, self._fill)
        dialog.open()

    def _fill(self, found: Credentials) -> None:
        if self._dialog is not None:
            self._dialog.fill(found)

    def _take(self, url: str, chosen: Credentials, dialog: CredentialsDialog) -> None:
        has_secrets = bool(chosen.token or chosen.headers)
        if dialog.is_waiting and not has_secrets:
            # An empty field says nothing here: what is in the keyring has not been seen, let alone deleted.
            self.keeper.keep_trust(url, chosen)
        else:
            self.keeper.keep(url, chosen)

    def _on_problem(self, text: str) -> None:
        if self._dialog is not None:
            self._dialog.say(text)
        self.problem.emit(text)

    def _on_finished(self) -> None:
        if self._dialog is not None and self._dialog.is_waiting:
            self.keeper.cancel_fetch()
        self._dialog = None
