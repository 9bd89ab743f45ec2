"""What a session needs of a connection: a WebSocket has it, and a capture that is replayed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from core.wire.control import ControlMessage
from core.wire.dialect import WireEvent

OnRoundTrip = Callable[[int, float], None]
"""Takes when a ping was answered, in monotonic nanoseconds, and the round trip in milliseconds."""


class DialectInUse(Protocol):
    """How the server frames its packets, as far as it is known."""

    @property
    def name(self) -> str:
        """``detecting`` while unknown."""

    @property
    def reason(self) -> str:
        """How it was found out."""

    @property
    def has_control(self) -> bool:
        """Whether the server can be asked for other settings."""


class AnyLink(Protocol):
    """An open connection."""

    lab_delay_ms: float
    """What the network lab adds to each way at least."""
    on_round_trip: OnRoundTrip | None

    @property
    def dialect(self) -> DialectInUse:
        """How the server frames its packets."""

    @property
    def subprotocol(self) -> str | None:
        """The one that the server agreed to."""

    @property
    def offered(self) -> tuple[str, ...]:
        """The subprotocols that were asked for."""

    @property
    def round_trip_ms(self) -> float | None:
        """``None`` before the first answer."""

    def messages(self) -> AsyncIterator[tuple[bytes | str, int]]:
        """Every message and when it came, in monotonic nanoseconds; raises what says how the connection ended."""

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """The events of the next message."""

    def as_read(self, message: bytes | str, read_ns: int) -> list[WireEvent]:
        """The events of the message that was read last, as it came: for those who observe the server, not the lab.

        It is asked once for each message, apart from `receive`, which may come later.
        """

    def break_off(self) -> None:
        """Close abruptly."""

    async def send(self, message: ControlMessage) -> None:
        """Send one control message."""

    async def keep_time(self) -> None:
        """Compare clocks with the server for as long as the connection is open."""

    async def keep_alive(self) -> None:
        """Ping for as long as the connection is open."""
