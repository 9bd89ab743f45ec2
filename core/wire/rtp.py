"""RTP packets of an Opus stream (RFC 3550 §5.1, RFC 7587) with the capture time in a header extension."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

PAYLOAD_TYPE_OPUS: Final = 111
"""The dynamic payload type that WebRTC and its peers use for Opus."""

DYNAMIC_PAYLOAD_TYPES: Final = range(96, 128)
"""RFC 3551 §3: what these mean is agreed on elsewhere; Opus has no number of its own (RFC 7587 §4.1)."""

CAPTURE_TIME_EXTENSION_ID: Final = 1
"""Local identifier of abs-capture-time in the one-byte header extension (RFC 8285 §4.2) of `opus-rtp.v1`."""

MEDIA_CLOCK_HZ: Final = 48_000
"""RFC 7587 §4.1: the RTP clock of Opus is always 48 kHz."""

_HEADER = struct.Struct(">BBHII")
_EXTENSION_HEADER = struct.Struct(">HH")
_ONE_BYTE_PROFILE = 0xBEDE
_CAPTURE_TIME = struct.Struct(">Q")


class RtpError(ValueError):
    """The bytes are no RTP packet; the message names the field."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet. ``capture_time_ntp`` is abs-capture-time: NTP seconds in 32.32 fixed point, sender's clock."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    capture_time_ntp: int | None = None


def is_rtcp(message: bytes) -> bool:
    """RFC 5761 §4: where RTP and RTCP share a transport, a second byte of 192-223 means RTCP."""
    return len(message) >= 2 and message[0] >> 6 == 2 and 192 <= message[1] <= 223


def parse_rtp(message: bytes) -> RtpPacket:
    """Read one RTP packet; contributing sources, unknown extensions and padding are skipped.

    Raises:
        RtpError: cut off, another version, or padding longer than the payload.
    """
    if len(message) < _HEADER.size:
        raise RtpError(f"{len(message)} bytes are too few for an RTP header of {_HEADER.size}")
    first, second, sequence_number, timestamp, ssrc = _HEADER.unpack_from(message)
    if first >> 6 != 2:
        raise RtpError(f"RTP version {first >> 6}, expected 2")
    at = _HEADER.size + 4 * (first & 0x0F)
    end = len(message)
    capture_time_ntp = None
    if first & 0x10:
        at, capture_time_ntp = _extension(message, at)
    if first & 0x20:
        padding = message[-1]
        if padding == 0:
            raise RtpError("padding of zero bytes")
        end -= padding
    if at > end:
        raise RtpError("header, extension and padding are longer than the packet")
    return RtpPacket(
        payload_type=second & 0x7F,
        sequence_number=sequence_number,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=bool(second & 0x80),
        payload=message[at:end],
        capture_time_ntp=capture_time_ntp,
    )


def pack_rtp(packet: RtpPacket) -> bytes:
    """The bytes of an RTP packet; sequence number and timestamp wrap at 16 and 32 bits."""
    extension = b""
    if packet.capture_time_ntp is not None:
        # One element: 4 bits id, 4 bits length - 1, then 8 bytes; padded with zeros to a multiple of 4.
        element = bytes([CAPTURE_TIME_EXTENSION_ID << 4 | 7]) + _CAPTURE_TIME.pack(packet.capture_time_ntp)
        element += bytes(-len(element) % 4)
        extension = _EXTENSION_HEADER.pack(_ONE_BYTE_PROFILE, len(element) // 4) + element
    header = _HEADER.pack(
        0x80 | (0x10 if extension else 0),
        (0x80 if packet.marker else 0) | packet.payload_type,
        packet.sequence_number & 0xFFFF,
        packet.timestamp & 0xFFFFFFFF,
        packet.ssrc,
    )
    return header + extension + packet.payload


def _extension(message: bytes, at: int) -> tuple[int, int | None]:
    """Offset behind the header extension, and the capture time if it is there (RFC 8285 §4.2)."""
    if at + _EXTENSION_HEADER.size > len(message):
        raise RtpError("the header extension is cut off")
    profile, words = _EXTENSION_HEADER.unpack_from(message, at)
    at += _EXTENSION_HEADER.size
    end = at + 4 * words
    if end > len(message):
        raise RtpError("the header extension is longer than the packet")
    return end, _capture_time(message[at:end]) if profile == _ONE_BYTE_PROFILE else None


def _capture_time(elements: bytes) -> int | None:
    at = 0
    while at < len(elements):
        identifier, length = elements[at] >> 4, (elements[at] & 0x0F) + 1
        if elements[at] == 0:  # padding byte
            at += 1
            continue
        if identifier == 15:  # reserved: stop reading
            return None
        value = elements[at + 1 : at + 1 + length]
        if identifier == CAPTURE_TIME_EXTENSION_ID and len(value) >= _CAPTURE_TIME.size:
            return int(_CAPTURE_TIME.unpack_from(value)[0])
        at += 1 + length
    return None


class Unwrapper:
    """Turns a counter of ``bits`` bits into one that never wraps (RFC 3550 appendix A.1, without the probation)."""

    def __init__(self, bits: int) -> None:
        """``bits`` is 16 for sequence numbers, 32 for timestamps."""
        self._modulus = 1 << bits
        self._last: int | None = None

    def unwrap(self, value: int) -> int:
        """The extended value nearest to the one before; the first one stays as it is."""
        if self._last is None:
            self._last = value
            return value
        step = (value - self._last) % self._modulus
        if step >= self._modulus // 2:
            step -= self._modulus
        self._last += step
        return self._last


class InterarrivalJitter:
    """Interarrival jitter as receiver reports give it (RFC 3550 §6.4.1 and appendix A.8)."""

    def __init__(self) -> None:
        self._transit_ms: float | None = None
        self.jitter_ms = 0.0

    def add(self, arrival_ns: int, media_timestamp: int) -> None:
        """Take in one packet: J += (|D| - J) / 16, D being the change of its transit time."""
        transit_ms = arrival_ns / 1e6 - media_timestamp * 1000 / MEDIA_CLOCK_HZ
        if self._transit_ms is not None:
            self.jitter_ms += (abs(transit_ms - self._transit_ms) - self.jitter_ms) / 16
        self._transit_ms = transit_ms
