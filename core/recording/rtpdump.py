"""The binary files of rtptools' rtpdump: RTP packets with milliseconds, and nothing of the network below.

Source of the layout: rtptools 1.23, rtpdump.h and the manual page rtpdump(1), format "dump". There is no RFC.
"""

from __future__ import annotations

import struct
from typing import Final

from core.recording.capture_frames import LINK_RTP, ByteSource, CaptureError, Frame, Frames

MAGIC: Final = b"#!rtpplay1.0 "

_LONGEST_FIRST_LINE: Final = 256
_FILE_HEADER = struct.Struct(">IIIHH")
"""Seconds and microseconds of the start, address and port it came from, padding."""
_PACKET = struct.Struct(">HHI")
"""Length of this record with its header, length of the packet on the wire (0: it is RTCP), milliseconds since start."""


def read_rtpdump(source: ByteSource) -> Frames:
    """The frames of a file that begins with `MAGIC`.

    Raises:
        CutOffError: after the last whole packet, if the file ends within one.
        CaptureError: after the last good packet, where the file is damaged.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        line += source.need(1)
        if len(line) > _LONGEST_FIRST_LINE:
            raise CaptureError(f"{source.path} has no end to the first line of an rtpdump file; is it one?")
    seconds, microseconds, *_ = _FILE_HEADER.unpack(source.need(_FILE_HEADER.size))
    began_ns = seconds * 1_000_000_000 + microseconds * 1_000
    while (head := source.take(_PACKET.size)) is not None:
        length, was, offset_ms = _PACKET.unpack(head)
        if length < _PACKET.size:
            raise source.damaged(f"a packet of {length} bytes with its header of {_PACKET.size}")
        data = source.need(length - _PACKET.size)
        yield Frame(began_ns + offset_ms * 1_000_000, LINK_RTP, data, len(data) < was)
