"""Writes what happens on a connection into a pcapng file that Wireshark opens, analyses and plays.

The audio came over WebSocket, and Wireshark knows RTP only over UDP: so each packet gets headers that were never on a
wire, of addresses that belong to nobody (RFC 5737), and what a bare stream does not tell, numbers and timestamps, is
made up as RFC 7587 wants them. Arrival times are the true ones. Before the first packet stands a session announcement
(RFC 2974, RFC 8866), from which Wireshark learns that payload type 111 is Opus. All else are notes
(`core.recording.capture_notes`), and with them `core.recording.capture_reader` gives back the very same observations.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from core.analysis.observation import Connected, Observation, Received
from core.opus.media import MediaPacket
from core.opus.packet import MalformedPacketError, parse_packet
from core.recording.capture_notes import FORMAT, LINK_UPPER_PDU, MARK, Note, note_of_observation, pack_note, words_for
from core.recording.link_layers import LINK_RAW, MAX_UDP_PAYLOAD, pack_udp
from core.recording.pcapng import (
    OPTION_COMMENT,
    OPTION_USER_APPLICATION,
    pack_interface,
    pack_packet,
    pack_section_header,
)
from core.recording.timeline import PacketTimeline, capture_time_from_ntp, capture_time_to_ntp
from core.wire.control import Hello
from core.wire.dialect import NewStream
from core.wire.rtp import PAYLOAD_TYPE_OPUS, RtpPacket, pack_rtp

SERVER: Final = bytes((192, 0, 2, 1))
LISTENER: Final = bytes((192, 0, 2, 2))
"""RFC 5737: for documentation, so nobody mistakes them for a host."""

RTP_PORT: Final = 5004
"""RFC 3551 §8."""

SAP_PORT: Final = 9875
"""RFC 2974 §3."""

FIRST_SSRC: Final = 0x4F505553
"""Of streams whose server tells none: ``OPUS``, and one more for each further stream."""

_LONGEST_PAYLOAD: Final = MAX_UDP_PAYLOAD - 64
"""Beside the RTP header with its extension."""

_COMMENT: Final = (
    "Opus audio that came over WebSocket. Addresses, UDP and IP headers are made up; arrival times are true."
    " Notes of what else happened are JSON."
)


class CaptureWriter:
    """An open capture. Each observation is with the system before `take` returns: a crash loses at most the last."""

    def __init__(self, path: Path, *, replaces: bool = False, unix_minus_monotonic_ns: int | None = None) -> None:
        """Begin the file; ``unix_minus_monotonic_ns`` is found out if not given.

        Raises:
            FileExistsError: the file is there, and ``replaces`` is not set.
            OSError: it cannot be written.
        """
        self.path = path
        self.packets = 0
        self.bytes_written = 0
        self._shift_ns = (
            time.time_ns() - time.monotonic_ns() if unix_minus_monotonic_ns is None else (unix_minus_monotonic_ns)
        )
        self._timeline = PacketTimeline()
        self._ssrc = FIRST_SSRC
        self._declared_ssrc: int | None = None
        self._made_number = 0
        self._made_timestamp = 0
        self._has_announced = self._has_begun = False
        self._file = path.open("wb" if replaces else "xb", buffering=0)
        self._write(
            pack_section_header([(OPTION_COMMENT, _COMMENT.encode()), (OPTION_USER_APPLICATION, b"Opuscope")])
            + pack_interface(LINK_RAW, "audio", "Opus as RTP, with headers that are made up")
            + pack_interface(LINK_UPPER_PDU, "notes", "what else happened, as JSON")
        )

    def take(self, seen: Observation) -> None:
        """Write what happened.

        Raises:
            OSError: it cannot be written, for instance because the disk is full; what was written stays readable.
        """
        if not self._has_begun:
            self._has_begun = True
            note: Note = {MARK: "transcript", "format": FORMAT, "unix_minus_monotonic_ns": self._shift_ns}
            self._note(seen.at_ns, note, "a capture of Opuscope begins")
        if isinstance(seen, Connected) or (isinstance(seen, Received) and isinstance(seen.event, NewStream)):
            self._next_stream()
        if isinstance(seen, Received):
            if isinstance(seen.event, Hello):
                self._declared_ssrc = seen.event.ssrc
            if isinstance(seen.event, MediaPacket) and len(seen.event.payload) <= _LONGEST_PAYLOAD:
                self._packet(seen.event)
                return
        self._note(seen.at_ns, note_of_observation(seen), words_for(seen))

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_stream(self) -> None:
        if self.packets:
            self._ssrc = (self._ssrc + 1) & 0xFFFF_FFFF
        self._declared_ssrc = None

    def _packet(self, packet: MediaPacket) -> None:
        at_ns = packet.arrival_ns
        number = self._made_number if packet.sequence_number is None else packet.sequence_number
        timestamp = self._made_timestamp if packet.media_timestamp is None else packet.media_timestamp
        capture_time_ntp = capture_time_to_ntp(packet.capture_time_ns, self._shift_ns)
        note: Note = {}
        if self._timeline.read(number & 0xFFFF, timestamp & 0xFFFF_FFFF) != (
            packet.sequence_number,
            packet.media_timestamp,
        ):
            self._timeline.begin(packet.sequence_number, packet.media_timestamp)
            note |= {"sequence_number": packet.sequence_number, "media_timestamp": packet.media_timestamp}
        if packet.capture_time_ns is not None and (
            capture_time_ntp is None
            or capture_time_from_ntp(capture_time_ntp, self._shift_ns) != packet.capture_time_ns
        ):
            note |= {"capture_time_ns": packet.capture_time_ns - at_ns}
            capture_time_ntp = None
        if note:
            self._note(at_ns, {MARK: "next_packet", **note}, "what the next packet's RTP header has no room for")
        if not self._has_announced:
            self._has_announced = True
            self._write(pack_packet(0, at_ns + self._shift_ns, _announcement(), "made up: payload type 111 is Opus"))
        ssrc = self._ssrc if self._declared_ssrc is None else self._declared_ssrc
        rtp = pack_rtp(
            RtpPacket(PAYLOAD_TYPE_OPUS, number, timestamp, ssrc, packet.marker, packet.payload, capture_time_ntp)
        )
        self._write(pack_packet(0, at_ns + self._shift_ns, pack_udp(SERVER, RTP_PORT, LISTENER, RTP_PORT, rtp)))
        self.packets += 1
        self._made_number = number + 1
        self._made_timestamp = timestamp + _duration_samples(packet.payload)

    def _note(self, at_ns: int, note: Note, words: str) -> None:
        self._write(pack_packet(1, at_ns + self._shift_ns, pack_note(note), words))

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            # An unbuffered file may take less than it is given.
            left = left[self._file.write(left) :]
        self.bytes_written += len(data)


def _duration_samples(payload: bytes) -> int:
    try:
        return parse_packet(payload).duration_samples
    except MalformedPacketError:
        return 0


def _announcement() -> bytes:
    """What a program that looks for streams needs to know (RFC 2974 §6, RFC 8866, RFC 7587 §7)."""
    sdp = (
        "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=Opuscope\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
        f"m=audio {RTP_PORT} RTP/AVP {PAYLOAD_TYPE_OPUS}\r\na=rtpmap:{PAYLOAD_TYPE_OPUS} opus/48000/2\r\n"
    )
    sap = bytes((0x20, 0, 0, 1)) + SERVER + sdp.encode()
    return pack_udp(SERVER, SAP_PORT, LISTENER, SAP_PORT, sap)
