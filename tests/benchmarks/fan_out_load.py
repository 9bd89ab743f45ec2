"""Many listeners in one process: a few are measured exactly, the others are emptied once a second."""

from __future__ import annotations

import argparse
import base64
import json
import os
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

FRAME_MS: Final = 20.0
_EXACT: Final = 9
_AT_ONCE: Final = 50
"""Connections that are being opened at the same time."""
_TURN_S: Final = 0.001
_DRAIN_S: Final = 1.0
_SETTLE_S: Final = 2.0
_NEWCOMERS: Final = 50
"""How many come later, one by one, to see how soon each has its first packet."""
_PAUSE_S: Final = 0.033
"""Between two of them; no multiple of a frame."""
_RECEIVE_BYTES: Final = 1 << 16


class LoadError(RuntimeError):
    """The server did not do as a WebSocket server does."""


@dataclass(slots=True)
class Listener:
    """One connection; of an exact one each packet's arrival."""

    connection: socket.socket
    upgraded_s: float
    arrivals_s: list[float] = field(default_factory=list)
    rest: bytes = b""

    def take(self, now_s: float, data: bytes) -> None:
        """Count the binary messages in what has come; the server masks nothing and sends no large frames here."""
        data = self.rest + data
        at = 0
        while len(data) - at >= 2:
            length, header = data[at + 1], 2
            if length == 126:
                if len(data) - at < 4:
                    break
                length, header = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            if len(data) - at < header + length:
                break
            if data[at] == 0x82:
                self.arrivals_s.append(now_s)
            at += header + length
        self.rest = data[at:]


def main() -> int:
    """Print ``listening``, then ``done``, then one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--listeners", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    chosen = parser.parse_args()
    count = chosen.listeners
    exact_at = {round(place * (count - 1) / (_EXACT - 1)) for place in range(_EXACT)}
    exact: dict[int, Listener] = {}
    plain: list[socket.socket] = []
    poll = select.epoll()
    for first in range(0, count, _AT_ONCE):
        for at, connection in zip(
            range(first, min(first + _AT_ONCE, count)),
            _connect(chosen.url, min(_AT_ONCE, count - first)),
            strict=True,
        ):
            upgraded_s, rest = _upgrade(connection)
            connection.setblocking(False)
            if at in exact_at:
                listener = exact[connection.fileno()] = Listener(connection, upgraded_s)
                listener.take(time.perf_counter(), rest)
                poll.register(connection.fileno(), select.EPOLLIN)
            else:
                plain.append(connection)
            _turn(poll, exact, 0.0)
        _drain(plain[-_AT_ONCE:])
    listening = Round(poll, exact, plain)
    listening.run(_SETTLE_S)
    for each in exact.values():
        each.arrivals_s.clear()
    print("listening", flush=True)
    began_s = time.perf_counter()
    listening.run(chosen.seconds)
    seconds = time.perf_counter() - began_s
    print("done", flush=True)
    first_packet_ms = []
    for _ in range(_NEWCOMERS):
        first_packet_ms.append(_first_packet_ms(chosen.url))
        listening.run(_PAUSE_S)
    # Those of the newcomers' time do not count.
    for each in exact.values():
        each.arrivals_s = [at_s for at_s in each.arrivals_s if at_s < began_s + seconds]
    arrivals_ms = [[at_s * 1e3 for at_s in each.arrivals_s] for each in exact.values()]
    print(json.dumps({"seconds": seconds, "arrivals_ms": arrivals_ms, "first_packet_ms": first_packet_ms}), flush=True)
    return 0


def _first_packet_ms(url: str) -> float:
    """From the upgrade to the first packet of one more listener, which leaves then."""
    (connection,) = _connect(url, 1)
    with connection:
        upgraded_s, rest = _upgrade(connection)
        listener = Listener(connection, upgraded_s)
        listener.take(upgraded_s, rest)
        while not listener.arrivals_s:
            data = connection.recv(_RECEIVE_BYTES)
            if not data:
                raise LoadError("the server closed a connection")
            listener.take(time.perf_counter(), data)
    return (listener.arrivals_s[0] - upgraded_s) * 1e3


class Round:
    """Empties the plain sockets in turn, a few at a time, each once in `_DRAIN_S`."""

    def __init__(self, poll: select.epoll, exact: dict[int, Listener], plain: list[socket.socket]) -> None:
        """Begins with the first one."""
        self._poll, self._exact, self._plain = poll, exact, plain
        self._at, self._drained_s = 0, time.perf_counter()

    def run(self, seconds: float) -> None:
        """Listen for so long."""
        ends_s = time.perf_counter() + seconds
        while (now_s := time.perf_counter()) < ends_s:
            _turn(self._poll, self._exact, _TURN_S)
            count = len(self._plain)
            due = min(count, int((now_s - self._drained_s) * count / _DRAIN_S))
            if due:
                _drain([self._plain[(self._at + step) % count] for step in range(due)])
                self._at, self._drained_s = (self._at + due) % count, now_s


def _turn(poll: select.epoll, exact: dict[int, Listener], wait_s: float) -> None:
    for descriptor, _ in poll.poll(wait_s):
        now_s = time.perf_counter()
        listener = exact[descriptor]
        data = listener.connection.recv(_RECEIVE_BYTES)
        if not data:
            raise LoadError("the server closed a connection")
        listener.take(now_s, data)


def _drain(connections: list[socket.socket]) -> None:
    for connection in connections:
        try:
            if not connection.recv(_RECEIVE_BYTES):
                raise LoadError("the server closed a connection")
        except BlockingIOError:
            pass


def _connect(url: str, count: int) -> list[socket.socket]:
    parts = urlsplit(url)
    opened = []
    for _ in range(count):
        connection = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        opened.append(connection)
    return opened


def _upgrade(connection: socket.socket) -> tuple[float, bytes]:
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(_RECEIVE_BYTES)
        if not piece:
            raise LoadError(f"the server refused: {answer[:200]!r}")
        answer += piece
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise LoadError(f"the server refused: {head[:200]!r}")
    return time.perf_counter(), rest


if __name__ == "__main__":
    sys.exit(main())
