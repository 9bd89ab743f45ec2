"""While the system's keyring holds up a connection the window says so, and the connection can be given up."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from gui import settings
from gui.credentials import CredentialsKeeper
from gui.known_servers import KnownServer
from gui.secrets_store import SERVICE, SecretsStore
from gui.widgets.credentials_dialog import CredentialsDialog
from tests.gui.conftest import URL, Bench, eventually
from tests.gui.test_credentials import SECRET, FakeKeyring

SERVER = "ws://127.0.0.1:8765"


@pytest.fixture
def keyring(bench: Bench) -> Iterator[FakeKeyring]:
    """A locked keyring that holds the token of `URL`'s server."""
    # Garbage of other tests must not be destroyed by the keyring's thread.
    gc.collect()
    gc.disable()
    keyring = FakeKeyring()
    keyring.entries[SERVICE, SERVER] = SECRET
    keyring.may_answer.clear()
    bench.store.set(settings.KNOWN_SERVERS, {SERVER: KnownServer(is_in_keyring=True)})
    keeper(bench)._secrets = SecretsStore(keyring)
    yield keyring
    keyring.may_answer.set()
    gc.enable()


def keeper(bench: Bench) -> CredentialsKeeper:
    return bench.window.connecting._credentials.keeper


async def at_rest(bench: Bench) -> None:
    await eventually(lambda: keeper(bench)._jobs.is_empty)


async def want(bench: Bench) -> None:
    bench.window.connect_panel.set_address(URL)
    bench.window.connect_panel.button.click()
    await asyncio.sleep(0.02)


async def test_the_panel_says_what_is_waited_for(bench: Bench, keyring: FakeKeyring) -> None:
    await want(bench)
    panel = bench.window.connect_panel
    assert panel.word.text() == "Waiting"
    assert panel.detail.full_text == "Waiting for the system keyring to be unlocked"
    assert panel.try_now.isHidden()
    bench.window.compact.refresh()
    assert bench.window.compact.window.detail.full_text == panel.detail.full_text
    assert bench.sessions == []
    keyring.may_answer.set()
    await eventually(lambda: bool(bench.sessions))
    bench.window.show_facts()
    assert bench.session.options.token == SECRET
    assert "keyring" not in panel.detail.full_text


async def test_the_wait_can_be_given_up(bench: Bench, keyring: FakeKeyring) -> None:
    await want(bench)
    panel = bench.window.connect_panel
    assert bench.window.actions_.disconnect.isEnabled()
    assert panel.button.text().replace("&", "") == "Disconnect"
    panel.button.click()
    assert panel.word.text() == "Not connected"
    assert not bench.window.actions_.disconnect.isEnabled()
    keyring.may_answer.set()
    await at_rest(bench)
    assert bench.sessions == []


async def test_a_look_at_the_credentials_meanwhile_drops_nothing(
    bench: Bench, keyring: FakeKeyring, qapp: QApplication
) -> None:
    bench.window.show()
    await want(bench)
    bench.window.connect_panel.key_button.click()
    [dialog] = bench.window.findChildren(CredentialsDialog)
    dialog.reject()
    keyring.may_answer.set()
    await eventually(lambda: bool(bench.sessions))
    assert bench.session.options.token == SECRET
