"""What happened on a connection, in order: the one thing that is analysed, recorded, captured, replayed and simulated.

It is the same whether it is seen live, read from a capture or made in virtual time, so whatever is said of a stream
rests on the same facts everywhere. All times are monotonic nanoseconds of the machine that saw it; those of one
transcript belong together, and nothing is said about where they begin.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.wire.dialect import WireEvent


@dataclass(frozen=True, slots=True)
class Connecting:
    """A connection is being opened."""

    at_ns: int
    url: str
    """Without secrets."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The server has agreed to speak WebSocket."""

    at_ns: int
    subprotocol: str | None
    offered: tuple[str, ...] = ()
    """The subprotocols that were asked for."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message, as its dialect reads it. A media packet has its own arrival time, which is the same."""

    at_ns: int
    event: WireEvent


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A ping was answered."""

    at_ns: int
    round_trip_ms: float


@dataclass(frozen=True, slots=True)
class ObserverStall:
    """The observing machine itself read nothing in this time: what seems late by it is nobody else's doing."""

    began_ns: int
    ended_ns: int

    @property
    def at_ns(self) -> int:
        """When it was over."""
        return self.ended_ns


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over."""

    at_ns: int
    code: int | None
    """Of the server's close frame (RFC 6455 §7.4); ``None``: it broke off without one."""
    reason: str = ""
    by_observer: bool = False
    """Whether it was the observer who ended it: then nothing is said about how the server ends."""


@dataclass(frozen=True, slots=True)
class NotConnected:
    """The attempt failed."""

    at_ns: int
    reason: str
    """One line for people."""


Observation = Connecting | Connected | Received | RoundTrip | ObserverStall | Closed | NotConnected
