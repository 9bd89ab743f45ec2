"""What a server is started with, and what its clients may ask for."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.audio.sources import KINDS
from core.opus.encoder import (
    FRAME_SIZES_MS,
    MAX_BITRATE,
    MIN_BITRATE,
    Application,
    EncoderSettings,
    EncoderSettingsError,
)
from core.server.access.settings import AccessSettings, LimitSettings, TlsSettings
from core.server.adaptation import AdaptationSettings
from core.server.operation.settings import PATHS as OPERATION_PATHS
from core.server.operation.settings import OperationSettings
from core.wire.control import Set

DEFAULT_PORT: Final = 8765
DEFAULT_PATH: Final = "/ws-audio"

MIN_QUEUE_MS: Final = 120
"""Two of the longest frames: with less, a 60 ms stream would drop packets on a perfect network."""

MIN_STUCK_S: Final = 0.5
"""Less would send away whoever changes from one access point to another."""

MAX_COMPLEXITY: Final = 10

MAX_LEAD_MS: Final = 2_000
"""What a client that knows no better holds is some hundred milliseconds; each encoder keeps so much of its past."""

SETTING_KEYS: Final = ("frame_ms", "bitrate", "complexity", "fec", "dtx", "application")
"""Of a URL query, and of `set`."""

PUSH: Final = "push"
RELAY: Final = "relay:"

_FORMAT: Final = ("sample_rate", "channels", "frame_ms")

_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]*")
_TAKEN: Final = ("/streams", "/ingest", *OPERATION_PATHS)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class QueryError(ValueError):
    """A URL query with a value that cannot be; the message is one line for the client."""


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """One stream: its name in addresses, where its sound comes from, how it is coded for who asks for nothing else.

    ``source`` is what `core.audio.sources.open_source` takes, several files or playlists, ``push`` (sound is sent to
    ``/ingest/NAME``) or ``relay:URL`` (another server's packets are passed on). A bare listener that joins gets the
    newest ``lead_ms`` at once. ``ingest_*`` say where the token is kept that a pusher has to bring, ``upstream_*``
    where the one that a relay brings, and which authority it trusts.

    Without an argument: a tone, coded as the strategy document says.
    """

    name: str = "main"
    source: str | tuple[str, ...] = "tone"
    loop: bool = False
    settings: EncoderSettings = field(default_factory=EncoderSettings, metadata={"flat": True})
    """Its keys stand beside the others in a configuration file."""
    lead_ms: float = 0.0
    ingest_token_file: Path | None = None
    ingest_token_env: str | None = None
    upstream_token_file: Path | None = None
    upstream_token_env: str | None = None
    upstream_ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: the message is one line that says what would be accepted.
        """
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"a stream cannot be called {self.name[:80]!r}; accepted: up to 64 letters, digits, '-', '_' and '.',"
                " the first of them a letter or a digit"
            )
        if not self.source:
            raise ValueError(f"stream {self.name!r} has no source; name {KINDS}")
        if not 0 <= self.lead_ms <= MAX_LEAD_MS:
            raise ValueError(f"a lead of {self.lead_ms:g} ms is not possible; accepted: 0 to {MAX_LEAD_MS} ms")
        if self.loop and (self.is_push or self.relayed_url is not None):
            raise ValueError("what is pushed or relayed cannot be looped; leave the loop out")
        if self.relayed_url is not None and (key := self._encoder_key()) is not None:
            raise ValueError(f"{key} means nothing for a relay, which passes packets on as they come; leave it out")
        self._refuse("ingest", self.is_push, 'source = "push"')
        self._refuse("upstream", self.relayed_url is not None, "a relay: source")

    def _encoder_key(self) -> str | None:
        """One that was given something else than its default; the format of the sound is told to who has to wait."""
        usual = EncoderSettings()
        names = [each.name for each in dataclasses.fields(usual) if each.name not in _FORMAT]
        return next((name for name in names if getattr(self.settings, name) != getattr(usual, name)), None)

    def _refuse(self, prefix: str, is_fine: bool, where: str) -> None:
        given = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if each.name.startswith(f"{prefix}_") and getattr(self, each.name) is not None
        }
        if given and not is_fine:
            raise ValueError(f"{next(iter(given))} means something with {where} only; leave it out")
        if {f"{prefix}_token_file", f"{prefix}_token_env"} <= given.keys():
            raise ValueError(f"{prefix}_token_file and {prefix}_token_env say the same thing; give one of them")

    @property
    def is_push(self) -> bool:
        """Whether its sound is sent to it."""
        return self.source == PUSH

    @property
    def relayed_url(self) -> str | None:
        """Whose packets it passes on; ``None`` for one with an encoder of its own."""
        is_relay = isinstance(self.source, str) and self.source.startswith(RELAY)
        return str(self.source).removeprefix(RELAY) if is_relay else None


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Everything a server can be told. Without an argument: the default stream, on loopback.

    ``path`` leads to the first stream, ``/streams/NAME`` to each. ``queue_ms`` is how much sound a listener's queue
    holds before the oldest is dropped; who takes nothing at all for ``stuck_s`` seconds is sent away; ``port`` 0 takes
    any free one.
    """

    streams: tuple[StreamConfig, ...] = (StreamConfig(),)
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    path: str = DEFAULT_PATH
    queue_ms: float = 500.0
    stuck_s: float = 5.0
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    tls: TlsSettings | None = None
    """``None``: unencrypted."""
    operation: OperationSettings = field(default_factory=OperationSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: the message is one line that says what would be accepted.
        """
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"port {self.port} is not possible; accepted: 0 (any free one) to 65535")
        if not self.queue_ms >= MIN_QUEUE_MS:
            raise ValueError(f"a queue of {self.queue_ms:g} ms is not possible; accepted: {MIN_QUEUE_MS} ms and more")
        if not self.stuck_s >= MIN_STUCK_S:
            raise ValueError(
                f"a stuck time of {self.stuck_s:.15g} s is not possible; accepted: {MIN_STUCK_S:g} s and more"
            )
        if not _PATH.fullmatch(self.path) or f"/{self.path.split('/')[1]}" in _TAKEN:
            raise ValueError(
                f"path {self.path[:80]!r} is not possible; accepted: '/' and what follows it of letters, digits and"
                f" -._~/, but not below {', '.join(_TAKEN)}, which are taken"
            )
        if not self.streams:
            raise ValueError("a server without a stream is not possible; name one")
        names = [stream.name for stream in self.streams]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two streams are called {twice!r}; give each a name of its own")

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach it."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True

    @property
    def has_strangers(self) -> bool:
        """Whether others than programs on this machine ask for something: directly, or through a proxy."""
        return self.is_public or bool(self.access.trusted_proxies)


