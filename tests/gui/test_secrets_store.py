"""The keyring is believed only where it keeps secrets, and settings hold none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest

from gui.known_servers import KnownServer, read_known_servers, server_of, write_known_servers
from gui.secrets_store import SERVICE, SecretError, SecretsStore
from tests.gui.test_credentials import SECRET, SERVER, FakeKeyring


@pytest.mark.parametrize(
    "stored", ["{", "5", "[5]", '[["a"]]', '[["X-Key", 5]]', '[["Host", "x"]]', '[["X", "a\\nb"]]']
)
def test_headers_that_cannot_be_are_refused_without_repeating_them(stored: str) -> None:
    backend = FakeKeyring()
    backend.entries[SERVICE, SERVER + " headers"] = stored
    with pytest.raises(SecretError, match="it holds is no token and no headers"):
        SecretsStore(backend).load(SERVER)


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        (keyring.backends.fail.Keyring, "there is none on this system"),
        (keyring.backends.null.Keyring, "it took it, but does not hold it"),
        (type("PlaintextKeyring", (FakeKeyring,), {}), "keeps secrets as plain text"),
    ],
    ids=["none", "null", "plain text"],
)
def test_a_system_keyring_that_keeps_nothing_secret_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, system: Callable[[], Any], reason: str
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", system)
    with pytest.raises(SecretError, match=reason):
        SecretsStore().save(SERVER, SECRET, ())


def test_the_real_keyring_of_this_machine_answers_or_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    try:
        token, headers = SecretsStore().load("wss://no-such-server.invalid:443")
    except SecretError as error:
        assert str(error)
    else:
        assert (token, headers) == (None, ())


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("ws://Host/x", "ws://host:80"),
        ("wss://host", "wss://host:443"),
        ("wss://u:p@host:8443/?token=t", "wss://host:8443"),
        ("ws://[::1]:8765/ws-audio", "ws://[::1]:8765"),
    ],
)
def test_a_server_is_scheme_host_and_port(url: str, server: str) -> None:
    assert server_of(url) == server
    assert server_of(server) == server


def test_known_servers_come_back_as_they_were() -> None:
    known = {SERVER: KnownServer("/a.pem", ("X-Key",), True), "ws://[::1]:1": KnownServer()}
    assert read_known_servers(write_known_servers(known)) == known


@pytest.mark.parametrize(
    "stored",
    [
        5,
        {"nonsense": {}},
        {"wss://a/b": {}},
        {SERVER: 5},
        {SERVER: {"ca_file": 5}},
        {SERVER: {"is_in_keyring": 1}},
        {SERVER: {"header_names": "X"}},
        {SERVER: {"header_names": ["a b"]}},
    ],
)
def test_known_servers_that_make_no_sense_are_refused(stored: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_known_servers(stored)
