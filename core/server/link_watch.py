"""Once a second: what one connection carried, what the client is told of it, and what its bit rate is to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.opus.encoder import EncoderSettings
from core.server.adaptation import AdaptationSettings, BitrateAdaptation, Decision, Observation
from core.server.outbox import Outbox
from core.wire.control import Stats

BARE_HEADER_BYTES: Final = 2
RTP_HEADER_BYTES: Final = 32
"""WebSocket's header (RFC 6455 §5.2), of RTP packets also RTP's and the capture time; TCP and IP are left out, since
what waits here is counted without them."""


@dataclass(frozen=True, slots=True)
class _Totals:
    at_ns: int
    bytes_sent: int = 0
    bytes_delivered: int = 0
    packets_dropped: int = 0
    starved_ms: float = 0.0


class LinkWatch:
    """Looks at one outbox."""

    def __init__(
        self, outbox: Outbox, now_ns: int, settings: AdaptationSettings, wanted: EncoderSettings, *, is_rtp: bool
    ) -> None:
        """``wanted`` is what the listener is to have where its link allows it."""
        self._outbox = outbox
        self._totals = _Totals(now_ns)
        self._starved_ms = 0.0
        header_bytes = RTP_HEADER_BYTES if is_rtp else BARE_HEADER_BYTES
        self._adaptation = (
            BitrateAdaptation(settings, wanted.nominal_bitrate, wanted.frame_ms, header_bytes)
            if settings.is_on
            else None
        )
        self.stats = Stats({})
        """What the client is told, as of the last look."""

    def wish(self, wanted: EncoderSettings) -> None:
        """The listener has asked for other settings."""
        if self._adaptation is not None:
            self._adaptation.wish(wanted.nominal_bitrate, wanted.frame_ms)

    def take_back(self) -> None:
        """The last decision cannot be."""
        if self._adaptation is not None:
            self._adaptation.take_back()

    def take_stats(self, stats: Stats) -> None:
        """What the listener says of itself; what makes no sense is as if not said."""
        starved_ms = stats.values.get("starved_ms")
        if isinstance(starved_ms, int | float) and starved_ms >= 0:
            self._starved_ms = float(starved_ms)

    def look(self, now_ns: int) -> Decision | None:
        """What to change, if anything."""
        outbox, before = self._outbox, self._totals
        unsent = outbox.watch()
        now = self._totals = _Totals(
            now_ns, outbox.bytes_sent, outbox.bytes_written - unsent, outbox.queue.packets_dropped, self._starved_ms
        )
        seconds = max(1, now_ns - before.at_ns) / 1e9
        self.stats = Stats(
            {
                "queue_depth_ms": outbox.queue.depth_ms,
                "packets_sent": outbox.packets_sent,
                "packets_dropped": outbox.queue.packets_dropped,
                "bytes_sent": outbox.bytes_sent,
                "bitrate": round((now.bytes_sent - before.bytes_sent) * 8 / seconds),
            }
        )
        if self._adaptation is None:
            return None
        seen = Observation(
            waiting_ms=outbox.queue.depth_ms + unsent * 8_000 / self._adaptation.now.bitrate,
            delivered_bps=(now.bytes_delivered - before.bytes_delivered) * 8 / seconds,
            dropped=now.packets_dropped - before.packets_dropped,
            starved_ms=max(0.0, now.starved_ms - before.starved_ms),
        )
        return self._adaptation.look(now_ns / 1e9, seen)
