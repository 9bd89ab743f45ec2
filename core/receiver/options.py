"""What a user can ask of a listening session, and what is refused before anything changes."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from core.opus.encoder import FRAME_SIZES_MS, MAX_BITRATE, MIN_BITRATE, Application
from core.playout.presets import DEFAULT_PRESET, PRESETS
from core.playout.settings import PlayoutSettings
from core.receiver.impairment.settings import NO_IMPAIRMENT, Impairment

if TYPE_CHECKING:
    from core.receiver.replay import Replay

DEFAULT_URL: Final = "ws://127.0.0.1:8765/ws-audio"
MAX_TARGET_DELAY_MS: Final = 5_000.0
"""Deep enough for servers behind any link; the buffer reserves memory for twice that."""

MAX_DEVICE_LATENCY_MS: Final = 2_000.0

DIALECT_CHOICES: Final = ("auto", "bare", "rtp")
NULL_OUTPUT: Final = "null"
DEFAULT_OUTPUT: Final = "default"


_TOKEN_OF_HTTP: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110 §5.6.2."""

_HEADERS_OF_WEBSOCKET: Final = frozenset({"host", "upgrade", "connection", "content-length", "transfer-encoding"})
"""Those of the handshake (RFC 6455 §4.1), and those that would announce a body to it."""

Headers = tuple[tuple[str, str], ...]
"""Names and values, in the order in which they are sent."""


class SettingError(ValueError):
    """A setting that cannot be taken; the message says what would be accepted. What was in force stays."""


@dataclass(frozen=True, slots=True)
class EncoderWish:
    """What is asked of the server's encoder beside the frame size; ``None`` leaves a thing to the server."""

    bitrate: int | None = None
    """Bit/s."""
    fec: bool | None = None
    dtx: bool | None = None
    application: Application | None = None

    def __post_init__(self) -> None:
        """Refuse what Opus cannot do.

        Raises:
            SettingError: a bit rate outside of Opus'.
        """
        if self.bitrate is not None and not MIN_BITRATE <= self.bitrate <= MAX_BITRATE:
            raise SettingError(
                f"a bit rate of {self.bitrate} bit/s is not possible; accepted: {MIN_BITRATE} to {MAX_BITRATE}"
            )


NO_ENCODER_WISH: Final = EncoderWish()


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """One session's wishes. ``output`` is ``"default"``, ``"null"`` or a device's name."""

    url: str
    dialect: str = "auto"
    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    headers: Headers = field(default=(), repr=False)
    """Sent beside WebSocket's own when connecting; their values may be secrets."""
    accepts_any_certificate: bool = False
    """Do not look at the server's certificate at all, nor at ``ca_file``: anybody on the way can listen in and send."""
    frame_ms: float | None = None
    encoder: EncoderWish = NO_ENCODER_WISH
    playout: PlayoutSettings = PRESETS[DEFAULT_PRESET].playout
    output: str = DEFAULT_OUTPUT
    device_latency_ms: float | None = None
    """Asked of the device; ``None`` means its own low latency."""
    is_output_required: bool = False
    """Fail where the output cannot be had, rather than go on without sound."""
    gives_up_early: bool = False
    """Fail where the very first connection does, rather than try again."""
    impairment: Impairment = NO_IMPAIRMENT
    """What the network lab does to what the server sends."""
    replay: Replay | None = None
    """Listen to a capture instead; ``url`` then only names it."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            SettingError: a bad URL, dialect, credential, frame size, depth or latency.
        """
        if self.replay is None:
            check_url(self.url)
        if self.dialect not in DIALECT_CHOICES:
            raise SettingError(f"dialect {self.dialect!r} is not known; accepted: {', '.join(DIALECT_CHOICES)}")
        if self.token is not None:
            check_token(self.token)
        check_headers(self.headers)
        self._check_one_login()
        if self.accepts_any_certificate and urlsplit(self.url).scheme != "wss":
            raise SettingError(
                "a ws:// connection has no certificate that could be accepted; accepting any one goes with wss:// only"
            )
        if self.frame_ms is not None:
            check_frame_ms(self.frame_ms)
        check_device_latency_ms(self.device_latency_ms)
        if self.ca_file is not None:
            check_ca_file(self.ca_file)

    def _check_one_login(self) -> None:
        """All three would be sent as Authorization, which may be there once (RFC 9110 §11.6.2)."""
        has_header = any(name.casefold() == "authorization" for name, _ in self.headers)
        if has_header and (self.token or urlsplit(self.url).username is not None):
            raise SettingError(
                "there are two logins: a header Authorization, and a token or a login in the address; give one of them"
            )