def one_stream(
    source: str = "tone", *, loop: bool = False, settings: EncoderSettings | None = None, **server: Any
) -> ServerConfig:
    """A server with one stream; ``server`` are fields of `ServerConfig`.

    Raises:
        ValueError: as of `ServerConfig`.
    """
    stream = StreamConfig(source=source, loop=loop, settings=settings or EncoderSettings())
    return ServerConfig(streams=(stream,), **server)


def limits() -> dict[str, Any]:
    """What `set` and the URL query accept, as `hello` tells it."""
    return {
        "frame_ms": list(FRAME_SIZES_MS),
        "bitrate": {"min": MIN_BITRATE, "max": MAX_BITRATE},
        "complexity": {"min": 0, "max": MAX_COMPLEXITY},
        "fec": [False, True],
        "dtx": [False, True],
        "application": [application.label for application in Application],
    }


def changed(settings: EncoderSettings, wanted: Set) -> EncoderSettings:
    """``settings`` with the keys that ``wanted`` names.

    Raises:
        EncoderSettingsError: Opus can't do that.
    """
    named = {key: value for key, value in dataclasses.asdict(wanted).items() if value is not None}
    if wanted.application is not None:
        named["application"] = Application.named(wanted.application)
    return dataclasses.replace(settings, **named)


def settings_from_query(query: Mapping[str, str], settings: EncoderSettings) -> EncoderSettings:
    """``settings`` with what the URL asks for, for example ``?frame_ms=10&bitrate=32000&fec=1``.

    Unknown keys are left to others (a token, the framing).

    Raises:
        QueryError: a value that is no number, no switch, or that Opus can't do.
    """
    wanted = Set(
        frame_ms=_read(query, "frame_ms", float, "a number of milliseconds"),
        bitrate=_read(query, "bitrate", int, "a whole number of bit/s"),
        complexity=_read(query, "complexity", int, "a whole number"),
        fec=_read(query, "fec", _switch, "0 or 1"),
        dtx=_read(query, "dtx", _switch, "0 or 1"),
        application=query.get("application"),
    )
    try:
        return changed(settings, wanted)
    except EncoderSettingsError as error:
        raise QueryError(str(error)) from error


def wants_rtp(query: Mapping[str, str], offered: bool) -> bool:
    """Whether a client gets RTP: if it ``offered`` the subprotocol, or asks in the query, which has the last word.

    Raises:
        QueryError: a framing there isn't.
    """
    framing = query.get("framing")
    if framing is None:
        return offered
    if framing not in ("rtp", "bare"):
        raise QueryError(f"framing {framing[:40]!r} is not possible; accepted: bare, rtp")
    return framing == "rtp"


def _switch(text: str) -> bool:
    return {"0": False, "false": False, "1": True, "true": True}[text.lower()]


def _read(query: Mapping[str, str], key: str, kind: Any, expected: str) -> Any:
    text = query.get(key)
    if text is None:
        return None
    try:
        return kind(text)
    except (ValueError, KeyError) as error:
        raise QueryError(f"{key} {text[:40]!r} is not possible; expected {expected}") from error
