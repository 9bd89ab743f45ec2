"""Another server's packets on one timeline of our own, over all connections to it."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Final

from core.opus.media import MediaPacket
from core.opus.packet import SAMPLE_RATE_HZ, PacketInfo
from core.server.packets import EncodedPacket

MAX_CAPTURE_OFFSET_NS: Final = 3_600_000_000_000
"""A time of capture further from that of arrival is a mistake of upstream's clock, and not passed on."""


class Timeline:
    """Numbers and media times: within one connection as far apart as they came, from one to the next in sequence.

    So what upstream dropped is a gap here as well. How much was lost between two connections nobody can tell; there
    the media time leaves out as much as the pause lasted, and the numbers go on.
    """

    def __init__(self) -> None:
        """Nothing was placed yet."""
        self._number = secrets.randbits(16)
        """The next one, if nothing is missing before it."""
        self._end = 0
        self._end_captured_ns: int | None = None
        self._end_arrived_ns: int | None = None
        self._shifts: tuple[int, int] | None = None
        """What is added to upstream's numbers and to its media times; ``None`` before a sender's first packet."""

    def begin(self) -> None:
        """Another connection, or another sender: the next packet follows all that came before."""
        self._shifts = None

    def place(self, packet: MediaPacket, info: PacketInfo) -> EncodedPacket:
        """The packet as our listeners get it; ``info`` is what it says about itself."""
        captured_ns = packet.capture_time_ns
        if captured_ns is not None and abs(captured_ns - packet.arrival_ns) > MAX_CAPTURE_OFFSET_NS:
            packet = dataclasses.replace(packet, capture_time_ns=None)
        is_first = self._shifts is None
        if is_first:
            self._end += self._pause(packet, info)
            number = self._number if packet.sequence_number is None else packet.sequence_number
            media_time = self._end if packet.media_timestamp is None else packet.media_timestamp
            self._shifts = self._number - number, self._end - media_time
        number, media_time = self._number, self._end
        if self._shifts is not None and packet.sequence_number is not None:
            number = packet.sequence_number + self._shifts[0]
        if self._shifts is not None and packet.media_timestamp is not None:
            media_time = packet.media_timestamp + self._shifts[1]
        end = media_time + info.duration_samples
        if end >= self._end:
            self._number, self._end = number + 1, end
            self._end_arrived_ns = packet.arrival_ns
            captured_ns = packet.capture_time_ns
            self._end_captured_ns = None if captured_ns is None else captured_ns + _ns(info.duration_samples)
        return EncodedPacket(
            payload=packet.payload,
            number=number & 0xFFFF,
            media_time=media_time,
            duration=info.duration_samples,
            capture_time_ns=packet.capture_time_ns,
            begins_talk=packet.marker or is_first,
        )

    def _pause(self, packet: MediaPacket, info: PacketInfo) -> int:
        """Samples between the end of the last packet and the beginning of this one."""
        if self._end_arrived_ns is None:
            return 0
        pause_ns = packet.arrival_ns - _ns(info.duration_samples) - self._end_arrived_ns
        if packet.capture_time_ns is not None and self._end_captured_ns is not None:
            pause_ns = packet.capture_time_ns - self._end_captured_ns
        return max(0, pause_ns * SAMPLE_RATE_HZ // 1_000_000_000)


def _ns(samples: int) -> int:
    return samples * 1_000_000_000 // SAMPLE_RATE_HZ
