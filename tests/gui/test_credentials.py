"""Credentials are kept in the keyring or in memory, are asked for without holding anything up, and are never shown."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest
from pytestqt.qtbot import QtBot

from core.receiver.options import ListenOptions, SettingError
from gui import settings
from gui.credentials import NO_CREDENTIALS, Credentials, CredentialsKeeper
from gui.known_servers import KnownServer
from gui.secrets_store import SERVICE, SecretsStore
from gui.settings import SettingsStore

URL = "wss://stream.example/live?x=1"
SERVER = "wss://stream.example:443"
SECRET = "geheim-4711"  # noqa: S105
HEADERS = (("X-Key", "value-4711"), ("X-Key", "another-4711"))


class FakeKeyring:
    """Holds secrets in a dictionary; refuses, or waits, where a test says so."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.refuses: Exception | None = None
        self.refuses_to_set: Exception | None = None
        self.threads: set[int] = set()
        self.questions = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def get_password(self, service: str, name: str, /) -> str | None:
        self.questions += 1
        self._enter()
        return self.entries.get((service, name))

    def set_password(self, service: str, name: str, secret: str, /) -> None:
        self._enter()
        if self.refuses_to_set is not None:
            raise self.refuses_to_set
        self.entries[service, name] = secret

    def delete_password(self, service: str, name: str, /) -> None:
        self._enter()
        try:
            del self.entries[service, name]
        except KeyError:
            raise keyring.errors.PasswordDeleteError("No such password!") from None

    def _enter(self) -> None:
        self.threads.add(threading.get_ident())
        self.may_answer.wait(10)
        if self.refuses is not None:
            raise self.refuses


class Desk:
    """A keeper with its settings and its keyring; a new one is a new start of the program."""

    def __init__(self, path: Path, backend: FakeKeyring) -> None:
        self.backend = backend
        self.store = SettingsStore(path)
        self.keeper = CredentialsKeeper(self.store, SecretsStore(backend))
        self.problems: list[str] = []
        self.waits: list[bool] = []
        self.found: list[Credentials] = []
        self.keeper.problem.connect(self.problems.append)
        self.keeper.waiting_changed.connect(self.waits.append)

    def fetch(self, url: str = URL) -> None:
        self.keeper.fetch_for_connection(url, self.found.append)

    @property
    def known_server(self) -> KnownServer | None:
        return self.store.get(settings.KNOWN_SERVERS).get(SERVER)

    def is_at_rest(self) -> bool:
        return self.keeper._jobs.is_empty


@pytest.fixture
def backend() -> Iterator[FakeKeyring]:
    # Windows of other tests that are garbage by now must not be destroyed by the keyring's thread: Qt would crash.
    gc.collect()
    gc.disable()
    backend = FakeKeyring()
    yield backend
    backend.may_answer.set()
    gc.enable()


@pytest.fixture
def start(qtbot: QtBot, settings_path: Path, backend: FakeKeyring) -> Callable[[], Desk]:
    """Start the program, once more where it ran before."""
    desks: list[Desk] = []

    def begin() -> Desk:
        if desks:
            qtbot.waitUntil(desks[-1].is_at_rest)
            desks[-1].store.save()
        desks.append(Desk(settings_path, backend))
        return desks[-1]

    return begin


Start = Callable[[], Desk]
KEPT = Credentials(SECRET, HEADERS, Path("/etc/ca.pem"), is_kept=True)


def test_what_is_kept_comes_back_at_the_next_start(qtbot: QtBot, start: Start) -> None:
    start().keeper.keep(URL, KEPT)
    desk = start()
    assert desk.keeper.known(URL) is None, "the keyring has to be asked"
    desk.fetch()
    qtbot.waitUntil(lambda: bool(desk.found))
    assert desk.found == [KEPT]
    assert desk.waits == [True, False]
    desk.fetch("wss://STREAM.example:443/other")
    assert desk.found[1] == KEPT, "known by now, so at once"


def test_no_secret_reaches_the_settings(qtbot: QtBot, start: Start, settings_path: Path) -> None:
    start().keeper.keep(URL, KEPT)
    start()
    text = settings_path.read_text()
    assert "4711" not in text
    assert "X-Key" in text
    assert "/etc/ca.pem" in text


