"""What is remembered of a server's credentials in plain settings: nothing that is secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from core.receiver.options import SettingError, check_headers, check_url

_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class KnownServer:
    """The secrets themselves are in the system's keyring, or nowhere."""

    ca_file: str = ""
    """Path of a PEM file; empty where the system's authorities are trusted."""
    header_names: tuple[str, ...] = ()
    is_in_keyring: bool = False
    """Whether the keyring holds the token and the values of the headers."""

    @property
    def is_worth_remembering(self) -> bool:
        """Whether there is anything to remember."""
        return bool(self.ca_file or self.header_names or self.is_in_keyring)


KnownServers = Mapping[str, KnownServer]
"""By `server_of`."""


def server_of(url: str) -> str:
    """``scheme://host:port`` of a stream's address: what a credential belongs to.

    Raises:
        SettingError: it is no address.
    """
    check_url(url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"


def write_known_servers(servers: KnownServers) -> dict[str, Any]:
    """As JSON can hold it."""
    return {
        name: {
            "ca_file": server.ca_file,
            "header_names": list(server.header_names),
            "is_in_keyring": server.is_in_keyring,
        }
        for name, server in servers.items()
    }


def read_known_servers(stored: Any) -> KnownServers:
    """The way back.

    Raises:
        ValueError: it makes no sense.
    """
    if not isinstance(stored, dict):
        raise ValueError(f"expected an object, found {stored!r}")
    return {name: _read_server(name, server) for name, server in stored.items()}


def _read_server(name: str, stored: Any) -> KnownServer:
    if server_of(name) != name:
        raise ValueError(f"expected a server such as wss://host:443, found {name!r}")
    if not isinstance(stored, dict):
        raise ValueError(f"expected an object, found {stored!r}")
    ca_file, header_names = stored.get("ca_file", ""), stored.get("header_names", [])
    is_in_keyring = stored.get("is_in_keyring", False)
    if not isinstance(ca_file, str) or not isinstance(is_in_keyring, bool):
        raise ValueError(f"expected a path and true or false, found {ca_file!r} and {is_in_keyring!r}")
    if not isinstance(header_names, list) or not all(isinstance(each, str) for each in header_names):
        raise ValueError(f"expected a list of names, found {header_names!r}")
    try:
        check_headers(tuple((each, "") for each in header_names))
    except SettingError as error:
        raise ValueError(f"{name}: {error}") from error
    return KnownServer(ca_file, tuple(header_names), is_in_keyring)
