"""What can be said about access, limits and encryption. Names of files and variables only, never a secret."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

MAX_LEEWAY_S: Final = 300.0
"""RFC 7519 §4.1.4: "usually no more than a few minutes"."""

PROXY_HEADERS: Final = ("X-Forwarded-For", "Forwarded")
ANY_ORIGIN: Final = "*"

UNLIMITED: Final = "unlimited"

Limit = int | Literal["unlimited"] | None
"""At most so many; ``None``: nobody said, which is no limit either until `LimitSettings.on_public_host`."""


class AccessError(ValueError):
    """Access, limits or encryption that cannot be set up so; the message is one line and holds no secret."""


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Whose connections are accepted. Without an argument: everybody's but those of web pages.

    One of the four keys makes tokens (RFC 7519) necessary: a secret for HS256 in ``secret_file`` or in the environment
    variable ``secret_env``; a public key in the PEM ``public_key_file``, RS256 or ES256 by its own kind; or a
    ``jwks_file`` of such keys (RFC 7517 §5). ``audience`` and ``issuer`` are what a token's ``aud`` and ``iss`` have to
    be. ``leeway_s`` is by how much clocks may differ.
    """

    secret_file: Path | None = None
    secret_env: str | None = None
    public_key_file: Path | None = None
    jwks_file: Path | None = None
    audience: str | None = None
    issuer: str | None = None
    leeway_s: float = 5.0
    allowed_origins: tuple[str, ...] = ()
    """Of web pages, as ``https://example.org``; ``*`` for all. What is no browser sends none (RFC 6455 §10.2)."""
    requires_origin: bool = False
    """Refuse whoever says no origin, and with that every client but browsers."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks that are believed when they say for whom they ask."""
    proxy_header: str = PROXY_HEADERS[0]
    """The one in which they say it. Not both: a proxy that writes one passes on the other as the client sent it."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            AccessError: the message is one line that says what would be accepted.
        """
        given = [name for name in _KEYS if getattr(self, name)]
        if len(given) > 1:
            raise AccessError(f"{' and '.join(given)} are both given; tokens are checked with one of them")
        if not given and (self.audience or self.issuer):
            raise AccessError(
                f"an audience or issuer without a key to check tokens with; give one of {', '.join(_KEYS)}"
            )
        if not 0 <= self.leeway_s <= MAX_LEEWAY_S:
            raise AccessError(f"a leeway of {self.leeway_s:.15g} s is not possible; accepted: 0 to {MAX_LEEWAY_S:g} s")
        if self.requires_origin and not self.allowed_origins:
            raise AccessError("an origin is required, but none is allowed; name one")
        for origin in self.allowed_origins:
            _check_origin(origin)
        for proxy in self.trusted_proxies:
            _check_network(proxy)
        if self.proxy_header not in PROXY_HEADERS:
            raise AccessError(
                f"proxy header {self.proxy_header[:40]!r} is not known; accepted: {', '.join(PROXY_HEADERS)}"
            )

    @property
    def has_tokens(self) -> bool:
        """Whether a token is needed."""
        return any(getattr(self, name) for name in _KEYS)

    @property
    def has_key_file(self) -> bool:
        """Whether what tokens are checked with stands in a file, which may change; the environment does not."""
        return self.has_tokens and not self.secret_env


