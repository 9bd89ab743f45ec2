"""Asks for a server's credentials. Opened with `open`: running it would stop the event loop, and with it sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.receiver.options import ListenOptions, SettingError, check_headers, check_token
from gui.credentials import Credentials
from gui.known_servers import server_of
from gui.translation import translate
from gui.view_models.text import sentence
from gui.widgets.header_table import HeaderTable
from gui.widgets.labels import TextLabel, describe


class CredentialsDialog(QDialog):
    """What cannot be taken is refused in one line, and everything typed stays."""

    chosen = Signal(object)
    """`Credentials`, checked: the user wants these from the next connection on."""
    connect_wanted = Signal()
    """After `chosen`: that connection shall begin now."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        header_names: tuple[str, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        """Show ``credentials``; ``header_names`` are those sent last, whose values may have to be typed again.

        Raises:
            SettingError: ``url`` is no address.
        """
        super().__init__(parent)
        self._url = url
        self.is_waiting = False
        """Whether the keyring has not said what it holds."""
        server = server_of(url)
        self.setWindowTitle(self.tr("Credentials for {server}").format(server=server))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._make_token(credentials)
        self._make_trust(credentials, is_encrypted=server.startswith("wss:"))
        self.headers = HeaderTable()
        self.headers.set_headers(credentials.headers or tuple((name, "") for name in header_names))
        self.problem = TextLabel("", "bad")
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName(self.tr("Problem"))
        self.problem.hide()
        self._make_buttons()
        self._lay_out()
        self.setMinimumWidth(560)
        self.token.setFocus()

    @property
    def entered(self) -> Credentials:
        """As it stands there, not checked."""
        ca_file = self.ca_file.text().strip()
        return Credentials(
            token=self.token.text().strip() or None,
            headers=self.headers.headers,
            ca_file=Path(ca_file).expanduser() if ca_file else None,
            is_kept=self.keep.isChecked(),
            accepts_any_certificate=self.any_certificate.isChecked(),
        )

    def wait_for_keyring(self) -> None:
        """Say that the keyring is being asked; `fill` follows, or nothing where it refuses."""
        self.is_waiting = True
        self.token.setPlaceholderText(self.tr("the system keyring is being asked …"))

    def fill(self, credentials: Credentials) -> None:
        """Show what the keyring holds, but for what the user has typed meanwhile."""
        self.is_waiting = False
        self.token.setPlaceholderText("")
        if not self.token.isModified():
            self.token.setText(credentials.token or "")
        if not self.headers.headers:
            self.headers.set_headers(credentials.headers)

    def say(self, text: str) -> None:
        """One line in the dialog."""
        self.token.setPlaceholderText("")
        self.problem.show_text(f"✕ {sentence(text)}")
        self.problem.show()

    def _make_token(self, credentials: Credentials) -> None:
        self.token = QLineEdit(credentials.token or "")
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        describe(self.token, self.tr("Token"), self.tr("Sent as 'Authorization: Bearer TOKEN'; empty for none"))
        self.show_secrets = QPushButton(self.tr("Sho&w"))
        self.show_secrets.setCheckable(True)
        self.show_secrets.setAutoDefault(False)
        self.show_secrets.toggled.connect(self._on_show)
        describe(self.show_secrets, self.tr("Show"), self.tr("Show token and headers' values as they are (Alt+W)"))
        self.keep = QCheckBox(self.tr("Keep token and headers in the system &keyring"))
        self.keep.setChecked(credentials.is_kept)
        describe(
            self.keep,
            self.tr("Keep in the system keyring"),
            self.tr("Without it they are forgotten when the window closes. They are never written to the settings"),
        )

    def _make_trust(self, credentials: Credentials, is_encrypted: bool) -> None:
        self.ca_file = QLineEdit(str(credentials.ca_file or ""))
        self.ca_file.setPlaceholderText(self.tr("the system's authorities"))
        describe(
            self.ca_file,
            self.tr("CA file"),
            self.tr("PEM file with the certificate of the authority to trust for this server"),
        )
        self.choose_file = QPushButton(self.tr("C&hoose …"))
        self.choose_file.setAutoDefault(False)
        self.choose_file.clicked.connect(self._on_choose_file)
        describe(self.choose_file, self.tr("Choose CA file"), self.tr("Look for the PEM file (Alt+H)"))
        self.any_certificate = QCheckBox(self.tr("Accept any certificate for &this connection"))
        self.any_certificate.setChecked(credentials.accepts_any_certificate and is_encrypted)
        self.any_certificate.setEnabled(is_encrypted)
        self.warning = TextLabel("", "warning" if is_encrypted else "muted")
        self.warning.setWordWrap(True)
        if is_encrypted:
            text = self.tr(
                "▲ Nobody then checks who the server is: anybody on the way can listen in, send sound, and read the"
                " token. It holds for the next connection only and is not remembered."
            )
        else:
            text = self.tr("A ws:// connection is not encrypted: it has no certificate, and the token can be read.")
        self.warning.show_text(text)
        describe(self.any_certificate, self.tr("Accept any certificate for this connection"), text)

    def _make_buttons(self) -> None:
        self.buttons = QDialogButtonBox()
        self.connect_button = QPushButton(self.tr("&Connect"))
        self.connect_button.setProperty("primary", "true")
        self.connect_button.setDefault(True)
        describe(self.connect_button, self.tr("Connect"), self.tr("Take these and connect with them now (Return)"))
        self.save_button = QPushButton(self.tr("&Save"))
        self.save_button.setAutoDefault(False)
        describe(self.save_button, self.tr("Save"), self.tr("Take these for the next connection (Alt+S)"))
        self.cancel_button = QPushButton(self.tr("Cance&l"))
        self.cancel_button.setAutoDefault(False)
        describe(self.cancel_button, self.tr("Cancel"), self.tr("Leave everything as it was (Esc)"))
        self.buttons.addButton(self.connect_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(self.save_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.buttons.addButton(self.cancel_button, QDialogButtonBox.ButtonRole.RejectRole)
        self.connect_button.clicked.connect(lambda: self._finish(connects=True))
        self.save_button.clicked.connect(lambda: self._finish(connects=False))
        self.cancel_button.clicked.connect(self.reject)

    def _finish(self, connects: bool) -> None:
        self.headers.commit()
        entered = self.entered
        if not self._is_fine(entered):
            return
        self.chosen.emit(entered)
        if connects:
            self.connect_wanted.emit()
        self.accept()

    def _is_fine(self, entered: Credentials) -> bool:
        """Check with what the connection itself checks with; else say the first problem and go to where it is."""
        checks: tuple[tuple[Callable[[], object], QWidget], ...] = (
            (lambda: check_token(entered.token or ""), self.token),
            (lambda: _check_complete(entered), self.headers),
            (lambda: ListenOptions(self._url, ca_file=entered.ca_file), self.ca_file),
            (lambda: entered.applied_to(ListenOptions(self._url)), self.headers),
        )
        for check, culprit in checks:
            try:
                check()
            except SettingError as error:
                self.say(str(error))
                culprit.setFocus(Qt.FocusReason.OtherFocusReason)
                return False
        self.problem.hide()
        return True

    def _on_show(self, are_shown: bool) -> None:
        self.token.setEchoMode(QLineEdit.EchoMode.Normal if are_shown else QLineEdit.EchoMode.Password)
        self.headers.show_values(are_shown)

    def _on_choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("CA file"), str(Path(self.ca_file.text()).expanduser().parent))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([self.tr("Certificates (*.pem *.crt *.cer)"), self.tr("All files (*)")])
        dialog.fileSelected.connect(self.ca_file.setText)
        dialog.open()

    def _lay_out(self) -> None:
        form = QFormLayout()
        for text, row, buddy in (
            (self.tr("T&oken"), _row(self.token, self.show_secrets), self.token),
            ("", _row(self.keep), None),
            (self.tr("CA &file"), _row(self.ca_file, self.choose_file), self.ca_file),
            ("", _row(self.any_certificate), None),
            ("", _row(self.warning), None),
            (self.tr("&Extra headers"), _row(self.headers), self.headers.table),
        ):
            label = TextLabel(text)
            label.setTextFormat(Qt.TextFormat.AutoText)
            if buddy is not None:
                label.setBuddy(buddy)
            form.addRow(label, row)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.problem)
        column.addWidget(self.buttons)


def _check_complete(entered: Credentials) -> None:
    """Raise `SettingError` unless the headers can be sent, each with a value."""
    check_headers(entered.headers)
    for name, value in entered.headers:
        if not value:
            raise SettingError(
                translate("Credentials", "the header {name} has no value; enter it, or remove the header").format(
                    name=name
                )
            )


def _row(*widgets: QWidget) -> QLayout:
    row = QHBoxLayout()
    for at, widget in enumerate(widgets):
        row.addWidget(widget, 1 if at == 0 else 0)
    return row