def check_url(url: str) -> None:
    """Raise `SettingError` unless ``url`` is a complete ws:// or wss:// address."""
    try:
        parts = urlsplit(url)
        port_fine = parts.port is None or parts.port > 0
    except ValueError as error:
        raise SettingError(f"{_shown(url)!r} is not an address: {error}; expected ws://host:port/path") from error
    if parts.scheme not in ("ws", "wss") or not parts.hostname or not port_fine:
        raise SettingError(f"{_shown(url)!r} is not a WebSocket address; expected ws://host:port/path")
    if parts.fragment or (parts.username is None) != (parts.password is None):
        raise SettingError(f"{_shown(url)!r} has a fragment or half a login; expected ws://host:port/path")
    try:
        parts.hostname.encode("idna")
    except UnicodeError as error:
        raise SettingError(f"{parts.hostname!r} is not a host name; check the address") from error


def check_token(token: str) -> None:
    """Raise `SettingError` unless it can be sent as a bearer token."""
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingError("the token holds characters that cannot be sent; accepted: printable ASCII without spaces")


def check_headers(headers: Headers) -> None:
    """Raise `SettingError` unless all can be sent beside WebSocket's own headers. It never repeats a value."""
    for name, value in headers:
        if not _TOKEN_OF_HTTP.fullmatch(name):
            # What stands there may be a secret in the wrong place.
            raise SettingError(
                "a header's name is empty or holds characters that cannot be sent;"
                " accepted: letters, digits and !#$%&'*+-.^_`|~"
            )
        if name.casefold() in _HEADERS_OF_WEBSOCKET or name.casefold().startswith("sec-websocket-"):
            raise SettingError(
                f"the header {name} belongs to WebSocket itself; accepted: any but Host, Upgrade, Connection,"
                " Content-Length, Transfer-Encoding and Sec-WebSocket-..."
            )
        if value != value.strip() or not value.isascii() or not value.replace("\t", " ").isprintable():
            raise SettingError(
                f"the value of the header {name} cannot be sent; accepted: one line of printable ASCII"
                " without spaces at its ends"
            )


def header_of(text: str) -> tuple[str, str]:
    """``Name: value`` in its two parts; what they hold is for `check_headers`.

    Raises:
        SettingError: there is no colon.
    """
    name, colon, value = text.partition(":")
    if not colon:
        raise SettingError("a header without a colon cannot be sent; accepted: 'Name: value'")
    return name.strip(), value.strip()


def _shown(url: str) -> str:
    """Without what may be secret."""
    return url.partition("?")[0].partition("#")[0].rpartition("@")[2]


def check_target_delay_ms(target_delay_ms: float) -> None:
    """Raise `SettingError` unless a depth is between 0 and `MAX_TARGET_DELAY_MS`."""
    if not 0 <= target_delay_ms <= MAX_TARGET_DELAY_MS:
        raise SettingError(
            f"a buffer depth of {target_delay_ms:g} ms is not possible; accepted: 0 to {MAX_TARGET_DELAY_MS:g} ms"
        )


def check_device_latency_ms(device_latency_ms: float | None) -> None:
    """Raise `SettingError` unless it is a latency that can be asked of a sound device, or ``None``."""
    if device_latency_ms is not None and not 0 < device_latency_ms <= MAX_DEVICE_LATENCY_MS:
        raise SettingError(
            f"device latency {device_latency_ms:g} ms is not possible; accepted: above 0 to {MAX_DEVICE_LATENCY_MS:g}"
        )


def check_ca_file(ca_file: Path) -> None:
    """Raise `SettingError` unless it holds certificates."""
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError as error:
        raise SettingError(f"the CA file {ca_file} holds no certificates; name a PEM file of certificates") from error
    except OSError as error:
        raise SettingError(f"the CA file {ca_file} cannot be read ({error.strerror}); name a PEM file") from error


def check_frame_ms(frame_ms: float) -> None:
    """Raise `SettingError` unless it is one of Opus' frame sizes."""
    if frame_ms not in FRAME_SIZES_MS:
        sizes = ", ".join(f"{size:g}" for size in FRAME_SIZES_MS)
        raise SettingError(f"a frame size of {frame_ms:g} ms is not possible; accepted: {sizes} ms")
