"""`MediaPacket`: what every dialect of the wire makes, and the jitter buffer takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaPacket:
    """One Opus packet, when it arrived, and what the dialect knew about it; ``None`` is "not known"."""

    payload: bytes
    arrival_ns: int
    """Monotonic time at which the message was read."""
    sequence_number: int | None = None
    """Extended (never wrapping) sequence number, given before the server's queue: a gap is a server-side drop."""
    media_timestamp: int | None = None
    """Extended media time in 48 kHz samples."""
    capture_time_ns: int | None = None
    """When the first sample was captured, already on this machine's monotonic clock."""
    marker: bool = False
    """The first packet after silence (RTP marker, RFC 7587 §4.2)."""
