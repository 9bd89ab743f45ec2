"""Packets of a stream as the RTP and RTCP messages of one listener (RFC 3550, RFC 7587)."""

from __future__ import annotations

import secrets

from core.opus.packet import SAMPLE_RATE_HZ
from core.server.clock import ServerClock
from core.server.encoding import EncodedPacket
from core.wire.rtcp import SenderReport, ntp_from_unix_ns, pack_sender_report
from core.wire.rtp import PAYLOAD_TYPE_OPUS, RtpPacket, pack_rtp


class RtpFraming:
    """Numbers packets, and knows which wall clock time belongs to which timestamp.

    Source identifier, first sequence number and first timestamp are random (RFC 3550 §5.1).
    """

    def __init__(self, clock: ServerClock) -> None:
        self.ssrc = secrets.randbits(32)
        self._clock = clock
        self._sequence_number = secrets.randbits(16)
        self._timestamp_offset = secrets.randbits(32)
        self._expected_media_time: int | None = None
        self._latest: EncodedPacket | None = None
        self._packet_count = 0
        self._octet_count = 0

    def timestamp(self, media_time: int) -> int:
        """The RTP timestamp (32 bits) of a position on the stream's timeline, in 48 kHz samples."""
        return (media_time + self._timestamp_offset) & 0xFFFFFFFF

    def pack(self, packet: EncodedPacket) -> bytes:
        """The next RTP packet; it takes the next sequence number, whether it will be sent or dropped.

        The marker stands on the first packet, after a pause of the source, and after discontinuous transmission.
        """
        after_pause = packet.media_time != self._expected_media_time
        self._expected_media_time = packet.media_time + packet.duration
        message = pack_rtp(
            RtpPacket(
                payload_type=PAYLOAD_TYPE_OPUS,
                sequence_number=self._sequence_number,
                timestamp=self.timestamp(packet.media_time),
                ssrc=self.ssrc,
                marker=after_pause or packet.after_silence,
                payload=packet.payload,
                capture_time_ntp=ntp_from_unix_ns(self._clock.unix_ns(packet.capture_time_ns)),
            )
        )
        self._sequence_number = (self._sequence_number + 1) & 0xFFFF
        self._latest = packet
        self._packet_count += 1
        self._octet_count += len(packet.payload)
        return message

    def sender_report(self) -> bytes | None:
        """A sender report about now: the timestamp is that of a sample captured now. ``None`` before any packet.

        Counts are of packets made, those that the queue dropped included, as are the sequence numbers.
        """
        if self._latest is None:
            return None
        now_ns = self._clock.now_ns()
        since_capture = (now_ns - self._latest.capture_time_ns) * SAMPLE_RATE_HZ // 1_000_000_000
        return pack_sender_report(
            SenderReport(
                ssrc=self.ssrc,
                ntp_time=ntp_from_unix_ns(self._clock.unix_ns(now_ns)),
                rtp_timestamp=self.timestamp(self._latest.media_time + since_capture),
                packet_count=self._packet_count,
                octet_count=self._octet_count,
            )
        )