_KEYS: Final = ("secret_file", "secret_env", "public_key_file", "jwks_file")


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How much one client, and all together, may take.

    An IPv6 client's address counts by its first 64 bits: the rest it can choose as it likes (RFC 4291 §2.5.1). A
    subject is the ``sub`` of a token.
    """

    max_listeners: Limit = None
    max_listeners_per_address: Limit = None
    max_listeners_per_subject: Limit = None
    attempts_per_minute_per_address: Limit = None
    """To listen or to push, those that are refused included."""
    attempts_per_minute_per_subject: Limit = None
    messages_per_s: Limit = None
    """Of one listener, pings among them; more are ignored."""
    max_connections: Limit = None
    """Open ones, whatever is done with them; those of listeners among them."""
    max_connections_per_address: Limit = None
    """But for those of trusted proxies."""
    max_encoders: Limit = None
    """Different settings that are encoded at once, those of the streams included; frames shorter than 20 ms count for
    as many as there are in 20 ms."""
    flood_messages: int = 300
    """So many ignored ones within ten seconds, and the connection is closed."""
    header_timeout_s: float = 10.0
    """A connection without a complete request (and before it, without a TLS handshake) is cut after so long."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            AccessError: the message is one line that says what would be accepted.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            choices = (None, UNLIMITED) if each.default is None else ()
            if each.name == "header_timeout_s" or value in choices:
                continue
            if not isinstance(value, int) or value < 1:
                more = f' or "{UNLIMITED}"' if choices else ""
                raise AccessError(f"{each.name} {value} is not possible; accepted: 1 and more{more}")
        if not 0.1 <= self.header_timeout_s <= 3_600:
            raise AccessError(
                f"a header time-out of {self.header_timeout_s:.15g} s is not possible; accepted: 0.1 to 3600 s"
            )

    @property
    def needs_windows(self) -> bool:
        """Whether anything is counted over time."""
        counted = (self.attempts_per_minute_per_address, self.attempts_per_minute_per_subject, self.messages_per_s)
        return any(isinstance(limit, int) for limit in counted)

    def on_public_host(self) -> LimitSettings:
        """With those of `for_public` where nobody said anything."""
        usual = LimitSettings.for_public()
        known = replace(
            self, **{each.name: getattr(usual, each.name) for each in fields(self) if getattr(self, each.name) is None}
        )
        # Whoever makes room for listeners means it.
        return replace(
            known,
            max_connections=self.max_connections or _room_for(known.max_listeners, usual.max_connections),
            max_connections_per_address=self.max_connections_per_address
            or _room_for(known.max_listeners_per_address, usual.max_connections_per_address),
        )

    @classmethod
    def for_public(cls) -> LimitSettings:
        """What the command takes on an address that others can reach: out of the way of an office behind one address,
        and of a window in which somebody drags a control.
        """
        return cls(
            max_listeners=1_000,
            max_listeners_per_address=100,
            max_listeners_per_subject=100,
            attempts_per_minute_per_address=240,
            attempts_per_minute_per_subject=240,
            messages_per_s=50,
            max_connections=2_000,
            max_connections_per_address=200,
            max_encoders=32,
        )


def _room_for(listeners: Limit, usual: Limit) -> Limit:
    """Connections, where there may be so many listeners: twice as many, but not fewer than usual."""
    return max(2 * listeners, usual) if isinstance(listeners, int) and isinstance(usual, int) else listeners


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """A certificate, with those that lead to its authority behind it, and its key, unencrypted; both PEM."""

    certificate: Path
    key: Path

    def __post_init__(self) -> None:
        """Refuse what cannot work; whether the files do is found out when they are loaded.

        Raises:
            AccessError: one of the names is empty.
        """
        for name, path in (("certificate", self.certificate), ("key", self.key)):
            if not str(path) or path == Path():
                raise AccessError(f"TLS without a {name} is not possible; name a PEM file")


def _check_origin(origin: str) -> None:
    """RFC 6454 §6.2: scheme, host and, where it is not the scheme's own, port; ``null`` is one, too."""
    if origin in (ANY_ORIGIN, "null"):
        return
    try:
        parts = urlsplit(origin)
        is_origin = bool(parts.scheme and parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_origin = False
    if not is_origin or origin != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise AccessError(f"{origin[:80]!r} is not an origin; accepted: for instance https://example.org, or *")


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise AccessError(f"{text[:80]!r} is no address or network: {error}; accepted: e.g. 10.0.0.0/8") from error
