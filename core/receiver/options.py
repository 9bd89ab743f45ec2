"""What a user can ask of a listening session, and what is refused before anything changes."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from core.opus.encoder import FRAME_SIZES_MS
from core.playout.presets import DEFAULT_PRESET, PRESETS
from core.playout.settings import PlayoutSettings

DEFAULT_URL: Final = "ws://127.0.0.1:8765/ws-audio"
MAX_TARGET_DELAY_MS: Final = 5_000.0
"""Deep enough for servers behind any link; the buffer reserves memory for twice that."""

MAX_DEVICE_LATENCY_MS: Final = 2_000.0

DIALECT_CHOICES: Final = ("auto", "bare", "rtp")
NULL_OUTPUT: Final = "null"
DEFAULT_OUTPUT: Final = "default"


class SettingError(ValueError):
    """A setting that cannot be taken; the message says what would be accepted. What was in force stays."""


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """One session's wishes. ``output`` is ``"default"``, ``"null"`` or a device's name."""

    url: str
    dialect: str = "auto"
    token: str | None = None
    ca_file: Path | None = None
    frame_ms: float | None = None
    playout: PlayoutSettings = PRESETS[DEFAULT_PRESET].playout
    output: str = DEFAULT_OUTPUT
    device_latency_ms: float | None = None
    """Asked of the device; ``None`` means its own low latency."""
    is_output_required: bool = False
    """Fail where the output cannot be had, rather than go on without sound."""
    gives_up_early: bool = False
    """Fail where the very first connection does, rather than try again."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            SettingError: a bad URL, dialect, frame size, depth or latency.
        """
        check_url(self.url)
        if self.dialect not in DIALECT_CHOICES:
            raise SettingError(f"dialect {self.dialect!r} is not known; accepted: {', '.join(DIALECT_CHOICES)}")
        if self.token is not None and not _is_sendable(self.token):
            raise SettingError(
                "the token holds characters that cannot be sent; accepted: printable ASCII without spaces"
            )
        if self.frame_ms is not None:
            check_frame_ms(self.frame_ms)
        check_device_latency_ms(self.device_latency_ms)
        if self.ca_file is not None:
            check_ca_file(self.ca_file)


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


def _is_sendable(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token


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
