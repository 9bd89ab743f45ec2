"""From a frame to the UDP datagram in it, through the link and network layers that captures have, and back.

Sources: tcpdump.org/linktypes.html, RFC 791, RFC 8200, RFC 768, IEEE 802.1Q.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Final

from core.recording.capture_frames import LINK_RTP, Frame

LINK_NULL: Final = 0
LINK_ETHERNET: Final = 1
LINK_RAW: Final = 101
LINK_LOOP: Final = 108
LINK_LINUX_SLL: Final = 113
LINK_IPV4: Final = 228
LINK_IPV6: Final = 229
LINK_LINUX_SLL2: Final = 276

_RAW_LINKS: Final = frozenset({LINK_RAW, LINK_IPV4, LINK_IPV6, 12, 14})
"""12 and 14 are what DLT_RAW is called in files of some BSDs."""

_VLAN_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
_MAX_VLAN_TAGS: Final = 4
_ETHERTYPES_OF_IP: Final = frozenset({0x0800, 0x86DD})
_MAX_EXTENSION_HEADERS: Final = 16
_SKIPPED_EXTENSIONS: Final = frozenset({0, 43, 60})
"""Hop-by-hop options, routing, destination options (RFC 8200 §4)."""
_FRAGMENT: Final = 44
_TCP: Final = 6
_UDP: Final = 17

_UDP_HEADER = struct.Struct(">HHHH")
_IPV4_HEADER = struct.Struct(">BBHHHBBH4s4s")


class NoDatagram(Enum):
    """Why a frame holds no datagram that can be read, in words for people."""

    TCP = "TCP"
    FRAGMENT = "fragments of IP"
    OTHER = "neither UDP nor TCP"
    CUT = "cut off or damaged"
    UNKNOWN_LINK = "of a link layer that is not known"


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP payload and between whom it went. Addresses are empty where the file has none."""

    source: bytes
    source_port: int
    destination: bytes
    destination_port: int
    payload: bytes

    @property
    def path(self) -> str:
        """``127.0.0.1:5004 -> 127.0.0.1:5006``; empty where the file tells no addresses."""
        if not self.source:
            return ""
        return f"{_shown(self.source, self.source_port)} -> {_shown(self.destination, self.destination_port)}"


def datagram_of(frame: Frame) -> Datagram | NoDatagram:
    """The datagram in a frame, or why there is none."""
    data, link = frame.data, frame.link_type
    if link == LINK_RTP:
        return Datagram(b"", 0, b"", 0, data)
    if link in _RAW_LINKS:
        return _ip(data, 0)
    if link in (LINK_NULL, LINK_LOOP):
        # Four bytes of address family, whose numbers differ between systems; IP says itself which one it is.
        return _ip(data, 4)
    if link == LINK_ETHERNET:
        return _behind_ethertype(data, 12)
    if link == LINK_LINUX_SLL:
        return _behind_ethertype(data, 14)
    if link == LINK_LINUX_SLL2:
        return _tagged(data, _u16(data, 0), 20)
    return NoDatagram.UNKNOWN_LINK


def pack_udp(source: bytes, source_port: int, destination: bytes, destination_port: int, payload: bytes) -> bytes:
    """An IPv4 packet with a UDP datagram, without UDP checksum (0, RFC 768).

    Raises:
        ValueError: more than fits, see `MAX_UDP_PAYLOAD`.
    """
    if len(payload) > MAX_UDP_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes are too many for a datagram")
    udp = _UDP_HEADER.pack(source_port, destination_port, _UDP_HEADER.size + len(payload), 0) + payload
    head = _IPV4_HEADER.pack(0x45, 0, _IPV4_HEADER.size + len(udp), 0, 0x4000, 64, _UDP, 0, source, destination)
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


MAX_UDP_PAYLOAD: Final = 0xFFFF - _IPV4_HEADER.size - _UDP_HEADER.size


def _behind_ethertype(data: bytes, at: int) -> Datagram | NoDatagram:
    return _tagged(data, _u16(data, at), at + 2)


def _tagged(data: bytes, ethertype: int | None, at: int) -> Datagram | NoDatagram:
    for _ in range(_MAX_VLAN_TAGS):
        if ethertype not in _VLAN_TAGS:
            break
        ethertype, at = _u16(data, at + 2), at + 4
    if ethertype is None:
        return NoDatagram.CUT
    return _ip(data, at) if ethertype in _ETHERTYPES_OF_IP else NoDatagram.OTHER


def _u16(data: bytes, at: int) -> int | None:
    return int.from_bytes(data[at : at + 2], "big") if at + 2 <= len(data) else None


def _ip(data: bytes, at: int) -> Datagram | NoDatagram:
    if at >= len(data):
        return NoDatagram.CUT
    version = data[at] >> 4
    if version == 4:
        return _ipv4(data, at)
    return _ipv6(data, at) if version == 6 else NoDatagram.OTHER


def _ipv4(data: bytes, at: int) -> Datagram | NoDatagram:
    if at + _IPV4_HEADER.size > len(data):
        return NoDatagram.CUT
    first, _, length, _, fragment, _, protocol, _, source, destination = _IPV4_HEADER.unpack_from(data, at)
    size = (first & 0x0F) * 4
    if size < _IPV4_HEADER.size:
        return NoDatagram.CUT
    if fragment & 0x3FFF:
        return NoDatagram.FRAGMENT
    # Offloading network cards leave the length at 0; and Ethernet pads short packets.
    end = min(len(data), at + length) if length else len(data)
    return _transport(data[at + size : end], protocol, source, destination)


def _ipv6(data: bytes, at: int) -> Datagram | NoDatagram:
    if at + 40 > len(data):
        return NoDatagram.CUT
    length, protocol = int.from_bytes(data[at + 4 : at + 6], "big"), data[at + 6]
    source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
    rest = data[at + 40 : at + 40 + length] if length else data[at + 40 :]
    for _ in range(_MAX_EXTENSION_HEADERS):
        if protocol == _FRAGMENT:
            return NoDatagram.FRAGMENT
        if protocol not in _SKIPPED_EXTENSIONS:
            return _transport(rest, protocol, source, destination)
        if len(rest) < 8:
            return NoDatagram.CUT
        protocol, rest = rest[0], rest[8 + rest[1] * 8 :]
    return NoDatagram.OTHER


def _transport(data: bytes, protocol: int, source: bytes, destination: bytes) -> Datagram | NoDatagram:
    if protocol == _TCP:
        return NoDatagram.TCP
    if protocol != _UDP:
        return NoDatagram.OTHER
    if len(data) < _UDP_HEADER.size:
        return NoDatagram.CUT
    source_port, destination_port, length, _ = _UDP_HEADER.unpack_from(data)
    end = length if length >= _UDP_HEADER.size else len(data)
    if end > len(data):
        return NoDatagram.CUT
    return Datagram(source, source_port, destination, destination_port, data[_UDP_HEADER.size : end])


def _checksum(header: bytes) -> int:
    """RFC 1071 of an even number of bytes."""
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    checksum: int = ~total & 0xFFFF
    return checksum


def _shown(address: bytes, port: int) -> str:
    host = str(ip_address(address))
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
