"""Classic capture files, in both byte orders, with microseconds or nanoseconds.

Source of the layout: draft-ietf-opsawg-pcap, sections 4 and 5.
"""

from __future__ import annotations

import struct
from typing import Final

from core.recording.capture_frames import MAX_FRAME_BYTES, ByteSource, Frame, Frames

MAGICS: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}
"""The first four bytes: byte order, and how many nanoseconds the smaller unit of time has."""

_HEADER_BYTES: Final = 24
_LINK_TYPE_BITS: Final = 0x0FFF_FFFF
"""Above these stands the length of a frame check sequence; the trailing bytes it names are nothing to us."""


def read_pcap(source: ByteSource) -> Frames:
    """The frames of a file whose first four bytes are one of `MAGICS`.

    Raises:
        CutOffError: after the last whole frame, if the file ends within one.
        CaptureError: after the last good frame, where the file is damaged.
    """
    header = source.need(_HEADER_BYTES)
    order, unit_ns = MAGICS[header[:4]]
    link_type = struct.unpack_from(f"{order}I", header, 20)[0] & _LINK_TYPE_BITS
    record = struct.Struct(f"{order}IIII")
    while (head := source.take(record.size)) is not None:
        seconds, fraction, kept, was = record.unpack(head)
        if kept > MAX_FRAME_BYTES:
            raise source.damaged(f"a packet of {kept} bytes is claimed")
        data = source.need(kept)
        yield Frame(seconds * 1_000_000_000 + fraction * unit_ns, link_type, data, kept < was)
