"""Packets of a stream as RTP and RTCP messages (RFC 3550, RFC 7587), the same bytes for all who hear the same."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from core.opus.packet import SAMPLE_RATE_HZ
from core.server.clock import ServerClock
from core.server.fan_out import Passed
from core.server.frames import binary_frame
from core.server.packets import EncodedPacket
from core.wire.rtcp import SenderReport, ntp_from_unix_ns, pack_sender_report
from core.wire.rtp import PAYLOAD_TYPE_OPUS, RtpPacket, pack_rtp


class RtpFraming:
    """The RTP source that a stream is.

    Source identifier and first timestamp are random (RFC 3550 §5.1), as are the first sequence numbers of its encoders.
    """

    def __init__(self, clock: ServerClock) -> None:
        self.ssrc = secrets.randbits(32)
        self._clock = clock
        self._timestamp_offset = secrets.randbits(32)
        self._newest: tuple[EncodedPacket, bytes] | None = None

    def timestamp(self, media_time: int) -> int:
        """The RTP timestamp (32 bits) of a position on the stream's timeline, in 48 kHz samples."""
        return (media_time + self._timestamp_offset) & 0xFFFFFFFF

    def frame(self, packet: EncodedPacket, shift: int = 0) -> bytes:
        """The packet as a WebSocket frame that holds one RTP packet, numbered ``shift`` higher than its encoder did.

        Without a shift it is made once for all listeners. The marker stands on the first packet of an encoder, after a
        pause of the source, and after discontinuous transmission.
        """
        if shift:
            return self._frame(packet, shift)
        # All listeners of one encoder are served before the next packet is made.
        if self._newest is None or self._newest[0] is not packet:
            self._newest = (packet, self._frame(packet, 0))
        return self._newest[1]

    def _frame(self, packet: EncodedPacket, shift: int) -> bytes:
        captured_ns = packet.capture_time_ns
        rtp = RtpPacket(
            payload_type=PAYLOAD_TYPE_OPUS,
            sequence_number=packet.number + shift,
            timestamp=self.timestamp(packet.media_time),
            ssrc=self.ssrc,
            marker=packet.begins_talk,
            payload=packet.payload,
            capture_time_ntp=None if captured_ns is None else ntp_from_unix_ns(self._clock.unix_ns(captured_ns)),
        )
        return binary_frame(pack_rtp(rtp))


@dataclass(frozen=True)
class RtpNumbering:
    """The framing of all whose numbers are the same ``shift`` away from their encoder's."""

    framing: RtpFraming
    shift: int

    def __call__(self, packet: EncodedPacket) -> bytes:
        """As of `RtpFraming.frame`."""
        return self.framing.frame(packet, self.shift)


class RtpListener:
    """What an RTP source is to one listener: numbers without a gap through all its encoders, and sender reports."""

    def __init__(self, framing: RtpFraming, clock: ServerClock) -> None:
        self._framing = framing
        self._clock = clock
        self._shift = 0
        self._is_elsewhere = False
        self._newest: EncodedPacket | None = None
        self._packets = 0
        self._octets = 0

    @property
    def ssrc(self) -> int:
        """Of the stream."""
        return self._framing.ssrc

    def timestamp(self, media_time: int) -> int:
        """As of `RtpFraming`."""
        return self._framing.timestamp(media_time)

    def moved(self) -> None:
        """The packets to come may be another encoder's, which numbers them differently."""
        self._is_elsewhere = True

    def frame(self, packet: EncodedPacket) -> bytes:
        """The next packet; it takes the next sequence number, whether it will be sent or dropped."""
        if self._is_elsewhere:
            if self._newest is not None:
                self._shift = (self._newest.number + self._shift + 1 - packet.number) & 0xFFFF
            self._is_elsewhere = False
        self._newest = packet
        self._packets += 1
        self._octets += len(packet.payload)
        return self._framing.frame(packet, self._shift)

    @property
    def numbering(self) -> RtpNumbering | None:
        """What makes the frames to come, too; ``None`` while only `frame` can tell."""
        return None if self._is_elsewhere or self._newest is None else RtpNumbering(self._framing, self._shift)

    def add(self, passed: Passed) -> None:
        """Packets that were framed by `numbering`."""
        self._newest = passed.newest or self._newest
        self._packets += passed.packets
        self._octets += passed.payload_bytes

    def sender_report(self) -> bytes | None:
        """A frame with a sender report about now: its timestamp is that of a sample captured now.

        ``None`` before any packet, and where nobody knows when it was captured. Counts are of packets made, those that
        the queue dropped included, as are the sequence numbers.
        """
        newest = self._newest
        if newest is None or newest.capture_time_ns is None:
            return None
        now_ns = self._clock.now_ns()
        since_capture = (now_ns - newest.capture_time_ns) * SAMPLE_RATE_HZ // 1_000_000_000
        report = SenderReport(
            ssrc=self.ssrc,
            ntp_time=ntp_from_unix_ns(self._clock.unix_ns(now_ns)),
            rtp_timestamp=self.timestamp(newest.media_time + since_capture),
            packet_count=self._packets,
            octet_count=self._octets,
        )
        return binary_frame(pack_sender_report(report))
