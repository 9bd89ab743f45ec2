"""The sending side of one connection: straight to the socket while that takes it, else a queue that can be seen.

Nobody waits here and no task belongs to it, so a thousand listeners cost a thousand writes and nothing else.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final

from core.opus.packet import SAMPLES_PER_MS
from core.server.fan_out import Passed
from core.server.packets import EncodedPacket
from core.server.send_queue import Queued, SendQueue
from core.server.unsent import unsent_bytes

SEND_BUFFER_BYTES: Final = 16 * 1024
"""The socket's own queue. What it holds can no longer be dropped, so it shall hold little, but still some of the
longest packets there are (60 ms at 510 kbit/s: 3,825 bytes)."""

UNSENT_BYTES: Final = 4 * 1024
"""Of these, how many may not even have been sent: at 32 kbit/s one second, plus one packet."""

_RESET: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER: closing sends a reset."""


class Outbox:
    """Takes frames in order; what the socket does not take waits in a `SendQueue` until `flush`."""

    __slots__ = (
        "_descriptor",
        "_is_blocked",
        "_is_closed",
        "_is_closing",
        "_is_watched",
        "_on_blocked",
        "_socket",
        "_transport",
        "bytes_sent",
        "bytes_written",
        "packets_sent",
        "queue",
    )

    def __init__(self, transport: asyncio.WriteTransport, queue_ms: float, on_blocked: Callable[[], None]) -> None:
        """``on_blocked`` is called when something begins to wait: from then on `flush` has to be called now and then.

        The transport is made to hold as little as possible, so that a slow listener fills our queue; TCP_NODELAY has
        been set already.
        """
        self._transport = transport
        self._is_closing = transport.is_closing
        self._on_blocked = on_blocked
        self._is_blocked = self._is_closed = False
        self.queue = SendQueue(queue_ms)
        self._is_watched = False
        self.packets_sent = 0
        self.bytes_sent = 0
        """Opus bytes."""
        self.bytes_written = 0
        """Of all frames, those included that the system has not sent yet."""
        connection = self._socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # For what the transport holds: it goes on when the system holds less.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self._descriptor = connection.fileno()

    @property
    def is_empty(self) -> bool:
        """Whether all was given to the system."""
        return not self.queue and not self._buffered()

    @property
    def way(self) -> tuple[Callable[[], int], Callable[[bytes], object]] | None:
        """What tells how much of the last frame is left, and what writes the next one if that is nothing.

        ``None`` while frames have to go through `send_media`: some wait, or more of them might have to.
        """
        if self._is_blocked or self._is_closed or self._is_watched:
            return None
        return self._transport.get_write_buffer_size, self._transport.write

    def add(self, passed: Passed) -> None:
        """Count packets that were sent by the `way`."""
        self.packets_sent += passed.packets
        self.bytes_sent += passed.payload_bytes
        self.bytes_written += passed.frame_bytes

    def watch(self) -> int:
        """Look at what the system has not sent yet, in bytes; call it about once a second.

        Where that is more than `UNSENT_BYTES`, no more is given to it from then on until it has sent some: the queue is
        where what is late can be seen, and dropped. Asking before each packet costs, so only then.
        """
        unsent = 0 if self._is_closing() else unsent_bytes(self._descriptor)
        self._is_watched = unsent > UNSENT_BYTES or (self._is_watched and unsent > 0)
        buffered = self._buffered()
        if buffered:
            # Perhaps nothing else is ever sent that would find out.
            self._note_blocked()
        return unsent + buffered

    def send_media(self, frame: bytes, packet: EncodedPacket) -> None:
        """A packet in its frame."""
        if self._is_blocked or self._is_full():
            if not self._is_closed:
                self.queue.put_media(Queued(frame, packet.duration / SAMPLES_PER_MS, len(packet.payload)))
                self._note_blocked()
        elif not self._is_closed:
            self._write(frame)
            self.packets_sent += 1
            self.bytes_sent += len(packet.payload)

    def send_control(self, frame: bytes) -> None:
        """A message that belongs at this place of the stream."""
        if self._is_closed:
            return
        if self._is_blocked or self._is_full():
            self.queue.put_control(frame)
            self._note_blocked()
        else:
            self._write(frame)

    def send_at_once(self, frame: bytes) -> None:
        """Past the queue; forgotten where even that would have to wait, as what it says would be wrong by then."""
        if self._is_closed or self._is_closing():
            return
        if self._buffered():
            self._note_blocked()
        else:
            self._transport.write(frame)

    def flush(self) -> bool:
        """Give the socket what it takes now; tells whether it took anything."""
        has_moved = False
        while self.queue and not self._is_full():
            queued = self.queue.take()
            self._write(queued.frame)
            has_moved = True
            if queued.duration_ms:
                self.packets_sent += 1
                self.bytes_sent += queued.payload_bytes
        # What the transport holds counts, too: who does not take that for long is stuck.
        self._is_blocked = bool(self.queue) or self._buffered() > 0
        return has_moved

    def close(self) -> None:
        """Take nothing more; what waits can still be flushed."""
        self._is_closed = True

    def release(self) -> None:
        """Tell nobody any more when something waits."""
        self._on_blocked = _nobody

    def abort(self) -> None:
        """Cut the connection, and tell the system to forget what it holds.

        Otherwise it would keep that for minutes for a client that does not read, which would learn of nothing.
        """
        if self._socket.fileno() == -1:
            return  # It is lost already, and its transport can't be told so once more.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _is_full(self) -> bool:
        if self._buffered():
            return True
        is_watched = self._is_watched and not self._is_closing()
        return is_watched and unsent_bytes(self._descriptor) > UNSENT_BYTES

    def _buffered(self) -> int:
        try:
            return self._transport.get_write_buffer_size()
        except AttributeError:
            return 0  # CPython's TLS transport forgets its connection when it is closed twice, and cannot tell then.

    def _write(self, frame: bytes) -> None:
        """To a transport that holds nothing; it tries the system at once."""
        if self._is_closing():
            return  # It has gone, and asyncio would warn of each frame.
        self.bytes_written += len(frame)
        self._transport.write(frame)

    def _note_blocked(self) -> None:
        if not self._is_blocked:
            self._is_blocked = True
            self._on_blocked()


def _nobody() -> None:
    """Is told that something waits, when whoever asked has gone."""
