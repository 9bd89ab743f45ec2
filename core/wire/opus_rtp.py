"""`opus-rtp.v1`: RTP and RTCP in binary messages, JSON control messages in text."""

from __future__ import annotations

from typing import Final

from core.opus.media import MediaPacket
from core.opus.packet import MalformedPacketError, parse_packet
from core.wire.clock import ClockSync
from core.wire.control import ControlError, Set, Time, pack_control, parse_control
from core.wire.dialect import IgnoredText, NewStream, Unreadable, WireEvent
from core.wire.rtcp import RtcpError, parse_sender_report, unix_ns_from_ntp
from core.wire.rtp import DYNAMIC_PAYLOAD_TYPES, PAYLOAD_TYPE_OPUS, RtpError, RtpPacket, Unwrapper, is_rtcp, parse_rtp

MAX_DROPOUT: Final = 3_000
"""RFC 3550 appendix A.1: numbers may leap ahead by less than this; at 2.5 ms a frame that is 7.5 s."""

MAX_MISORDER: Final = 100
"""RFC 3550 appendix A.1: a packet may come this many numbers late."""

PACKETS_TO_LEARN_TYPE: Final = 10
"""This many packets of one payload type that all are Opus packets: then that type is Opus here."""

_NEVER_OPUS: Final = frozenset({0x7E, 0x7F})
"""Status and spectrum of ka9q-radio, whose audio is 111 and may begin later."""

_Arrived = tuple[RtpPacket, int]
"""A packet and its time of arrival in nanoseconds."""


class OpusRtpDialect:
    """Reads RTP from anyone, and the control messages of our own servers."""

    name = "rtp"

    def __init__(self, has_control: bool) -> None:
        """``has_control`` where the subprotocol was agreed on; foreign RTP servers know nothing of our messages."""
        self.has_control = has_control
        self.clock = ClockSync()
        self._type = _PayloadType()
        self._ssrc: int | None = None
        self._highest = 0
        """Of the numbers received, on its 16-bit circle."""
        self._suspect: _Arrived | None = None
        """A packet far away from the numbers before it; the next one shows whether the sender started anew."""
        self._sequence = Unwrapper(16)
        self._timestamp = Unwrapper(32)

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """Packets, control messages, or what could not be read."""
        try:
            if isinstance(message, str):
                return self._text(message, arrival_ns)
            if is_rtcp(message):
                # Packets bring their capture time themselves; a report only has to be well-formed.
                parse_sender_report(message)
                return []
            arrived, events = self._type.sort(parse_rtp(message), arrival_ns)
            for packet, at_ns in arrived:
                events += self._media(packet, at_ns)
            return events
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

    def _media(self, packet: RtpPacket, arrival_ns: int) -> list[WireEvent]:
        """The packet, behind `NewStream` if a sender begins: another one, or the same one from another number on."""
        number = packet.sequence_number
        if packet.ssrc != self._ssrc:
            events: list[WireEvent] = [] if self._ssrc is None else [NewStream()]
            self._begin(packet)
            return [*events, self._packet(packet, arrival_ns)]
        ahead = (number - self._highest) & 0xFFFF
        if MAX_DROPOUT <= ahead <= 0x10000 - MAX_MISORDER:
            return self._leap(packet, arrival_ns)
        events = self._give_up_suspect()
        if ahead < MAX_DROPOUT:
            self._highest = number
        return [*events, self._packet(packet, arrival_ns)]

    def _leap(self, packet: RtpPacket, arrival_ns: int) -> list[WireEvent]:
        """RFC 3550 appendix A.1: one stray number means nothing, two in sequence are a sender that restarted."""
        suspect = self._suspect
        if suspect is None or packet.sequence_number != (suspect[0].sequence_number + 1) & 0xFFFF:
            events = self._give_up_suspect()
            self._suspect = packet, arrival_ns
            return events
        self._begin(suspect[0])
        self._highest = packet.sequence_number
        return [NewStream(), self._packet(*suspect), self._packet(packet, arrival_ns)]

    def _give_up_suspect(self) -> list[WireEvent]:
        if self._suspect is None:
            return []
        number = self._suspect[0].sequence_number
        self._suspect = None
        return [Unreadable(f"an RTP packet numbered {number} has no place in its stream, which is at {self._highest}")]

    def _begin(self, packet: RtpPacket) -> None:
        self._ssrc = packet.ssrc
        self._highest = packet.sequence_number
        self._suspect = None
        self._sequence, self._timestamp = Unwrapper(16), Unwrapper(32)

    def _packet(self, packet: RtpPacket, arrival_ns: int) -> MediaPacket:
        capture_time_ns = None
        if packet.capture_time_ntp is not None:
            capture_time_ns = self.clock.to_client_ns(unix_ns_from_ntp(packet.capture_time_ntp))
        return MediaPacket(
            payload=packet.payload,
            arrival_ns=arrival_ns,
            sequence_number=self._sequence.unwrap(packet.sequence_number),
            media_timestamp=self._timestamp.unwrap(packet.timestamp),
            capture_time_ns=capture_time_ns,
            marker=packet.marker,
        )


class _PayloadType:
    """Finds out which payload type is Opus: 111 where it comes, otherwise the only dynamic one, if it reads as Opus."""

    def __init__(self) -> None:
        self._opus: int | None = None
        self._held: list[_Arrived] = []
        self._is_settled = False
        """Whether the first packets were judged; from then on only 111 can still turn up."""

    def sort(self, packet: RtpPacket, arrival_ns: int) -> tuple[list[_Arrived], list[WireEvent]]:
        """The packets that now are known to be Opus, and what is to be said about others."""
        if self._opus is None and packet.payload_type == PAYLOAD_TYPE_OPUS:
            self._settle(PAYLOAD_TYPE_OPUS)
        if self._is_settled:
            return [(packet, arrival_ns)] if packet.payload_type == self._opus else [], []
        self._held.append((packet, arrival_ns))
        if len(self._held) < PACKETS_TO_LEARN_TYPE:
            return [], []
        held, kind = self._held, packet.payload_type
        if all(kept.payload_type == kind and _may_be_opus(kept) for kept, _ in held):
            self._settle(kind)
            return held, []
        self._settle(None)
        return [], [Unreadable(f"RTP packets of payload type {kind} are not Opus ({PAYLOAD_TYPE_OPUS})")]

    def _settle(self, opus: int | None) -> None:
        self._opus = opus
        self._is_settled = True
        self._held = []


def _may_be_opus(packet: RtpPacket) -> bool:
    if packet.payload_type not in DYNAMIC_PAYLOAD_TYPES or packet.payload_type in _NEVER_OPUS:
        return False
    try:
        parse_packet(packet.payload)
    except MalformedPacketError:
        return False
    return True
