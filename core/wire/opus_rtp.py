"""`opus-rtp.v1`: RTP and RTCP in binary messages, JSON control messages in text."""

from __future__ import annotations

from core.opus.media import MediaPacket
from core.wire.clock import ClockSync
from core.wire.control import ControlError, Set, Time, pack_control, parse_control
from core.wire.dialect import IgnoredText, NewStream, Unreadable, WireEvent
from core.wire.rtcp import RtcpError, SenderReport, parse_sender_report, unix_ns_from_ntp
from core.wire.rtp import PAYLOAD_TYPE_OPUS, RtpError, Unwrapper, is_rtcp, parse_rtp


class OpusRtpDialect:
    """Reads RTP from anyone, and the control messages of our own servers."""

    name = "rtp"

    def __init__(self, has_control: bool) -> None:
        """``has_control`` where the subprotocol was agreed on; foreign RTP servers know nothing of our messages."""
        self.has_control = has_control
        self.clock = ClockSync()
        self.last_report: SenderReport | None = None
        self._ssrc: int | None = None
        self._sequence = Unwrapper(16)
        self._timestamp = Unwrapper(32)

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """Packets, control messages, or what could not be read."""
        try:
            if isinstance(message, str):
                return self._text(message, arrival_ns)
            if is_rtcp(message):
                self.last_report = parse_sender_report(message) or self.last_report
                return []
            return self._media(message, arrival_ns)
        except (RtpError, RtcpError, ControlError) as error:
            return [Unreadable(str(error))]

    def time_request(self, now_ns: int) -> str:
        """The text message that asks for the server's time; its answer goes through `receive`."""
        return pack_control(Time(client_transmitted=now_ns // 1000))

    def _text(self, text: str, arrival_ns: int) -> list[WireEvent]:
        if not self.has_control:
            return [IgnoredText(text)]
        message = parse_control(text)
        if message is None:
            return [IgnoredText(text)]
        if isinstance(message, Time):
            if message.server_received is not None and message.server_transmitted is not None:
                self.clock.add(
                    message.client_transmitted, message.server_received, message.server_transmitted, arrival_ns // 1000
                )
            return []
        # `set` only ever goes to a server.
        return [IgnoredText(text)] if isinstance(message, Set) else [message]

    def _media(self, message: bytes, arrival_ns: int) -> list[WireEvent]:
        packet = parse_rtp(message)
        if packet.payload_type != PAYLOAD_TYPE_OPUS:
            return []
        events: list[WireEvent] = []
        if packet.ssrc != self._ssrc:
            if self._ssrc is not None:
                events.append(NewStream())
            self._ssrc = packet.ssrc
            self._sequence, self._timestamp = Unwrapper(16), Unwrapper(32)
        capture_time_ns = None
        if packet.capture_time_ntp is not None:
            capture_time_ns = self.clock.to_client_ns(unix_ns_from_ntp(packet.capture_time_ntp))
        events.append(
            MediaPacket(
                payload=packet.payload,
                arrival_ns=arrival_ns,
                sequence_number=self._sequence.unwrap(packet.sequence_number),
                media_timestamp=self._timestamp.unwrap(packet.timestamp),
                capture_time_ns=capture_time_ns,
                marker=packet.marker,
            )
        )
        return events