def test_the_keyring_is_never_called_in_the_window_s_thread(qtbot: QtBot, start: Start, backend: FakeKeyring) -> None:
    backend.may_answer.clear()
    desk = start()
    desk.keeper.keep(URL, KEPT)
    desk.fetch()
    assert desk.found == [KEPT], "what was typed is used without waiting for the keyring"
    backend.may_answer.set()
    qtbot.waitUntil(desk.is_at_rest)
    assert threading.get_ident() not in backend.threads
    assert backend.entries[SERVICE, SERVER] == SECRET


def test_what_shall_not_be_kept_is_gone_at_the_next_start(start: Start, backend: FakeKeyring) -> None:
    desk = start()
    desk.keeper.keep(URL, Credentials(SECRET, HEADERS))
    desk.fetch()
    assert desk.found == [Credentials(SECRET, HEADERS)]
    again = start()
    assert backend.threads == set(), "nobody is asked for a password where there is nothing to keep"
    assert again.keeper.known(URL) == NO_CREDENTIALS
    assert again.keeper.header_names(URL) == ("X-Key", "X-Key")


def test_unchecking_keep_deletes_what_was_kept(qtbot: QtBot, start: Start, backend: FakeKeyring) -> None:
    desk = start()
    desk.keeper.keep(URL, KEPT)
    desk.keeper.keep(URL, Credentials(SECRET))
    qtbot.waitUntil(desk.is_at_rest)
    assert backend.entries == {}
    assert desk.problems == []


def test_a_token_alone_leaves_no_old_headers_in_the_keyring(qtbot: QtBot, start: Start, backend: FakeKeyring) -> None:
    desk = start()
    desk.keeper.keep(URL, KEPT)
    desk.keeper.keep(URL, Credentials("other", is_kept=True))
    qtbot.waitUntil(desk.is_at_rest)
    assert backend.entries == {(SERVICE, SERVER): "other"}


def test_any_certificate_is_accepted_for_one_connection_and_never_remembered(start: Start) -> None:
    desk = start()
    desk.keeper.keep(URL, Credentials(SECRET, accepts_any_certificate=True))
    desk.fetch()
    desk.fetch()
    assert [found.accepts_any_certificate for found in desk.found] == [True, False]
    desk.keeper.keep(URL, Credentials(SECRET, accepts_any_certificate=True))
    assert start().keeper.known(URL) == NO_CREDENTIALS


def test_another_server_gets_nothing_of_it(start: Start) -> None:
    desk = start()
    desk.keeper.keep(URL, Credentials(SECRET, accepts_any_certificate=True))
    for other in ("wss://stream.example:444/", "ws://stream.example:443/", "wss://example/"):
        desk.fetch(other)
    desk.fetch()
    assert desk.found == [NO_CREDENTIALS] * 3 + [Credentials(SECRET)]


REFUSALS = [
    (
        keyring.errors.NoKeyringError("No recommended backend was available. Install ..."),
        "there is none on this system",
    ),
    (keyring.errors.KeyringLocked("Failed to unlock the collection!"), "it is locked"),
    (keyring.errors.PasswordSetError("quota\nexceeded"), "quota exceeded"),
    (OSError(), "OSError"),
    (ValueError(f"cannot store {SECRET}"), "ValueError"),
]


@pytest.mark.parametrize(("refusal", "reason"), REFUSALS, ids=lambda value: type(value).__name__)
def test_where_the_keyring_refuses_one_line_says_so_and_the_token_works_until_the_window_closes(
    qtbot: QtBot, start: Start, backend: FakeKeyring, refusal: Exception, reason: str
) -> None:
    backend.refuses = refusal
    desk = start()
    desk.keeper.keep(URL, KEPT)
    qtbot.waitUntil(lambda: bool(desk.problems))
    assert desk.problems == [f"the system keyring refused the token ({reason}); it is used until this window closes"]
    desk.fetch()
    assert (desk.found[0].token, desk.found[0].is_kept) == (SECRET, False)
    assert desk.known_server == KnownServer("/etc/ca.pem", ("X-Key", "X-Key"), is_in_keyring=False)


