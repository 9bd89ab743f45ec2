"""Relays that lead back to themselves: found in the configuration where it tells, else on the way.

As HTTP's `Via` does (RFC 9110 §7.6.3), each relay adds an id of its own to what it asks upstream with, behind it the
ids of those who ask it. A relay that meets its own id would wait for packets that wait for it. Ids are drawn at random
and told upstream only, so that nobody can make a relay believe that it met itself.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from core.server.config import ServerConfig, StreamConfig

HEADER: Final = "Opuscope-Via"

MAX_IDS: Final = 128
"""In one header, which then has 1.8 kB: servers take 8. Of more relays the nearest are named."""

_ID: Final = re.compile(r"[0-9a-f]{12}")
_ANY_HOST: Final = ("0.0.0.0", "::", "")  # noqa: S104 - compared with


def new_id() -> str:
    """Of one relay, from its start to its end."""
    return secrets.token_hex(6)


def ids_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The relays through which a request came, the nearest first; what is no id is left out."""
    named = (each.strip() for each in headers.get(HEADER, "").split(","))
    return tuple(each for each in named if _ID.fullmatch(each))[:MAX_IDS]


def chain(own: str, behind: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """``own`` id, then those ``behind`` it, each as of `ids_in`: the nearest first, each once."""
    found = dict.fromkeys([own])
    for hop in zip_longest(*behind):
        found.update(dict.fromkeys(each for each in hop if each is not None))
    return tuple(found)[:MAX_IDS]


def check_no_loop(config: ServerConfig) -> None:
    """Refuse a stream that would be relayed to itself by this very server.

    Only where the configuration tells: other names of this machine, ports that are not known yet and other servers are
    found out when somebody listens.

    Raises:
        ValueError: the message is one line that names the way.
    """
    by_name = {stream.name: stream for stream in config.streams}
    for stream in config.streams:
        way = [stream.name]
        while (following := _relayed_here(by_name[way[-1]], config)) in by_name:
            way.append(str(following))
            if following == stream.name:
                raise ValueError(
                    f"stream {stream.name!r} would be relayed to itself ({' from '.join(way)});"
                    " name the address of another server or of another stream"
                )
            if len(way) > len(by_name):
                break  # a loop that others are in


def _relayed_here(stream: StreamConfig, config: ServerConfig) -> str | None:
    """Which of this server's streams another one passes on."""
    if stream.relayed_url is None or not config.port:
        return None
    try:
        parts = urlsplit(stream.relayed_url)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
    except ValueError:
        return None  # refused where it is used
    if port != config.port or not _is_same_host(parts.hostname or "", config.host):
        return None
    return config.streams[0].name if parts.path == config.path else parts.path.removeprefix("/streams/")


def _is_same_host(asked: str, own: str) -> bool:
    if own in _ANY_HOST:
        return _is_loopback(asked)
    return asked == own.lower() or ("localhost" in (asked, own) and _is_loopback(asked) and _is_loopback(own))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
