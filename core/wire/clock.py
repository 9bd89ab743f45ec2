"""Two clocks compared by messages that cross the network both ways (RFC 5905 §8)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

EXCHANGES_KEPT: Final = 16
"""The exchange with the shortest round trip is the truest, since queues only ever add; 16 at one a second let a drift
of 100 ppm move the offset by 1.6 ms before it is noticed."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and answer: ``offset_ns`` is server clock minus client clock, off by at most half the round trip."""

    offset_ns: int
    round_trip_us: int


class ClockSync:
    """Keeps the last exchanges of one connection."""

    def __init__(self) -> None:
        """No exchange yet."""
        self._exchanges: deque[Exchange] = deque(maxlen=EXCHANGES_KEPT)

    def add(
        self, client_transmitted_us: int, server_received_us: int, server_transmitted_us: int, client_received_us: int
    ) -> None:
        """Take in one exchange; one that claims to have taken less than no time is left out."""
        round_trip_us = (client_received_us - client_transmitted_us) - (server_transmitted_us - server_received_us)
        if round_trip_us < 0:
            return
        # Half the sum of both ways, in whole nanoseconds: a float has no room for Unix time in them.
        offset_ns = (server_received_us - client_transmitted_us + server_transmitted_us - client_received_us) * 500
        self._exchanges.append(Exchange(offset_ns, round_trip_us))

    @property
    def best(self) -> Exchange | None:
        """The exchange with the shortest round trip of those kept."""
        return min(self._exchanges, key=lambda exchange: exchange.round_trip_us, default=None)

    @property
    def round_trip_ms(self) -> float | None:
        """Round trip of the newest exchange."""
        return self._exchanges[-1].round_trip_us / 1000 if self._exchanges else None

    def to_client_ns(self, server_unix_ns: int) -> int | None:
        """A moment of the server's clock on this machine's monotonic clock; ``None`` before the first exchange."""
        best = self.best
        return None if best is None else server_unix_ns - best.offset_ns
