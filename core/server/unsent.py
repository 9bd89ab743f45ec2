"""What a connection's socket holds that was never sent."""

from __future__ import annotations

import struct
import sys

_SIOCOUTQNSD = 0x894B
"""linux/sockios.h: bytes in the output queue that were not sent yet; what is on its way does not count."""


def unsent_bytes(descriptor: int) -> int:
    """Bytes that the other side's window, or the link, has kept here; 0 where the system cannot tell."""
    if sys.platform != "linux":
        return 0
    import fcntl

    try:
        answer = fcntl.ioctl(descriptor, _SIOCOUTQNSD, b"\0\0\0\0")
    except OSError:
        return 0  # It has just been closed.
    return int(struct.unpack("i", answer)[0])
