"""pcapng: the blocks that Opuscope writes, and those of others that it reads.

Source of the layout: draft-ietf-opsawg-pcapng, sections 3 and 4.

Why not a library (looked at in 2026): dpkt 1.9.8 (2022) rounds times through float seconds to microseconds;
python-pcapng 2.1.1 (2022) asks the system for as many bytes as a length field claims, up to 4 GiB; scapy is 2.8 MB
under the GPL. None of them bounds what it reads. What is needed here is five kinds of blocks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.recording.capture_frames import MAX_FRAME_BYTES, ByteSource, CaptureError, Frame, Frames

SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE: Final = 1
PACKET_OBSOLETE: Final = 2
PACKET_SIMPLE: Final = 3
PACKET_ENHANCED: Final = 6

MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER: Final = 0x1A2B3C4D

OPTION_COMMENT: Final = 1
OPTION_USER_APPLICATION: Final = 4
OPTION_IF_NAME: Final = 2
OPTION_IF_DESCRIPTION: Final = 3
_OPTION_TSRESOL: Final = 9
_OPTION_TSOFFSET: Final = 14
_END_OF_OPTIONS: Final = 0

MAX_INTERFACES: Final = 1_024
"""In one section. A capture on all interfaces of a big host has some dozens."""

_MAX_TSRESOL_EXPONENT: Final = 63
"""A finer clock could not count a nanosecond within 64 bits."""

Option = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    snap_length: int
    ticks_per_s: int = 1_000_000
    offset_s: int = 0

    def ns(self, ticks: int) -> int:
        at_ns = self.offset_s * 1_000_000_000 + ticks * 1_000_000_000 // self.ticks_per_s
        if not 0 <= at_ns < 2**64:
            raise ValueError("a time that is none since 1970")
        return at_ns


def pack_section_header(options: Sequence[Option]) -> bytes:
    """The first block of a file, little-endian, of unknown length: it is still being written."""
    return _pack_block(SECTION_HEADER, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + _pack_options(options))


def pack_interface(link_type: int, name: str, description: str) -> bytes:
    """An interface whose times are nanoseconds. The first one in a section is number 0."""
    options = [
        (OPTION_IF_NAME, name.encode()),
        (OPTION_IF_DESCRIPTION, description.encode()),
        (_OPTION_TSRESOL, b"\x09"),
    ]
    return _pack_block(INTERFACE, struct.pack("<HHI", link_type, 0, 0) + _pack_options(options))


def pack_packet(interface: int, at_ns: int, data: bytes, comment: str = "") -> bytes:
    """A packet at so many nanoseconds of the Unix epoch, with a line for people."""
    head = struct.pack("<IIIII", interface, at_ns >> 32, at_ns & 0xFFFF_FFFF, len(data), len(data))
    options = [(OPTION_COMMENT, comment.encode(errors="replace")[:0xFFFF])] if comment else []
    return _pack_block(PACKET_ENHANCED, head + _padded(data) + _pack_options(options))


def read_pcapng(source: ByteSource) -> Frames:
    """The frames of a file that begins with `MAGIC`; of several sections, one after the other.

    Raises:
        CutOffError: after the last whole block, if the file ends within one.
        CaptureError: after the last good block, where the file is damaged.
    """
    order = "<"
    interfaces: list[_Interface] = []
    while (head := source.take(4)) is not None:
        if head == MAGIC:
            order, body = _section(source)
            interfaces = []
            continue
        kind = struct.unpack(f"{order}I", head)[0]
        body = _body(source, order, source.need(4))
        try:
            if kind == INTERFACE:
                interfaces.append(_interface(order, body))
            elif kind in (PACKET_ENHANCED, PACKET_OBSOLETE):
                yield _packet(order, body, interfaces, is_obsolete=kind == PACKET_OBSOLETE)
            elif kind == PACKET_SIMPLE:
                yield _simple_packet(order, body, interfaces)
        except (struct.error, ValueError) as error:
            raise source.damaged(f"the block before it cannot be read ({error})") from error
        if len(interfaces) > MAX_INTERFACES:
            raise source.damaged(f"more than {MAX_INTERFACES} interfaces in one section")


def _section(source: ByteSource) -> tuple[str, bytes]:
    """Byte order and rest of a section header, whose first four bytes are read."""
    length, magic = source.need(4), source.need(4)
    if magic == struct.pack("<I", _BYTE_ORDER):
        order = "<"
    elif magic == struct.pack(">I", _BYTE_ORDER):
        order = ">"
    else:
        raise source.damaged("a section header without byte order")
    body = _body(source, order, length, already=4)
    if len(body) < 8:
        raise source.damaged("a section header without version")
    major = struct.unpack_from(f"{order}H", body)[0]
    if major != 1:
        raise CaptureError(f"{source.path} is pcapng of version {major}; expected 1: convert it (editcap -F pcapng)")
    return order, body


def _body(source: ByteSource, order: str, length_field: bytes, already: int = 0) -> bytes:
    """What stands between the two length fields of a block, of which ``already`` bytes are read."""
    length = struct.unpack(f"{order}I", length_field)[0]
    size = length - 12 - already
    if length % 4 or size < 0 or length > MAX_FRAME_BYTES:
        raise source.damaged(f"a block of {length} bytes is claimed")
    body = source.need(size)
    if source.need(4) != length_field:
        raise source.damaged("the two lengths of a block differ")
    return body


def _interface(order: str, body: bytes) -> _Interface:
    link_type, _, snap_length = struct.unpack_from(f"{order}HHI", body)
    ticks_per_s, offset_s = 1_000_000, 0
    for code, value in _options(order, body[8:]):
        if code == _OPTION_TSRESOL and len(value) == 1:
            exponent = value[0] & 0x7F
            if exponent > _MAX_TSRESOL_EXPONENT:
                raise ValueError(f"a clock of resolution {value[0]:#x}")
            ticks_per_s = (2 if value[0] & 0x80 else 10) ** exponent
        elif code == _OPTION_TSOFFSET and len(value) == 8:
            offset_s = struct.unpack(f"{order}q", value)[0]
    return _Interface(link_type, snap_length, ticks_per_s, offset_s)


def _packet(order: str, body: bytes, interfaces: list[_Interface], *, is_obsolete: bool) -> Frame:
    if is_obsolete:
        number, _drops, high, low, kept, was = struct.unpack_from(f"{order}HHIIII", body)
    else:
        number, high, low, kept, was = struct.unpack_from(f"{order}IIIII", body)
    interface = _known(interfaces, number)
    if 20 + kept > len(body):
        raise ValueError(f"a packet of {kept} bytes in a block of {len(body)}")
    return Frame(interface.ns(high << 32 | low), interface.link_type, body[20 : 20 + kept], kept < was)


def _simple_packet(order: str, body: bytes, interfaces: list[_Interface]) -> Frame:
    """It has no time: 0 is what the draft leaves (section 4.4)."""
    was = struct.unpack_from(f"{order}I", body)[0]
    interface = _known(interfaces, 0)
    kept = min(was, interface.snap_length or was, len(body) - 4)
    return Frame(0, interface.link_type, body[4 : 4 + kept], kept < was)


def _known(interfaces: list[_Interface], number: int) -> _Interface:
    if number >= len(interfaces):
        raise ValueError(f"a packet of interface {number}, which is not described")
    return interfaces[number]


def _options(order: str, data: bytes) -> list[Option]:
    """Options up to the end or to where they are damaged: no packet shall be lost for them."""
    options: list[Option] = []
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(f"{order}HH", data, at)
        at += 4
        if code == _END_OF_OPTIONS or at + length > len(data):
            break
        options.append((code, data[at : at + length]))
        at += length + -length % 4
    return options


def _pack_block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _pack_options(options: Sequence[Option]) -> bytes:
    if not options:
        return b""
    packed = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join(packed) + struct.pack("<HH", _END_OF_OPTIONS, 0)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
