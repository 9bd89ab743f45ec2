"""RTCP sender reports (RFC 3550 §6.4.1) and the NTP time format."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

NTP_UNIX_OFFSET_S: Final = 2_208_988_800
"""Seconds between 1900-01-01, where NTP starts, and 1970-01-01, where Unix time does."""

PACKET_TYPE_SENDER_REPORT: Final = 200

_SENDER_REPORT = struct.Struct(">BBHIQIII")


class RtcpError(ValueError):
    """The bytes are no RTCP sender report."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Which wall clock time belongs to which RTP timestamp, and what was sent so far (counts wrap at 32 bits)."""

    ssrc: int
    ntp_time: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int


def pack_sender_report(report: SenderReport) -> bytes:
    """The 28 bytes of a sender report without reception blocks."""
    return _SENDER_REPORT.pack(
        0x80,
        PACKET_TYPE_SENDER_REPORT,
        _SENDER_REPORT.size // 4 - 1,
        report.ssrc,
        report.ntp_time,
        report.rtp_timestamp & 0xFFFFFFFF,
        report.packet_count & 0xFFFFFFFF,
        report.octet_count & 0xFFFFFFFF,
    )


def parse_sender_report(message: bytes) -> SenderReport | None:
    """The sender report a message starts with, or ``None`` for another RTCP packet type.

    Raises:
        RtcpError: the packet is cut off.
    """
    if len(message) < 4:
        raise RtcpError(f"{len(message)} bytes are too few for an RTCP header")
    if message[1] != PACKET_TYPE_SENDER_REPORT:
        return None
    if len(message) < _SENDER_REPORT.size:
        raise RtcpError(f"a sender report of {len(message)} bytes, expected {_SENDER_REPORT.size}")
    _, _, _, ssrc, ntp_time, rtp_timestamp, packet_count, octet_count = _SENDER_REPORT.unpack_from(message)
    return SenderReport(ssrc, ntp_time, rtp_timestamp, packet_count, octet_count)


def ntp_from_unix_ns(unix_ns: int) -> int:
    """NTP time in 32.32 fixed point of a Unix time in nanoseconds."""
    return ((unix_ns + NTP_UNIX_OFFSET_S * 1_000_000_000) << 32) // 1_000_000_000


def unix_ns_from_ntp(ntp_time: int) -> int:
    """Unix time in nanoseconds of an NTP time in 32.32 fixed point."""
    return (ntp_time * 1_000_000_000 >> 32) - NTP_UNIX_OFFSET_S * 1_000_000_000
