"""The sending side of a connection: straight to the socket, or in a queue that can be seen, never out of order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.server.frames import binary_frame
from core.server.outbox import Outbox
from core.server.packets import EncodedPacket


def packet(number: int, size: int = 400) -> EncodedPacket:
    return EncodedPacket(number.to_bytes(4, "big") * (size // 4), number, number * 960, 960, 0)


class Line:
    """An outbox at one end of a connection, and the other end."""

    def __init__(self, outbox: Outbox, other_end: socket.socket, transport: asyncio.WriteTransport) -> None:
        self.outbox, self.other_end, self.transport = outbox, other_end, transport
        self.blocked = 0

    async def read(self) -> bytes:
        """All that there is."""
        data = b""
        while True:
            try:
                piece = self.other_end.recv(1 << 16)
            except BlockingIOError:
                return data
            if not piece:
                return data
            data += piece
            await asyncio.sleep(0)

    async def read_all(self) -> bytes:
        """Until nothing waits any more."""
        data = b""
        async with asyncio.timeout(5):
            while not self.outbox.is_empty:
                data += await self.read()
                self.outbox.flush()
                await asyncio.sleep(0)
        return data + await self.read()


@asynccontextmanager
async def line(queue_ms: float = 500) -> AsyncIterator[Line]:
    """Both ends on this machine; the reader takes as little as the system allows."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as other_end:
        other_end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        other_end.connect(server.getsockname())
        ours, _ = server.accept()
        other_end.setblocking(False)
        ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, ours)
        transport.set_write_buffer_limits(high=0)

        def note() -> None:
            result.blocked += 1

        result = Line(Outbox(transport, queue_ms, note), other_end, transport)
        try:
            yield result
        finally:
            transport.abort()


def fill(line: Line) -> int:
    """Send until something waits; returns how many packets that took."""
    number = 0
    while not line.blocked:
        line.outbox.send_media(packet(number).frame, packet(number))
        number += 1
        assert number < 10_000
    return number


async def test_what_the_socket_takes_is_sent_at_once_and_nothing_waits() -> None:
    async with line() as at:
        at.outbox.send_control(b"hello")
        at.outbox.send_media(packet(1, 8).frame, packet(1, 8))
        assert at.outbox.is_empty
        await asyncio.sleep(0.01)
        assert await at.read() == b"hello" + binary_frame(packet(1, 8).payload)
        assert (at.outbox.packets_sent, at.outbox.bytes_sent, at.blocked) == (1, 8, 0)


async def test_what_it_does_not_take_waits_in_order_control_and_sound_alike() -> None:
    async with line() as at:
        count = fill(at)
        at.outbox.send_control(b"between")
        at.outbox.send_media(packet(count).frame, packet(count))
        assert at.outbox.queue.depth_ms >= 20
        data = await at.read_all()
    expected = b"".join(binary_frame(packet(number).payload) for number in range(count))
    assert data == expected + b"between" + binary_frame(packet(count).payload)
    assert at.outbox.packets_sent == count + 1
    assert at.blocked == 1


async def test_what_waits_longer_than_the_queue_allows_is_dropped_whole_from_the_front() -> None:
    async with line(queue_ms=100) as at:
        count = fill(at)
        for number in range(count, count + 50):
            at.outbox.send_media(packet(number).frame, packet(number))
        assert at.outbox.queue.depth_ms == 100
        data = await at.read_all()
    kept = [*range(count - 1), *range(count + 45, count + 50)]
    assert data == b"".join(binary_frame(packet(number).payload) for number in kept)
    assert at.outbox.queue.packets_dropped == 46
    assert at.outbox.packets_sent == len(kept)


async def test_whatever_else_waits_in_the_transport_is_never_cut_in_two() -> None:
    """The library's own messages (ping, pong, close) go through the transport."""
    async with line() as at:
        alien = b"x" * 3_000_000
        at.transport.write(alien)
        at.outbox.send_media(packet(7).frame, packet(7))
        assert not at.outbox.is_empty
        assert await at.read_all() == alien + binary_frame(packet(7).payload)


async def test_after_closing_nothing_more_is_taken_but_what_waits_goes_out() -> None:
    async with line() as at:
        count = fill(at)
        at.outbox.close()
        at.outbox.send_media(packet(count).frame, packet(count))
        at.outbox.send_control(b"late")
        at.outbox.send_at_once(b"later")
        data = await at.read_all()
    assert data == b"".join(binary_frame(packet(number).payload) for number in range(count))


@pytest.mark.parametrize("kind", ["they went", "we cut it"])
async def test_a_connection_that_is_gone_takes_whatever_it_is_given(kind: str) -> None:
    async with line() as at:
        if kind == "they went":
            at.other_end.close()
        else:
            at.outbox.abort()
        for number in range(20):
            at.outbox.send_media(packet(number).frame, packet(number))
            await asyncio.sleep(0.001)
        assert at.transport.is_closing()


async def test_nothing_is_written_to_one_who_has_gone_and_nothing_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with line() as at:
        fill(at)
        for number in range(20):
            at.outbox.send_media(packet(number).frame, packet(number))
        at.transport.abort()
        at.outbox.flush()
        for number in range(20):
            at.outbox.send_at_once(b"answer")
            at.outbox.send_control(b"told")
            at.outbox.send_media(packet(number).frame, packet(number))
    assert caplog.records == []
