"""The dialog of credentials: whole by keyboard, nothing lost where something is refused, nothing shown unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from core.receiver.options import SettingError
from gui.credentials import NO_CREDENTIALS, Credentials
from gui.widgets.connect_panel import ConnectPanel
from gui.widgets.credentials_dialog import CredentialsDialog
from gui.widgets.header_table import HeaderTable

URL = "wss://stream.example/live"
SECRET = "geheim-4711"  # noqa: S105


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


class Asked:
    """An open dialog, and what it said."""

    def __init__(self, qtbot: QtBot, credentials: Credentials, url: str = URL, names: tuple[str, ...] = ()) -> None:
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.window.show()
        self.dialog = CredentialsDialog(url, credentials, names, self.window)
        self.chosen: list[Credentials] = []
        self.connects = 0
        self.dialog.chosen.connect(self.chosen.append)
        self.dialog.connect_wanted.connect(self._on_connect)
        with qtbot.waitActive(self.dialog):
            self.dialog.open()

    def _on_connect(self) -> None:
        self.connects += 1
        assert self.chosen, "first what to connect with, then that it shall be"

    @property
    def problem(self) -> str:
        return "" if self.dialog.problem.isHidden() else self.dialog.problem.text()


def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    widget = QApplication.focusWidget()
    assert widget is not None
    QTest.keyClick(widget, key, modifier)


def type_text(text: str) -> None:
    widget = QApplication.focusWidget()
    assert widget is not None
    QTest.keyClicks(widget, text)


def test_what_is_known_is_shown_and_comes_back_unchanged(qtbot: QtBot, ca_file: Path) -> None:
    known = Credentials(SECRET, (("X-Key", "value"), ("X-Other", "b")), ca_file, is_kept=True)
    asked = Asked(qtbot, known)
    assert "wss://stream.example:443" in asked.dialog.windowTitle()
    asked.dialog.save_button.click()
    assert asked.chosen == [known]
    assert asked.connects == 0


def test_all_of_it_can_be_entered_with_the_keyboard(qtbot: QtBot) -> None:
    asked = Asked(qtbot, NO_CREDENTIALS)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is asked.dialog.token)
    type_text(f" {SECRET} ")
    # Qt shows a button pressed for a moment before it counts.
    press(Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(asked.dialog.keep.isChecked)
    press(Qt.Key.Key_T, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(asked.dialog.any_certificate.isChecked)
    press(Qt.Key.Key_A, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: asked.dialog.headers.table.rowCount() == 1)
    type_text("X-Key")
    press(Qt.Key.Key_Return)
    assert asked.chosen == [], "Return ends the cell and leads on to the value; it does not end the dialog"
    type_text("value")
    press(Qt.Key.Key_Return)
    assert asked.chosen == []
    press(Qt.Key.Key_O, Qt.KeyboardModifier.AltModifier)
    press(Qt.Key.Key_Return)
    assert asked.chosen == [Credentials(SECRET, (("X-Key", "value"),), None, True, True)]
    assert asked.connects == 1


def test_a_value_still_being_typed_is_taken_along(qtbot: QtBot) -> None:
    asked = Asked(qtbot, NO_CREDENTIALS, names=("X-Key",))
    table = asked.dialog.headers.table
    table.setFocus()
    table.setCurrentCell(0, 1)
    table.edit(table.currentIndex())
    type_text("value")
    asked.dialog.connect_button.click()
    assert asked.chosen[0].headers == (("X-Key", "value"),)


def test_tab_reaches_every_control_and_comes_around(qtbot: QtBot) -> None:
    asked = Asked(qtbot, NO_CREDENTIALS)
    dialog = asked.dialog
    wanted = {
        *(dialog.token, dialog.show_secrets, dialog.keep, dialog.ca_file, dialog.choose_file, dialog.any_certificate),
        *(dialog.headers.table, dialog.headers.add, dialog.connect_button, dialog.save_button, dialog.cancel_button),
    }
    reached = set()
    dialog.token.setFocus()
    for _ in range(20):
        reached.add(QApplication.focusWidget())
        press(Qt.Key.Key_Tab)
    assert wanted <= reached


def test_every_control_has_a_name_a_tooltip_and_a_key_of_its_own(qtbot: QtBot) -> None:
    asked = Asked(qtbot, NO_CREDENTIALS)
    dialog = asked.dialog
    buttons = [button for button in dialog.findChildren(QAbstractButton) if button.text()]
    for control in (*buttons, dialog.token, dialog.ca_file, dialog.headers.table):
        assert control.accessibleName(), control
        assert control.toolTip(), control
    labels = [label for label in dialog.findChildren(QLabel) if label.buddy() is not None]
    keys = [text[text.index("&") + 1].lower() for text in (each.text() for each in (*buttons, *labels))]
    assert len(keys) == len(set(keys)) == 12


@pytest.mark.parametrize(
    ("entered", "line", "culprit"),
    [
        (Credentials("with space"), "The token holds characters", "token"),
        (Credentials(headers=(("Host", "x"),)), "belongs to WebSocket itself", "headers"),
        (Credentials(headers=(("", SECRET),)), "name is empty", "headers"),
        (Credentials(headers=(("X-Key", ""),)), "X-Key has no value", "headers"),
        (Credentials(ca_file=Path("/nowhere.pem")), "CA file /nowhere.pem cannot be read", "ca_file"),
        (Credentials("token", (("Authorization", "Basic eDp5"),)), "two logins", "headers"),
    ],
)
def test_what_cannot_be_is_one_line_in_the_dialog_and_nothing_is_lost(
    qtbot: QtBot, entered: Credentials, line: str, culprit: str
) -> None:
    asked = Asked(qtbot, entered)
    asked.dialog.connect_button.click()
    assert line in asked.problem
    assert SECRET not in asked.problem
    assert asked.dialog.isVisible()
    assert asked.dialog.entered == entered
    assert asked.chosen == []
    focus = QApplication.focusWidget()
    part = getattr(asked.dialog, culprit)
    assert focus is part or part.isAncestorOf(focus)
    asked.dialog.token.clear()
    asked.dialog.ca_file.clear()
    asked.dialog.headers.set_headers(())
    asked.dialog.connect_button.click()
    assert asked.chosen == [NO_CREDENTIALS]


def test_cancelling_changes_nothing(qtbot: QtBot) -> None:
    asked = Asked(qtbot, NO_CREDENTIALS)
    asked.dialog.token.setText(SECRET)
    press(Qt.Key.Key_Escape)
    assert asked.chosen == []
    qtbot.waitUntil(lambda: not asked.window.findChildren(CredentialsDialog))


def test_secrets_are_dots_until_they_shall_be_shown(qtbot: QtBot) -> None:
    asked = Asked(qtbot, Credentials(SECRET, (("X-Key", SECRET),)))
    dialog, table = asked.dialog, asked.dialog.headers.table

    def editor() -> QLineEdit:
        table.setCurrentCell(0, 1)
        table.edit(table.currentIndex())
        return table.findChild(QLineEdit)  # type: ignore[return-value]

    delegate = table.itemDelegateForColumn(1)
    assert dialog.token.echoMode() is QLineEdit.EchoMode.Password
    assert SECRET not in delegate.displayText(SECRET, table.locale())  # type: ignore[attr-defined]
    assert editor().echoMode() is QLineEdit.EchoMode.Password
    assert SECRET not in str(table.item(0, 1).data(Qt.ItemDataRole.AccessibleTextRole))
    dialog.show_secrets.click()
    assert dialog.token.echoMode() is QLineEdit.EchoMode.Normal
    assert delegate.displayText(SECRET, table.locale()) == SECRET  # type: ignore[attr-defined]


def test_without_encryption_there_is_no_certificate_to_accept_and_it_says_so(qtbot: QtBot) -> None:
    asked = Asked(qtbot, Credentials(accepts_any_certificate=True), url="ws://127.0.0.1:8765/ws-audio")
    assert not asked.dialog.any_certificate.isEnabled()
    assert not asked.dialog.any_certificate.isChecked()
    assert "not encrypted" in asked.dialog.warning.text()


def test_accepting_any_certificate_comes_with_a_warning(qtbot: QtBot) -> None:
    asked = Asked(qtbot, NO_CREDENTIALS)
    assert "anybody on the way can listen in" in asked.dialog.warning.text()
    assert asked.dialog.warning.text().startswith("▲")


def test_the_ca_file_can_be_looked_for(qtbot: QtBot, ca_file: Path) -> None:
    asked = Asked(qtbot, NO_CREDENTIALS)
    asked.dialog.choose_file.click()
    [chooser] = asked.dialog.findChildren(QFileDialog)
    chooser.fileSelected.emit(str(ca_file))
    chooser.reject()
    asked.dialog.save_button.click()
    assert asked.chosen == [Credentials(ca_file=ca_file)]


def test_what_is_no_address_has_no_dialog(qtbot: QtBot) -> None:
    with pytest.raises(SettingError):
        CredentialsDialog("http://x/", NO_CREDENTIALS)


def test_header_rows_are_added_and_removed_and_empty_ones_do_not_count(qtbot: QtBot) -> None:
    table = HeaderTable()
    qtbot.addWidget(table)
    table.set_headers((("A", "1"), ("B", "2"), ("C", "3")))
    assert not table.remove.isEnabled()
    with qtbot.waitActive(table):
        table.show()
    table.table.setFocus()
    table.table.setCurrentCell(1, 0)
    table.remove.click()
    assert table.headers == (("A", "1"), ("C", "3"))
    table.table.setCurrentCell(0, 0)
    QTest.keyClick(table.table, Qt.Key.Key_Delete)
    table.add.click()
    assert table.headers == (("C", "3"),)


# The panel that asks for the dialog


def test_the_key_button_asks_for_the_credentials_of_the_typed_address(qtbot: QtBot) -> None:
    panel = ConnectPanel()
    qtbot.addWidget(panel)
    wanted: list[str] = []
    panel.credentials_wanted.connect(wanted.append)
    with qtbot.waitActive(panel):
        panel.show()
    panel.set_address(URL)
    panel.key_button.click()
    panel.address.setFocus()
    QTest.keyClick(panel.address, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(wanted) == 2)
    assert wanted == [URL, URL]
    assert panel.typed_url == URL, "elsewhere the key deletes to the end of the line"
    assert panel.key_button.accessibleName()
    assert "Ctrl+K" in panel.key_button.toolTip()
    assert panel.key_button.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_an_unchecked_certificate_is_warned_of_in_words_and_by_shape_as_long_as_it_lasts(qtbot: QtBot) -> None:
    panel = ConnectPanel()
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.insecure.isVisible()
    panel.show_insecure(True)
    assert panel.insecure.isVisible()
    assert panel.insecure.text() == "▲ Certificate not checked"
    assert "listen in" in panel.insecure.toolTip()
    panel.show_insecure(False)
    assert not panel.insecure.isVisible()
