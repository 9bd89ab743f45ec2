"""How numbers and times of a packet are told in an RTP header, and how the header is read: the same for both ways."""

from __future__ import annotations

from typing import Final

from core.wire.rtcp import NTP_UNIX_OFFSET_S, ntp_from_unix_ns
from core.wire.rtp import Unwrapper

_NTP_ERA_NS: Final = 2**32 * 1_000_000_000


class PacketTimeline:
    """Extended numbers and timestamps from those of RTP headers; ``None`` where the stream told none."""

    def __init__(self) -> None:
        """Of a bare stream: neither is known."""
        self._number: Unwrapper | None = None
        self._timestamp: Unwrapper | None = None

    def begin(self, number: int | None, timestamp: int | None) -> None:
        """The packet at hand has exactly these; those after it follow from their headers."""
        self._number, self._timestamp = _unwrapper(16, number), _unwrapper(32, timestamp)

    def read(self, number: int, timestamp: int) -> tuple[int | None, int | None]:
        """The extended sequence number and media timestamp of the packet with these in its header."""
        return (
            None if self._number is None else self._number.unwrap(number),
            None if self._timestamp is None else self._timestamp.unwrap(timestamp),
        )


def capture_time_to_ntp(capture_time_ns: int | None, unix_minus_monotonic_ns: int) -> int | None:
    """As the abs-capture-time extension has it; ``None`` where it is not known, or outside of this NTP era."""
    if capture_time_ns is None:
        return None
    unix_ns = capture_time_ns + unix_minus_monotonic_ns
    if not 0 <= unix_ns + NTP_UNIX_OFFSET_S * 1_000_000_000 < _NTP_ERA_NS:
        return None
    return ntp_from_unix_ns(unix_ns)


def capture_time_from_ntp(ntp_time: int, unix_minus_monotonic_ns: int) -> int:
    """The inverse, to the nanosecond: a unit of NTP is shorter than one, and was rounded down."""
    unix_ns = -(-ntp_time * 1_000_000_000 >> 32) - NTP_UNIX_OFFSET_S * 1_000_000_000
    return unix_ns - unix_minus_monotonic_ns


def _unwrapper(bits: int, value: int | None) -> Unwrapper | None:
    if value is None:
        return None
    unwrapper = Unwrapper(bits)
    unwrapper.unwrap(value)
    return unwrapper