def test_where_only_half_is_taken_none_stays(qtbot: QtBot, start: Start, backend: FakeKeyring) -> None:
    backend.entries[SERVICE, SERVER] = "old"
    backend.refuses_to_set = keyring.errors.PasswordSetError("too long")
    desk = start()
    desk.keeper.keep(URL, KEPT)
    qtbot.waitUntil(lambda: bool(desk.problems))
    assert backend.entries == {}


@pytest.mark.parametrize(("refusal", "reason"), REFUSALS[:2], ids=lambda value: type(value).__name__)
def test_a_locked_keyring_at_connecting_is_told_and_typing_the_token_helps(
    qtbot: QtBot, start: Start, backend: FakeKeyring, refusal: Exception, reason: str
) -> None:
    start().keeper.keep(URL, KEPT)
    desk = start()
    backend.refuses = refusal
    desk.fetch()
    qtbot.waitUntil(lambda: bool(desk.problems))
    assert desk.problems == [f"the system keyring did not give the token for {SERVER} ({reason}); enter it with Ctrl+K"]
    assert (desk.found, desk.waits) == ([], [True, False])
    desk.keeper.keep(URL, Credentials("typed"))
    desk.fetch()
    assert desk.found[0].token == "typed"  # noqa: S105


def test_a_token_typed_while_the_keyring_asks_is_not_overwritten_by_its_answer(
    qtbot: QtBot, start: Start, backend: FakeKeyring
) -> None:
    start().keeper.keep(URL, KEPT)
    desk = start()
    backend.may_answer.clear()
    desk.fetch()
    desk.keeper.keep(URL, Credentials("typed"))
    desk.fetch()
    assert [found.token for found in desk.found] == ["typed"]
    backend.may_answer.set()
    qtbot.waitUntil(desk.is_at_rest)
    assert [found.token for found in desk.found] == ["typed"], "connected once"
    assert backend.entries == {}


def test_a_connection_given_up_meanwhile_does_not_come_back(qtbot: QtBot, start: Start, backend: FakeKeyring) -> None:
    start().keeper.keep(URL, KEPT)
    desk = start()
    backend.may_answer.clear()
    desk.fetch()
    assert desk.keeper.is_waiting
    desk.keeper.cancel()
    backend.may_answer.set()
    qtbot.waitUntil(desk.is_at_rest)
    assert desk.found == []


def test_a_token_deleted_in_the_keyring_is_told_and_the_connection_tried_without(
    qtbot: QtBot, start: Start, backend: FakeKeyring
) -> None:
    start().keeper.keep(URL, Credentials(SECRET, is_kept=True))
    desk = start()
    backend.entries.clear()
    desk.fetch()
    qtbot.waitUntil(lambda: bool(desk.problems))
    assert desk.found == [NO_CREDENTIALS]
    assert desk.problems == [f"the system keyring no longer holds a token for {SERVER}; enter it with Ctrl+K"]
    assert start().keeper.known(URL) == NO_CREDENTIALS


def test_a_keyring_that_does_not_delete_is_told(qtbot: QtBot, start: Start, backend: FakeKeyring) -> None:
    desk = start()
    desk.keeper.keep(URL, KEPT)
    qtbot.waitUntil(desk.is_at_rest)
    backend.refuses = keyring.errors.KeyringLocked()
    desk.keeper.keep(URL, NO_CREDENTIALS)
    qtbot.waitUntil(lambda: bool(desk.problems))
    assert desk.problems == [
        f"the system keyring did not delete what it holds for {SERVER} (it is locked); delete it there"
    ]


def test_printing_credentials_shows_no_secret() -> None:
    assert "4711" not in repr(KEPT)


def test_what_the_command_line_says_wins() -> None:
    given = ListenOptions(URL, token="other")  # noqa: S106
    applied = Credentials(SECRET, HEADERS).applied_to(given)
    assert (applied.token, applied.headers) == ("other", HEADERS)


def test_what_is_no_address_has_no_server(start: Start) -> None:
    with pytest.raises(SettingError):
        start().fetch("http://x/")
