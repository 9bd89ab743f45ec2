"""The common denominator: each binary message is one Opus packet, and nothing else is said."""

from __future__ import annotations

from core.opus.media import MediaPacket
from core.wire.dialect import IgnoredText, WireEvent


class BareDialect:
    """Knows bytes and arrival times. Media time then comes from adding up packet durations."""

    name = "bare"
    has_control = False

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """A packet for a binary message; text is passed on as ignored."""
        if isinstance(message, str):
            return [IgnoredText(message)]
        return [MediaPacket(message, arrival_ns)]
