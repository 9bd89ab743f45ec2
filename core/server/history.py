"""The newest packets of one encoding, for bare listeners that come later and want to begin with some."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from core.opus.packet import SAMPLES_PER_MS
from core.server.packets import EncodedPacket


class History:
    """Packets that follow each other, as many as last for the lead at most."""

    def __init__(self, lead_ms: float) -> None:
        """``lead_ms`` of 0 keeps nothing."""
        self._limit = round(lead_ms * SAMPLES_PER_MS)
        self._packets: deque[EncodedPacket] = deque()
        self._samples = 0

    def add(self, packet: EncodedPacket) -> None:
        """Keep a packet, and forget those that are too old then."""
        self._packets.append(packet)
        self._samples += packet.duration
        while self._samples > self._limit:
            self._samples -= self._packets.popleft().duration

    def clear(self) -> None:
        """There was a pause: what was before it is no lead any more."""
        self._packets.clear()
        self._samples = 0

    def __iter__(self) -> Iterator[EncodedPacket]:
        """Oldest first."""
        return iter(tuple(self._packets))
