"""How connections begin and end, and the pings between."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

import numpy as np

from core.analysis.results import MAX_EVIDENCE, Closing, Ending, Evidence, RoundTrips, Startup

ROUND_TRIPS_KEPT: Final = 1_000
"""The newest; at one ping a second, a quarter of an hour."""

GOOD_CODES: Final = frozenset({1000, 1001, 1005})
"""RFC 6455 §7.4.1: normal closure, going away, and a close frame without a code."""

NO_FRAME: Final = frozenset({None, 1006})
"""RFC 6455 §7.4.1: 1006 stands for a connection that broke off."""


class DoorTally:
    """Follows the life of connections."""

    def __init__(self) -> None:
        """No attempt was made."""
        self._attempts = 0
        self._failures = 0
        self._last_failure: str | None = None
        self._attempt_ns: int | None = None
        self._connect_ms: float | None = None
        self._connected_ns: int | None = None
        self._first_connected_ns: int | None = None
        self._first_packet_ms: float | None = None
        self._subprotocol: str | None = None
        self._offered: tuple[str, ...] = ()
        self._open_ns = 0
        self.is_open = False
        self.bye: str | None = None
        self.has_ended = False
        self._endings: Counter[Ending] = Counter()
        self._newest: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._last: tuple[Ending, int | None, str] = Ending.OPEN, None, ""
        self._round_trips: deque[float] = deque(maxlen=ROUND_TRIPS_KEPT)
        self._round_trip_count = 0

    def connecting(self, at_ns: int) -> None:
        """An attempt begins."""
        self._attempts += 1
        self._attempt_ns = at_ns

    def connected(self, at_ns: int, subprotocol: str | None, offered: tuple[str, ...]) -> None:
        """It came about."""
        self.is_open, self.has_ended, self.bye = True, False, None
        self._connected_ns = at_ns
        self._last = Ending.OPEN, None, ""
        if self._first_connected_ns is None:
            self._first_connected_ns = at_ns
            self._subprotocol, self._offered = subprotocol, offered
            if self._attempt_ns is not None:
                self._connect_ms = (at_ns - self._attempt_ns) / 1e6

    def failed(self, reason: str) -> None:
        """It did not."""
        self._failures += 1
        self._last_failure = reason

    def packet(self, at_ns: int) -> None:
        """A packet came; the first counts."""
        if self._first_packet_ms is None and self._first_connected_ns is not None:
            self._first_packet_ms = (at_ns - self._first_connected_ns) / 1e6

    def round_trip(self, round_trip_ms: float) -> None:
        """A ping was answered."""
        self._round_trip_count += 1
        self._round_trips.append(round_trip_ms)

    def closed(self, at_ns: int, code: int | None, reason: str, by_observer: bool, at_s: float, packet: int) -> None:
        """The connection has ended; ``packet`` is the number of the one that would have come next."""
        if by_observer:
            ending = Ending.BY_OBSERVER
        elif code in GOOD_CODES or self.bye is not None or self.has_ended:
            ending = Ending.ANNOUNCED
        else:
            ending = Ending.ABRUPT if code in NO_FRAME else Ending.WITH_ERROR
        if self.is_open and self._connected_ns is not None:
            self._open_ns += max(0, at_ns - self._connected_ns)
        self.is_open = False
        self._endings[ending] += 1
        self._last = ending, code, reason
        if ending in (Ending.ABRUPT, Ending.WITH_ERROR):
            told = "no close frame" if code in NO_FRAME else f"code {code}"
            self._newest.append(Evidence(at_s, packet, note=f"{told}{': ' if reason else ''}{reason}"[:200]))

    def connected_s(self, now_ns: int) -> float:
        """For how long there was a connection in all."""
        since_ns = self._connected_ns if self.is_open else None
        return (self._open_ns + (0 if since_ns is None else max(0, now_ns - since_ns))) / 1e9

    def startup(self, first_sound_ns: int | None, without_sound: str | None) -> Startup:
        """How it began; ``without_sound`` says why nothing was listened to, if nothing was."""
        missing: dict[str, str] = {}
        never = "no connection came about"
        if self._connect_ms is None:
            missing["connect_ms"] = never if self._first_connected_ns is None else "the attempt was not observed"
        if self._first_packet_ms is None:
            unseen = self._first_connected_ns is None
            missing["first_packet_ms"] = "the connection was not observed" if unseen else "no packet came"
        first_sound_ms = None
        if first_sound_ns is not None and self._first_connected_ns is not None:
            first_sound_ms = (first_sound_ns - self._first_connected_ns) / 1e6
        else:
            missing["first_sound_ms"] = without_sound or "no sound came, or the connection was not observed"
        return Startup(
            attempts=self._attempts,
            failed_attempts=self._failures,
            last_failure=self._last_failure,
            connect_ms=self._connect_ms,
            first_packet_ms=self._first_packet_ms,
            first_sound_ms=first_sound_ms,
            subprotocol=self._subprotocol,
            offered=self._offered,
            not_measurable=missing,
        )

    def round_trips(self) -> RoundTrips | None:
        """Of the newest pings; ``None`` without any."""
        if not self._round_trips:
            return None
        p0, p50, p95, p100 = (float(value) for value in np.percentile(list(self._round_trips), (0, 50, 95, 100)))
        return RoundTrips(self._round_trip_count, p0, p50, p95, p100)

    def closing(self) -> Closing:
        """How it ended."""
        ending, code, reason = self._last
        return Closing(ending, code, reason, self.bye, dict(self._endings), tuple(self._newest))
