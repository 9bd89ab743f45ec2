"""One packet to many: who keeps up is written to in one tight loop, the others take it one by one.

A listener costs what the system takes for its write, and little else: whether its last packet has gone out is the only
thing that is asked for each. What it was sent is counted for all who were sent the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from core.server.packets import EncodedPacket

Framing = Callable[[EncodedPacket], bytes]
"""Makes the message of a packet. Equal ones make equal messages."""


class Way(NamedTuple):
    """How packets get to a recipient that nothing holds up."""

    framing: Framing
    buffered: Callable[[], int]
    """Bytes of earlier messages that the system has not taken."""
    write: Callable[[bytes], object]


class Passed(NamedTuple):
    """What one recipient was sent."""

    packets: int
    payload_bytes: int
    """Opus bytes."""
    frame_bytes: int
    newest: EncodedPacket | None


class Recipient(Protocol):
    """Somebody who gets packets. Nothing here waits."""

    def deliver(self, packet: EncodedPacket) -> None:
        """Take one packet; called in the order of media time."""

    def way(self) -> Way | None:
        """How the packets to come can be sent without asking it again; ``None``: by `deliver` only."""

    def sit_down(self, seat: Seat) -> None:
        """The packets to come are sent its `way`. As soon as something stands in that, it calls `Seat.leave`."""

    def stand_up(self) -> None:
        """Not any more: count what the seat has `passed`."""

    def fail(self, error: Exception) -> None:
        """Sending to it was not possible, for a reason that nobody thought of: end it, and it alone."""


class Seat:
    """A recipient's place among those who are sent the same."""

    __slots__ = ("_fan_out", "_lane", "_recipient", "_seen")

    def __init__(self, fan_out: FanOut, lane: _Lane, recipient: Recipient) -> None:
        """What was sent before it came is not counted."""
        self._fan_out, self._lane, self._recipient = fan_out, lane, recipient
        self._seen = lane.total

    def passed(self) -> Passed:
        """What was sent since it was asked last."""
        before, now = self._seen, self._lane.total
        self._seen = now
        packets = now.packets - before.packets
        return Passed(
            packets,
            now.payload_bytes - before.payload_bytes,
            now.frame_bytes - before.frame_bytes,
            now.newest if packets else None,
        )

    def leave(self) -> None:
        """From now on by `Recipient.deliver`, until it has a `way` again."""
        self._fan_out.excuse(self._recipient)


class _Lane:
    """Recipients who are sent the very same bytes and keep up."""

    __slots__ = ("framing", "total", "ways")

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self.ways: dict[Recipient, tuple[Callable[[], int], Callable[[bytes], object]]] = {}
        self.total = Passed(0, 0, 0, None)

    def send(self, packet: EncodedPacket) -> tuple[bytes, list[Recipient]]:
        """The message that was made, and who has not been sent it."""
        frame = self.framing(packet)
        late = []
        for recipient, (buffered, write) in self.ways.items():
            try:
                if buffered():
                    late.append(recipient)
                else:
                    write(frame)
            except Exception:  # noqa: BLE001 - it will tell when it is asked itself, with the others served
                late.append(recipient)
        return frame, late

    def count(self, packet: EncodedPacket, frame: bytes) -> None:
        """All who are here have been sent it."""
        packets, payload_bytes, frame_bytes, _ = self.total
        self.total = Passed(packets + 1, payload_bytes + len(packet.payload), frame_bytes + len(frame), packet)


class FanOut:
    """Sends packets to its recipients."""

    def __init__(self) -> None:
        """Nobody is there."""
        self._by_hand: dict[Recipient, None] = {}
        self._lane_of: dict[Recipient, _Lane] = {}
        self._lanes: dict[Framing, _Lane] = {}

    def __len__(self) -> int:
        return len(self._by_hand) + len(self._lane_of)

    def add(self, recipient: Recipient) -> None:
        """Send it what comes from now on."""
        self._by_hand[recipient] = None

    def remove(self, recipient: Recipient) -> None:
        """Send it nothing more; harmless for one who isn't there."""
        self.excuse(recipient)
        self._by_hand.pop(recipient, None)

    def clear(self) -> None:
        """Remove everybody."""
        for recipient in list(self._lane_of):
            self.excuse(recipient)
        self._by_hand.clear()

    def excuse(self, recipient: Recipient) -> None:
        """Out of its seat, if it has one."""
        lane = self._lane_of.pop(recipient, None)
        if lane is None:
            return
        del lane.ways[recipient]
        if not lane.ways:
            del self._lanes[lane.framing]
        self._by_hand[recipient] = None
        recipient.stand_up()

    def send(self, packet: EncodedPacket) -> None:
        """To everybody."""
        for lane in list(self._lanes.values()):
            frame, late = lane.send(packet)
            for recipient in late:
                self.excuse(recipient)
            lane.count(packet, frame)
        for recipient in list(self._by_hand):
            try:
                recipient.deliver(packet)
                way = recipient.way()
            except Exception as error:  # noqa: BLE001 - of one recipient; the others hear on
                recipient.fail(error)
                continue
            if way is not None and recipient in self._by_hand:
                self._seat(recipient, way)

    def _seat(self, recipient: Recipient, way: Way) -> None:
        lane = self._lanes.get(way.framing)
        if lane is None:
            lane = self._lanes[way.framing] = _Lane(way.framing)
        del self._by_hand[recipient]
        lane.ways[recipient] = (way.buffered, way.write)
        self._lane_of[recipient] = lane
        recipient.sit_down(Seat(self, lane, recipient))
