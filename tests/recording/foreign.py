"""Captures as other programs make them: frames of every link layer, in every file format."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from core.recording.capture_frames import Frame
from core.recording.link_layers import (
    LINK_ETHERNET,
    LINK_IPV4,
    LINK_IPV6,
    LINK_LINUX_SLL,
    LINK_LINUX_SLL2,
    LINK_LOOP,
    LINK_NULL,
    LINK_RAW,
    pack_udp,
)
from core.recording.pcapng import pack_interface, pack_packet, pack_section_header
from core.wire.rtp import RtpPacket, pack_rtp
from tests.receiver.harness import opus_packets

BEGAN_NS = 1_800_000_000_123_000_000
STEP_NS = 20_000_000
HERE, THERE = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))

Wrap = Callable[[bytes], bytes]


def rtp_packets(count: int = 30, payload_type: int = 111, ssrc: int = 7, first: int = 65_520) -> list[bytes]:
    return [
        pack_rtp(RtpPacket(payload_type, first + i, 4_294_960_000 + 960 * i & 0xFFFFFFFF, ssrc, i == 0, payload))
        for i, payload in enumerate(opus_packets(count))
    ]


def ipv4(payload: bytes) -> bytes:
    return pack_udp(HERE, 4_000, THERE, 5_004, payload)


def ipv6(payload: bytes, extensions: bytes = b"", protocol: int = 17) -> bytes:
    udp = struct.pack(">HHHH", 4_000, 5_004, 8 + len(payload), 0) + payload
    rest = extensions + udp
    return struct.pack(">IHBB", 6 << 28, len(rest), protocol, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + rest


def tcp(payload: bytes) -> bytes:
    packet = bytearray(ipv4(payload))
    packet[9] = 6
    return bytes(packet)


def ethernet(ip: bytes, tags: bytes = b"") -> bytes:
    return bytes(12) + tags + (b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd") + ip


LAYERS: dict[str, tuple[int, Wrap]] = {
    "ethernet, IPv4": (LINK_ETHERNET, lambda rtp: ethernet(ipv4(rtp))),
    "ethernet, padded": (LINK_ETHERNET, lambda rtp: ethernet(ipv4(rtp)) + bytes(20)),
    "ethernet, IPv6": (LINK_ETHERNET, lambda rtp: ethernet(ipv6(rtp))),
    "VLAN": (LINK_ETHERNET, lambda rtp: ethernet(ipv4(rtp), b"\x81\x00\x00\x05")),
    "VLAN in VLAN": (LINK_ETHERNET, lambda rtp: ethernet(ipv6(rtp), b"\x88\xa8\x00\x05\x81\x00\x00\x06")),
    "raw IPv4": (LINK_RAW, ipv4),
    "raw IPv6": (LINK_RAW, ipv6),
    "IPv4": (LINK_IPV4, ipv4),
    "IPv6, hop-by-hop options": (LINK_IPV6, lambda rtp: ipv6(rtp, b"\x11\x00" + bytes(6), 0)),
    "BSD loopback": (LINK_NULL, lambda rtp: b"\x02\x00\x00\x00" + ipv4(rtp)),
    "BSD loopback, IPv6": (LINK_NULL, lambda rtp: b"\x1e\x00\x00\x00" + ipv6(rtp)),
    "OpenBSD loopback": (LINK_LOOP, lambda rtp: b"\x00\x00\x00\x02" + ipv4(rtp)),
    "Linux cooked": (LINK_LINUX_SLL, lambda rtp: bytes(14) + b"\x08\x00" + ipv4(rtp)),
    "Linux cooked v2": (LINK_LINUX_SLL2, lambda rtp: b"\x86\xdd" + bytes(18) + ipv6(rtp)),
}


def frames(packets: Iterable[bytes], layer: str = "ethernet, IPv4", began_ns: int = BEGAN_NS) -> list[Frame]:
    link, wrap = LAYERS[layer]
    return [Frame(began_ns + i * STEP_NS, link, wrap(packet)) for i, packet in enumerate(packets)]


def pcap(given: list[Frame], order: str = "<", unit_ns: int = 1_000) -> bytes:
    magic = 0xA1B2C3D4 if unit_ns == 1_000 else 0xA1B23C4D
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, given[0].link_type)]
    for frame in given:
        seconds, rest_ns = divmod(frame.at_ns, 1_000_000_000)
        head = struct.pack(f"{order}IIII", seconds, rest_ns // unit_ns, len(frame.data), len(frame.data))
        parts += [head, frame.data]
    return b"".join(parts)


def pcapng(given: list[Frame]) -> bytes:
    parts = [pack_section_header([]), pack_interface(given[0].link_type, "lo", "")]
    return b"".join([*parts, *(pack_packet(0, frame.at_ns, frame.data) for frame in given)])


def big_endian_pcapng(given: list[Frame]) -> bytes:
    """With microseconds, as a big machine of old writes it; and with blocks that nobody knows."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        return struct.pack(">II", kind, len(body) + 12) + body + struct.pack(">I", len(body) + 12)

    parts = [
        block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1)),
        block(1, struct.pack(">HHI", given[0].link_type, 0, 65_535)),
        block(0x0BAD, b"whatever"),
    ]
    for frame in given:
        ticks = frame.at_ns // 1_000
        head = struct.pack(">IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), len(frame.data))
        parts += [block(6, head + frame.data), block(5, bytes(12))]
    return b"".join(parts)


def rtpdump(packets: Iterable[bytes]) -> bytes:
    seconds, rest_ns = divmod(BEGAN_NS, 1_000_000_000)
    parts = [b"#!rtpplay1.0 127.0.0.1/5004\n", struct.pack(">IIIHH", seconds, rest_ns // 1_000, 0x7F000001, 5_004, 0)]
    for i, packet in enumerate(packets):
        parts += [struct.pack(">HHI", 8 + len(packet), len(packet), i * STEP_NS // 1_000_000), packet]
    return b"".join(parts)


FORMATS: dict[str, Callable[[], bytes]] = {
    "pcapng": lambda: pcapng(frames(rtp_packets())),
    "pcapng, big-endian, microseconds": lambda: big_endian_pcapng(frames(rtp_packets())),
    "pcap, little-endian, microseconds": lambda: pcap(frames(rtp_packets())),
    "pcap, big-endian, microseconds": lambda: pcap(frames(rtp_packets()), ">"),
    "pcap, little-endian, nanoseconds": lambda: pcap(frames(rtp_packets()), "<", 1),
    "pcap, big-endian, nanoseconds": lambda: pcap(frames(rtp_packets()), ">", 1),
    "rtpdump": lambda: rtpdump(rtp_packets()),
}


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
