"""What flows from an encoder, or from another server, to the listeners."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from core.server.frames import binary_frame


@dataclass(frozen=True)
class EncodedPacket:
    """One Opus packet and where it belongs."""

    payload: bytes
    number: int
    """Counted by its encoder; 16 bits of it are sent."""
    media_time: int
    """Position of the first sample on the stream's timeline, in samples at 48 kHz."""
    duration: int
    """In samples at 48 kHz."""
    capture_time_ns: int | None
    """Monotonic time at which the first sample was captured; ``None`` where a relayed server doesn't tell."""
    begins_talk: bool = False
    """The first of all, the first after a pause, or the first after packets that discontinuous transmission left
    empty."""

    @cached_property
    def frame(self) -> bytes:
        """The bare packet as a WebSocket frame, made once for all listeners."""
        return binary_frame(self.payload)


def bare_frame(packet: EncodedPacket) -> bytes:
    """As `EncodedPacket.frame`."""
    return packet.frame
