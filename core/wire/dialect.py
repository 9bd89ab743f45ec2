"""What a dialect is: it turns the messages of one connection into events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.opus.media import MediaPacket
from core.wire.control import Bye, Config, Hello, State, Stats


@dataclass(frozen=True, slots=True)
class NewStream:
    """Another source begins on the same connection: decoder and timeline start anew."""


@dataclass(frozen=True, slots=True)
class IgnoredText:
    """A text message that this dialect has no use for."""

    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that breaks the dialect's rules; one line says how."""

    problem: str


WireEvent = MediaPacket | NewStream | Hello | Config | State | Bye | Stats | IgnoredText | Unreadable


class Dialect(Protocol):
    """Reads one connection. Neither sends nor looks at a clock: arrival times are passed in."""

    @property
    def name(self) -> str:
        """The name that `--dialect` takes."""

    @property
    def has_control(self) -> bool:
        """Whether the server can be asked for other settings with text messages."""

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """Events in one message that was read at a monotonic time."""
