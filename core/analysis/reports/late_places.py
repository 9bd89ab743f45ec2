"""Where packets came too late for one buffer: the evidence of the check that counts them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final

from core.analysis.results import MAX_EVIDENCE, Evidence
from core.opus.media import MediaPacket
from core.opus.packet import MalformedPacketError, parse_packet


class LatePlaces:
    """Takes packets in the order of arrival; those that are late one after the other are one place."""

    def __init__(self, depth_ms: float) -> None:
        """For a buffer of this size."""
        self._depth_ms: Final = depth_ms
        self._newest: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._number = 0
        self._is_late = False

    def packet(self, packet: MediaPacket, at_s: float, late_ms: float) -> None:
        """A packet came, so much later than the quickest of late."""
        try:
            parse_packet(packet.payload)
        except MalformedPacketError:
            return  # it has no number
        number, was_late = self._number, self._is_late
        self._number += 1
        self._is_late = late_ms > self._depth_ms
        if not self._is_late:
            return
        if was_late and self._newest:
            place = self._newest.pop()
            longest_ms = max(place.length_ms or 0.0, late_ms)
            self._newest.append(replace(place, packets=place.packets + 1, length_ms=longest_ms))
        else:
            self._newest.append(Evidence(at_s, number, packet.sequence_number, length_ms=late_ms, note="late"))

    def newest(self) -> tuple[Evidence, ...]:
        """The newest places; the length of each is by how much its latest packet was late."""
        return tuple(self._newest)
