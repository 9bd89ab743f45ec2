"""Listeners that cost little: plain sockets, of whose messages only the heads are looked at."""

from __future__ import annotations

import base64
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.wire.rtp import is_rtcp

_RECEIVE_BYTES: Final = 1 << 18
_TINY_BUFFER_BYTES: Final = 2_048

_BINARY: Final = 0x82
_PING: Final = 0x89
_CLOSE: Final = 0x88
_PONG: Final = b"\x8a\x80\0\0\0\0"
"""Empty, as the server's pings are, and masked with zeros (RFC 6455 §5.5.3)."""
_GOODBYE: Final = b"\x88\x82\0\0\0\0\x03\xe8"
"""Close code 1000, masked with zeros."""


class SoakError(RuntimeError):
    """The server did not do as a WebSocket server does."""


@dataclass(slots=True)
class Listener:
    """One connection; counts the packets that came, and of RTP those that did not."""

    connection: socket.socket
    is_rtp: bool
    packets: int = 0
    missing: int = 0
    is_closed: bool = False
    _rest: bytes = b""
    _next: int | None = None

    def read(self) -> None:
        """Take all there is."""
        while not self.is_closed:
            try:
                data = self.connection.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self.is_closed = True
                return
            self._take(self._rest + data)

    def leave(self, *, politely: bool) -> None:
        """Go, with a closing frame or by cutting the connection."""
        if politely:
            self._send(_GOODBYE)
        else:
            # With this, closing sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _take(self, data: bytes) -> None:
        at = 0
        while len(data) - at >= 2:
            length, header = data[at + 1], 2
            if length == 126:
                if len(data) - at < 4:
                    break
                length, header = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            end = at + header + length
            if len(data) < end:
                break
            if data[at] == _BINARY:
                self._count(data[at + header : end])
            elif data[at] == _PING:
                self._send(_PONG)
            elif data[at] == _CLOSE:
                self.is_closed = True
            at = end
        self._rest = data[at:]

    def _count(self, message: bytes) -> None:
        if self.is_rtp:
            if is_rtcp(message):
                return
            number = int.from_bytes(message[2:4], "big")
            if self._next is not None:
                self.missing += (number - self._next) & 0xFFFF
            self._next = (number + 1) & 0xFFFF
        self.packets += 1

    def _send(self, frame: bytes) -> None:
        try:
            self.connection.send(frame)
        except OSError:
            self.is_closed = True


def connect(url: str, *, is_rtp: bool = False, reads: bool = True) -> Listener:
    """A new listener; one that will not read gets the smallest buffer there is.

    Raises:
        OSError: nobody listens there.
        SoakError: the server refused.
    """
    parts = urlsplit(url)
    connection = socket.socket()
    connection.settimeout(10)
    if not reads:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TINY_BUFFER_BYTES)
    connection.connect((parts.hostname or "", parts.port or 80))
    key = base64.b64encode(os.urandom(16)).decode()
    query = "&".join(filter(None, (parts.query, "framing=rtp" if is_rtp else "")))
    connection.sendall(
        f"GET {parts.path}?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        # Byte by byte would be slow, more than the head would be sound: that is taken below.
        piece = connection.recv(1_024)
        if not piece:
            raise SoakError(f"the server refused: {answer[:200]!r}")
        answer += piece
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise SoakError(f"the server refused: {head[:200]!r}")
    connection.setblocking(False)
    listener = Listener(connection, is_rtp)
    listener._take(rest)
    return listener
