"""What all capture files come to: frames with a time, and one error that says where a file is no good."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
"""The longest block that is read into memory, as in Wireshark (``MAX_BLOCK_SIZE`` of wiretap/pcapng.c): a length field
that claims more is damage, and would otherwise be asked of the system."""

LINK_RTP: Final = -1
"""Beside the numbers of tcpdump.org/linktypes.html: the frame is an RTP or RTCP packet as it stands."""


class CaptureError(ValueError):
    """A file that is no capture, or a damaged one; one line names file, offset, and what to do."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What was on the wire at one moment, as far as it was kept."""

    at_ns: int
    """Since the Unix epoch, or whatever the file counts from."""
    link_type: int
    """What the bytes begin with: tcpdump.org/linktypes.html, or `LINK_RTP`."""
    data: bytes
    is_cut: bool = False
    """Whether more was on the wire than was kept (a snap length)."""


Frames = Generator[Frame, None, None]


class ByteSource:
    """A file read from front to back, that knows where it stands and what its name is."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        """Reads from where ``file`` stands, which counts as offset 0."""
        self._file, self.path = file, path
        self.offset = 0

    def take(self, size: int) -> bytes | None:
        """Exactly ``size`` bytes; ``None`` at the end of the file.

        Raises:
            CutOffError: the file ends within them.
        """
        data = self._file.read(size)
        if len(data) == size:
            self.offset += size
            return data
        if not data:
            return None
        raise CutOffError(f"{self.path} is cut off at offset {self.offset + len(data)}; what comes after is missing")

    def need(self, size: int) -> bytes:
        """Exactly ``size`` bytes, which must be there.

        Raises:
            CutOffError: the file ends before or within them.
        """
        data = self.take(size)
        if data is None:
            raise CutOffError(f"{self.path} is cut off at offset {self.offset}; what comes after is missing")
        return data

    def damaged(self, what: str) -> CaptureError:
        """The error for what is wrong at the present offset."""
        return CaptureError(f"{self.path} is damaged at offset {self.offset}: {what}; capture it anew, or cut it there")


class CutOffError(CaptureError):
    """The file ends in the middle of something, as after a crash: all before it is good."""
