"""The JSON text messages of `opus-rtp.v1`: hello, time, set, config, stats, state, bye.

Unknown types and unknown keys are ignored, so either side can grow. Known keys of the wrong type are
an error that names the key.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

SUBPROTOCOL: Final = "opus-rtp.v1"

MAX_NUMBER: Final = 2**63
"""No known number comes near; any of them can be multiplied, rounded and shown without overflow."""

MAX_RETRY_AFTER_MS: Final = 3_600_000
"""An hour: a server that says more (or less than nothing) still gets a client that comes back."""

MIN_PACKET_MS: Final = 2.5
MAX_PACKET_MS: Final = 120
"""RFC 6716 §2.1.4 and §3.2.5: the shortest and the longest Opus packet."""

MAX_TEXT_CHARACTERS: Final = 500
"""Of a text that is shown to people; the rest is cut off."""

_SETTINGS: Final = ("frame_ms", "bitrate", "complexity", "fec", "dtx", "application")
_UINT32: Final = 2**32 - 1


class ControlError(ValueError):
    """A message of a known type with a value that makes no sense; the message names it."""


class StreamState(Enum):
    """What the source does, so that silence is no stall."""

    PLAYING = "playing"
    IDLE = "idle"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Config:
    """Encoder settings in force from the packet with ``rtp_timestamp`` on (``None``: since ever)."""

    frame_ms: float
    bitrate: int | None
    complexity: int | None
    fec: bool
    dtx: bool
    application: str
    rtp_timestamp: int | None = None
    refused: str | None = None
    """Why the last `set` changed nothing, in one line; ``None`` if it was done."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The server's first message: what it streams and what `set` accepts."""

    protocol: str
    ssrc: int
    sample_rate: int
    channels: int
    frame_ms: float
    application: str
    codec: str = "opus"
    bitrate: int | None = None
    fec: bool = False
    dtx: bool = False
    limits: dict[str, Any] = field(default_factory=dict)
    """For each key of `set`: a list of the values accepted, or ``{"min": .., "max": ..}``."""


@dataclass(frozen=True, slots=True)
class Time:
    """One exchange of clocks, in microseconds; the server fills in the last two (RFC 5905 §8 without the fourth)."""

    client_transmitted: int
    server_received: int | None = None
    server_transmitted: int | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """What the client asks for; only the keys that it names change."""

    frame_ms: float | None = None
    bitrate: int | None = None
    complexity: int | None = None
    fec: bool | None = None
    dtx: bool | None = None
    application: str | None = None
    """``voip``, ``audio`` or ``lowdelay``."""


@dataclass(frozen=True, slots=True)
class State:
    """Playing, idle or ended."""

    state: StreamState


@dataclass(frozen=True, slots=True)
class Bye:
    """The server's last message; ``retry_after_ms`` of ``None`` means there is nothing to come back for."""

    reason: str
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of the other side, as they came: names as in the metrics, values numbers."""

    values: dict[str, float]


ControlMessage = Hello | Time | Set | Config | State | Bye | Stats


def pack_control(message: ControlMessage) -> str:
    """The JSON text of a message; keys that are ``None`` are left out."""
    if isinstance(message, Stats):
        content: dict[str, Any] = dict(message.values)
    elif isinstance(message, State):
        content = {"state": message.state.value}
    else:
        content = {key: value for key, value in asdict(message).items() if value is not None}
    return json.dumps({"type": type(message).__name__.lower(), **content}, separators=(",", ":"))


def parse_control(text: str) -> ControlMessage | None:
    """The message, or ``None`` if its type is not one of ours.

    Raises:
        ControlError: no JSON object with a ``type``, or a known key with an impossible value.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"a text message is not JSON: {text[:60]!r}") from error
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise ControlError(f"a text message is no JSON object with a 'type': {text[:60]!r}")
    read = _Reader(content)
    match content["type"]:
        case "hello":
            return _hello(read)
        case "time":
            return Time(
                client_transmitted=read.required_integer("client_transmitted"),
                server_received=read.integer("server_received"),
                server_transmitted=read.integer("server_transmitted"),
            )
        case "set":
            # What the encoder cannot do is refused with an answer, so only the impossible is an error here.
            return Set(
                frame_ms=read.number("frame_ms"),
                bitrate=read.integer("bitrate"),
                complexity=read.integer("complexity"),
                fec=read.optional(bool, "fec"),
                dtx=read.optional(bool, "dtx"),
                application=read.text("application"),
            )
        case "config":
            return _config(read)
        case "state":
            value = read.required(str, "state")
            if value not in {state.value for state in StreamState}:
                raise ControlError(f"'state' of a state message is {_shown(value)}; known: playing, idle, ended")
            return State(StreamState(value))
        case "bye":
            retry_after_ms = read.optional(int, "retry_after_ms")
            if retry_after_ms is not None:
                retry_after_ms = max(0, min(MAX_RETRY_AFTER_MS, retry_after_ms))
            return Bye(reason=read.text("reason") or "", retry_after_ms=retry_after_ms)
        case "stats":
            return Stats({key: float(value) for key, value in content.items() if _is_number(value)})
        case _:
            return None


