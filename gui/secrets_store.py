"""Secrets in the system's keyring. Every call may block for as long as somebody is asked for a password."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final, Protocol

from core.receiver.options import Headers, check_headers, check_token
from gui.translation import translate

SERVICE: Final = "opuscope"
"""Under which name the keyring lists our entries; the user name is the server's."""

_HEADERS: Final = " headers"
"""Behind the server's name: that entry holds the headers' values."""


class SecretError(RuntimeError):
    """The keyring did not do as asked; the message is the reason alone, and holds no secret."""


class Backend(Protocol):
    """What is used of `keyring`, or of a stand-in."""

    def get_password(self, service: str, name: str, /) -> str | None: ...
    def set_password(self, service: str, name: str, secret: str, /) -> None: ...
    def delete_password(self, service: str, name: str, /) -> None: ...


def system_keyring() -> Backend:
    """The keyring of this desktop.

    Raises:
        SecretError: there is none that keeps a secret.
    """
    # Imported late: it looks for every kind of keyring there is, which takes a tenth of a second.
    try:
        import keyring
    except ImportError as error:
        raise SecretError(translate("Keyring", "the Python package keyring is not installed")) from error
    backend = keyring.get_keyring()
    if "plaintext" in type(backend).__name__.casefold():
        raise SecretError(translate("Keyring", "the one that is set up here keeps secrets as plain text"))
    return backend


class SecretsStore:
    """Token and headers, by server. No Qt and no event loop: it is called from a thread of its own."""

    def __init__(self, backend: Backend | None = None) -> None:
        """Use ``backend``, or the system's keyring if ``None``."""
        self._given = backend

    def load(self, server: str) -> tuple[str | None, Headers]:
        """The token, ``None`` without one, and the headers.

        Raises:
            SecretError: the keyring refused, or holds something that cannot be sent.
        """
        try:
            backend = self._backend()
            token = backend.get_password(SERVICE, server)
            stored = backend.get_password(SERVICE, server + _HEADERS)
        except Exception as error:  # noqa: BLE001 - backends of many makers raise whatever they like
            raise SecretError(_reason(error)) from None
        try:
            headers = _read_headers(stored)
            if token is not None:
                check_token(token)
        except (ValueError, TypeError, RecursionError):
            # Not the error's words: they may hold what was read.
            raise SecretError(translate("Keyring", "what it holds is no token and no headers")) from None
        return token, headers

    def save(self, server: str, token: str | None, headers: Headers) -> None:
        """Put both in, or take out what is not there any more. Where one is refused, none stays.

        Raises:
            SecretError: the keyring refused.
        """
        secrets = (token or "", *(value for _, value in headers))
        try:
            backend = self._backend()
            try:
                _put(backend, server, token)
                _put(backend, server + _HEADERS, json.dumps(headers) if headers else None)
            except Exception:
                self._take_out_quietly(backend, server)
                raise
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretError(_reason(error, secrets)) from None

    def delete(self, server: str) -> None:
        """Take both out; that there is nothing is fine.

        Raises:
            SecretError: the keyring refused.
        """
        self.save(server, None, ())

    def _backend(self) -> Backend:
        return self._given if self._given is not None else system_keyring()

    def _take_out_quietly(self, backend: Backend, server: str) -> None:
        for name in (server, server + _HEADERS):
            with suppress(Exception):  # the first refusal is the one that is told
                _put(backend, name, None)


def _put(backend: Backend, name: str, secret: str | None) -> None:
    if secret is None:
        # Deleting what is not there is an error, and each backend has its own way to say so.
        if backend.get_password(SERVICE, name) is not None:
            backend.delete_password(SERVICE, name)
        return
    backend.set_password(SERVICE, name, secret)
    # Keyring's null backend takes everything and keeps nothing.
    if backend.get_password(SERVICE, name) != secret:
        raise SecretError(translate("Keyring", "it took it, but does not hold it"))


def _read_headers(stored: str | None) -> Headers:
    if stored is None:
        return ()
    pairs = json.loads(stored)
    if not isinstance(pairs, list):
        raise ValueError("no list")
    headers = tuple((name, value) for name, value in pairs)
    if not all(isinstance(part, str) for pair in headers for part in pair):
        raise ValueError("no texts")
    check_headers(headers)
    return headers


def _reason(error: Exception, secrets: tuple[str, ...] = ()) -> str:
    """Why, in a few words."""
    kind = type(error).__name__
    if kind == "NoKeyringError":
        return "there is none on this system"
    if kind == "KeyringLocked":
        return "it is locked"
    text = " ".join(str(error).split())
    if not text or any(secret and secret in text for secret in secrets):
        return kind
    return text if len(text) <= 160 else text[:159] + "…"
