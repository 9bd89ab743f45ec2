"""Finding out which dialect a server speaks, from what was negotiated and from its first messages."""

from __future__ import annotations

import itertools
from typing import Final

from core.opus.packet import MalformedPacketError, parse_packet
from core.wire.bare import BareDialect
from core.wire.control import SUBPROTOCOL
from core.wire.dialect import Dialect, WireEvent
from core.wire.opus_rtp import OpusRtpDialect
from core.wire.rtp import DYNAMIC_PAYLOAD_TYPES, PAYLOAD_TYPE_OPUS, RtpError, is_rtcp, parse_rtp

RTP_MESSAGES_NEEDED: Final = 3
"""0x80-0xBF begins an RTP packet and a valid CELT packet alike; one SSRC and rising numbers three times over do not
happen by chance."""

BARE_MESSAGES_NEEDED: Final = 5

MAX_HELD_MESSAGES: Final = 20
"""Where text and what may be RTP are mixed so that nothing is decided, this many are waited for."""


class DetectingDialect:
    """Watches the first messages, then becomes what they are and reads them again, arrival times kept."""

    def __init__(self, subprotocol: str | None, choice: str = "auto") -> None:
        """``subprotocol`` is what the server agreed to, ``choice`` the user's word: auto, bare or rtp."""
        self._chosen: Dialect | None = None
        self.reason = ""
        self._held: list[tuple[bytes | str, int]] = []
        if choice == "bare":
            self._become(BareDialect(), "chosen by hand")
        elif subprotocol == SUBPROTOCOL:
            self._become(OpusRtpDialect(has_control=True), f"subprotocol {SUBPROTOCOL}")
        elif choice == "rtp":
            self._become(OpusRtpDialect(has_control=False), "chosen by hand")

    @property
    def chosen(self) -> Dialect | None:
        """The dialect in use; ``None`` while undecided."""
        return self._chosen

    @property
    def name(self) -> str:
        """Name of the dialect in use, ``detecting`` while undecided."""
        return self._chosen.name if self._chosen else "detecting"

    @property
    def has_control(self) -> bool:
        """As the dialect in use."""
        return self._chosen is not None and self._chosen.has_control

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """Events of the dialect in use; nothing while undecided, then the events of all messages held."""
        if self._chosen is not None:
            return self._chosen.receive(message, arrival_ns)
        self._held.append((message, arrival_ns))
        self._decide()
        if self._chosen is None and len(self._held) >= MAX_HELD_MESSAGES:
            self._become(BareDialect(), f"unknown after {MAX_HELD_MESSAGES} messages; taken for bare")
        chosen = self._chosen
        if chosen is None:
            return []
        held, self._held = self._held, []
        return [event for kept, at_ns in held for event in chosen.receive(kept, at_ns)]

    def _become(self, dialect: Dialect, reason: str) -> None:
        self._chosen = dialect
        self.reason = reason

    def _decide(self) -> None:
        binary = [message for message, _ in self._held if isinstance(message, bytes)]
        if not binary:
            if len(self._held) >= BARE_MESSAGES_NEEDED:
                self._become(BareDialect(), "only text came; taken for bare")
            return
        if all(_could_be_rtp(message) for message in binary):
            if len(binary) >= RTP_MESSAGES_NEEDED:
                if _is_one_rtp_stream(binary):
                    self._become(OpusRtpDialect(has_control=False), "three RTP packets in sequence")
                else:
                    self._become(BareDialect(), "no RTP sequence")
            return
        if any(_is_opus(message) for message in binary):
            self._become(BareDialect(), "messages are Opus packets")
        elif len(binary) >= BARE_MESSAGES_NEEDED:
            self._become(BareDialect(), "unknown; none of the first messages is an Opus packet")


def _could_be_rtp(message: bytes) -> bool:
    if is_rtcp(message):
        return True
    try:
        return parse_rtp(message).payload_type in DYNAMIC_PAYLOAD_TYPES
    except RtpError:
        return False


def _is_one_rtp_stream(messages: list[bytes]) -> bool:
    packets = [parse_rtp(message) for message in messages if not is_rtcp(message)]
    if any(packet.payload_type == PAYLOAD_TYPE_OPUS for packet in packets):
        packets = [packet for packet in packets if packet.payload_type == PAYLOAD_TYPE_OPUS]
    if len(packets) < 2 or len({(packet.ssrc, packet.payload_type) for packet in packets}) != 1:
        return False
    steps = [
        (later.sequence_number - earlier.sequence_number) & 0xFFFF for earlier, later in itertools.pairwise(packets)
    ]
    return all(1 <= step < 100 for step in steps)


def _is_opus(message: bytes) -> bool:
    try:
        parse_packet(message)
    except MalformedPacketError:
        return False
    return True
