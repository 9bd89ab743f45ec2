"""The JSON text messages of `opus-rtp.v1`: hello, time, set, config, stats, state, bye.

Unknown types and unknown keys are ignored, so either side can grow. Known keys of the wrong type are
an error that names the key.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

SUBPROTOCOL: Final = "opus-rtp.v1"


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
                client_transmitted=read.required(int, "client_transmitted"),
                server_received=read.optional(int, "server_received"),
                server_transmitted=read.optional(int, "server_transmitted"),
            )
        case "set":
            return Set(
                frame_ms=read.number("frame_ms"),
                bitrate=read.optional(int, "bitrate"),
                complexity=read.optional(int, "complexity"),
                fec=read.optional(bool, "fec"),
                dtx=read.optional(bool, "dtx"),
            )
        case "config":
            return _config(read)
        case "state":
            value = read.required(str, "state")
            if value not in {state.value for state in StreamState}:
                raise ControlError(f"'state' of a state message is {value!r}; known: playing, idle, ended")
            return State(StreamState(value))
        case "bye":
            return Bye(reason=read.optional(str, "reason") or "", retry_after_ms=read.optional(int, "retry_after_ms"))
        case "stats":
            return Stats({key: float(value) for key, value in content.items() if _is_number(value)})
        case _:
            return None


def _hello(read: _Reader) -> Hello:
    return Hello(
        protocol=read.required(str, "protocol"),
        ssrc=read.required(int, "ssrc"),
        sample_rate=read.required(int, "sample_rate"),
        channels=read.required(int, "channels"),
        frame_ms=read.required_number("frame_ms"),
        application=read.optional(str, "application") or "audio",
        codec=read.optional(str, "codec") or "opus",
        bitrate=read.optional(int, "bitrate"),
        fec=bool(read.optional(bool, "fec")),
        dtx=bool(read.optional(bool, "dtx")),
        limits=read.optional(dict, "limits") or {},
    )


def _config(read: _Reader) -> Config:
    return Config(
        frame_ms=read.required_number("frame_ms"),
        bitrate=read.optional(int, "bitrate"),
        complexity=read.optional(int, "complexity"),
        fec=bool(read.optional(bool, "fec")),
        dtx=bool(read.optional(bool, "dtx")),
        application=read.optional(str, "application") or "audio",
        rtp_timestamp=read.optional(int, "rtp_timestamp"),
        refused=read.optional(str, "refused"),
    )


def _is_number(value: object) -> bool:
    """A JSON number that fits into a float; JSON's whole numbers know no limit."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) <= sys.float_info.max


class _Reader:
    """Typed access to the keys of one message."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def optional(self, kind: type[_T], key: str) -> _T | None:
        value = self._content.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ControlError(f"{key!r} of a {self._content['type']} message is {value!r}, expected {kind.__name__}")
        return value

    def required(self, kind: type[_T], key: str) -> _T:
        value = self.optional(kind, key)
        if value is None:
            raise ControlError(f"a {self._content['type']} message lacks {key!r}")
        return value

    def number(self, key: str) -> float | None:
        value = self._content.get(key)
        if value is None:
            return None
        if not _is_number(value):
            raise ControlError(f"{key!r} of a {self._content['type']} message is {value!r}, expected a number")
        return float(value)

    def required_number(self, key: str) -> float:
        value = self.number(key)
        if value is None:
            raise ControlError(f"a {self._content['type']} message lacks {key!r}")
        return value