def _hello(read: _Reader) -> Hello:
    return Hello(
        protocol=read.required(str, "protocol"),
        ssrc=read.required_integer("ssrc", 0, _UINT32),
        sample_rate=read.required_integer("sample_rate", 1, _UINT32),
        channels=read.required_integer("channels", 1, 255),
        frame_ms=read.required_number("frame_ms", MIN_PACKET_MS, MAX_PACKET_MS),
        application=read.text("application") or "audio",
        codec=read.text("codec") or "opus",
        bitrate=read.integer("bitrate", 0, _UINT32),
        fec=bool(read.optional(bool, "fec")),
        dtx=bool(read.optional(bool, "dtx")),
        limits=read.limits(),
    )


def _config(read: _Reader) -> Config:
    return Config(
        frame_ms=read.required_number("frame_ms", MIN_PACKET_MS, MAX_PACKET_MS),
        bitrate=read.integer("bitrate", 0, _UINT32),
        complexity=read.integer("complexity", 0, 255),
        fec=bool(read.optional(bool, "fec")),
        dtx=bool(read.optional(bool, "dtx")),
        application=read.text("application") or "audio",
        rtp_timestamp=read.integer("rtp_timestamp", 0, _UINT32),
        refused=read.text("refused"),
    )


def _is_number(value: object) -> bool:
    """A number that can be reckoned with: JSON's whole numbers know no limit, and Python reads NaN and Infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_NUMBER  # NaN is not


def _is_choice(key: str, value: object) -> bool:
    """A list of values, or a range like ``{"min": .., "max": ..}``; where values are names, a list of these."""
    if key == "application":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    values = list(value.values()) if isinstance(value, dict) else value
    return isinstance(values, list) and all(isinstance(item, bool) or _is_number(item) for item in values)


def _shown(value: object) -> str:
    """A peer's value for a message: short, whatever it is."""
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"  # its repr may be endless, and fail where it is nested deeply
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "…"


class _Reader:
    """Typed access to the keys of one message."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self._type = content["type"]

    def optional(self, kind: type[_T], key: str) -> _T | None:
        value = self._content.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ControlError(f"{key!r} of a {self._type} message is {_shown(value)}, expected {kind.__name__}")
        return value

    def required(self, kind: type[_T], key: str) -> _T:
        return self._present(self.optional(kind, key), key)

    def text(self, key: str) -> str | None:
        """A text for people, fit for a terminal: one line, of characters that can be printed."""
        value = self.optional(str, key)
        if value is None:
            return None
        return "".join(letter if letter.isprintable() else " " for letter in value[:MAX_TEXT_CHARACTERS])

    def integer(self, key: str, low: int = -MAX_NUMBER, high: int = MAX_NUMBER) -> int | None:
        value = self.optional(int, key)
        if value is not None and not low <= value <= high:
            raise ControlError(f"{key!r} of a {self._type} message is {_shown(value)}, expected {low} to {high}")
        return value

    def required_integer(self, key: str, low: int = -MAX_NUMBER, high: int = MAX_NUMBER) -> int:
        return self._present(self.integer(key, low, high), key)

    def number(self, key: str, low: float = -MAX_NUMBER, high: float = MAX_NUMBER) -> float | None:
        value = self._content.get(key)
        if value is None:
            return None
        if not _is_number(value):
            raise ControlError(f"{key!r} of a {self._type} message is {_shown(value)}, expected a number")
        if not low <= value <= high:
            raise ControlError(f"{key!r} of a {self._type} message is {_shown(value)}, expected {low} to {high}")
        return float(value)

    def required_number(self, key: str, low: float = -MAX_NUMBER, high: float = MAX_NUMBER) -> float:
        return self._present(self.number(key, low, high), key)

    def limits(self) -> dict[str, Any]:
        """What `hello` says about each key of `set`; other keys are ignored."""
        offered = self.optional(dict, "limits") or {}
        for key in _SETTINGS:
            choice = offered.get(key)
            if choice is not None and not _is_choice(key, choice):
                raise ControlError(f"{key!r} in 'limits' of a hello message is neither a list of values nor a range")
        return {key: offered[key] for key in _SETTINGS if offered.get(key) is not None}

    def _present(self, value: _T | None, key: str) -> _T:
        if value is None:
            raise ControlError(f"a {self._type} message lacks {key!r}")
        return value
