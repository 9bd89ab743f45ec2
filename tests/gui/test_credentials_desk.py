"""The dialog opens whatever the keyring does, and nothing in the keyring is lost by it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import keyring.errors
import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.credentials import NO_CREDENTIALS, Credentials, CredentialsKeeper
from gui.credentials_desk import CredentialsDesk
from gui.secrets_store import SERVICE, SecretsStore
from gui.settings import SettingsStore
from gui.widgets.credentials_dialog import CredentialsDialog
from tests.gui.test_credentials import HEADERS, KEPT, SECRET, SERVER, URL, FakeKeyring

TRUSTED = Credentials(SECRET, HEADERS, is_kept=True)


class Room:
    """A window with a desk. `restart` is the next start of the program."""

    def __init__(self, qtbot: QtBot, path: Path) -> None:
        self.backend = FakeKeyring()
        self._qtbot, self._path = qtbot, path
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.window.show()
        self.restart()

    def restart(self) -> None:
        self.store = SettingsStore(self._path, self.window)
        self.keeper = CredentialsKeeper(self.store, SecretsStore(self.backend), parent=self.window)
        self.desk = CredentialsDesk(self.keeper, self.window)
        self.problems: list[str] = []
        self.wanted: list[str] = []
        self.desk.problem.connect(self.problems.append)
        self.desk.connect_wanted.connect(self.wanted.append)

    def remember(self, credentials: Credentials) -> None:
        self.keeper.keep(URL, credentials)
        self.rest()
        self.store.save()
        self.restart()

    def rest(self) -> None:
        self._qtbot.waitUntil(lambda: self.keeper._jobs.is_empty)

    def ask(self) -> CredentialsDialog:
        self.desk.ask(URL)
        [dialog] = [each for each in self.window.findChildren(CredentialsDialog) if each.isVisible()]
        return dialog


@pytest.fixture
def room(qtbot: QtBot, settings_path: Path) -> Iterator[Room]:
    # Garbage of other tests must not be destroyed by the keyring's thread.
    gc.collect()
    gc.disable()
    room = Room(qtbot, settings_path)
    yield room
    room.backend.may_answer.set()
    room.rest()
    gc.enable()


def test_what_is_entered_is_kept_and_connected_with(room: Room) -> None:
    dialog = room.ask()
    dialog.token.setText(SECRET)
    dialog.connect_button.click()
    assert room.wanted == [URL]
    assert room.keeper.known(URL) == Credentials(SECRET)
    room.ask()


def test_saving_does_not_connect(room: Room) -> None:
    room.ask().save_button.click()
    assert room.wanted == []


def test_the_dialog_is_there_at_once_and_filled_in_when_the_keyring_answers(room: Room) -> None:
    room.remember(TRUSTED)
    room.backend.may_answer.clear()
    dialog = room.ask()
    assert dialog.token.text() == ""
    assert "keyring is being asked" in dialog.token.placeholderText()
    room.backend.may_answer.set()
    room.rest()
    assert dialog.entered == TRUSTED


def test_what_was_typed_meanwhile_stays(room: Room, qtbot: QtBot) -> None:
    room.remember(TRUSTED)
    room.backend.may_answer.clear()
    dialog = room.ask()
    qtbot.keyClicks(dialog.token, "typed")
    room.backend.may_answer.set()
    room.rest()
    assert dialog.entered == Credentials("typed", HEADERS, is_kept=True)


def test_where_the_keyring_refuses_the_token_can_be_typed(room: Room, qtbot: QtBot) -> None:
    room.remember(TRUSTED)
    room.backend.refuses = keyring.errors.KeyringLocked()
    dialog = room.ask()
    room.rest()
    assert "did not give the token" in dialog.problem.text()
    assert len(room.problems) == 1
    qtbot.keyClicks(dialog.token, "typed")
    dialog.keep.setChecked(False)
    room.backend.refuses = None
    dialog.connect_button.click()
    room.rest()
    assert room.keeper.known(URL) == Credentials("typed")
    assert room.wanted == [URL]


@pytest.mark.parametrize("is_locked", [True, False])
def test_an_empty_dialog_does_not_delete_what_the_keyring_has_not_shown(room: Room, is_locked: bool) -> None:
    room.remember(TRUSTED)
    entries = dict(room.backend.entries)
    room.backend.refuses = keyring.errors.KeyringLocked() if is_locked else None
    if not is_locked:
        room.backend.may_answer.clear()
    dialog = room.ask()
    dialog.any_certificate.setChecked(True)
    if is_locked:
        room.rest()
    dialog.save_button.click()
    room.backend.refuses = None
    room.backend.may_answer.set()
    room.rest()
    assert room.backend.entries == entries
    found: list[Credentials] = []
    room.keeper.fetch_for_connection(URL, found.append)
    room.rest()
    assert (found[0].token, found[0].accepts_any_certificate) == (SECRET, True)


def test_emptying_what_the_keyring_has_shown_deletes_it(room: Room) -> None:
    room.remember(Credentials(SECRET, is_kept=True))
    dialog = room.ask()
    room.rest()
    dialog.token.clear()
    dialog.save_button.click()
    room.rest()
    assert (SERVICE, SERVER) not in room.backend.entries
    assert room.keeper.known(URL) == NO_CREDENTIALS


def test_a_closed_dialog_does_not_mind_a_late_answer(room: Room) -> None:
    room.remember(KEPT)
    room.backend.may_answer.clear()
    room.ask().reject()
    assert not room.keeper.is_waiting
    room.backend.may_answer.set()
    room.rest()


def test_a_connection_that_waits_is_made_although_somebody_looks_at_the_credentials(room: Room) -> None:
    room.remember(TRUSTED)
    room.backend.may_answer.clear()
    found: list[Credentials] = []
    room.keeper.fetch_for_connection(URL, found.append)
    dialog = room.ask()
    assert room.keeper.is_waiting
    room.backend.may_answer.set()
    room.rest()
    assert dialog.entered == TRUSTED
    assert found == [TRUSTED]


def test_it_is_made_also_after_the_dialog_was_closed_again(room: Room) -> None:
    room.remember(TRUSTED)
    room.backend.may_answer.clear()
    found: list[Credentials] = []
    room.keeper.fetch_for_connection(URL, found.append)
    room.ask().reject()
    assert room.keeper.is_waiting
    room.backend.may_answer.set()
    room.rest()
    assert found == [TRUSTED]


def test_several_who_wait_make_one_question(room: Room) -> None:
    room.remember(TRUSTED)
    room.backend.may_answer.clear()
    before = room.backend.questions
    room.keeper.fetch_for_connection(URL, lambda _found: None)
    room.ask()
    room.backend.may_answer.set()
    room.rest()
    # The token and the headers are one entry each.
    assert room.backend.questions == before + 2


def test_what_is_no_address_is_told(room: Room) -> None:
    room.desk.ask("http://x/")
    assert "is not a WebSocket address" in room.problems[0]
