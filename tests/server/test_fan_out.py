"""One packet to many: everybody gets each packet once and in order, whoever is held up, and is counted what it got."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.server.fan_out import FanOut, Passed, Seat, Way
from core.server.packets import EncodedPacket, bare_frame


def packet(number: int) -> EncodedPacket:
    return EncodedPacket(bytes([number % 251]) * (1 + number % 7), number, number * 960, 960, 0)


def marked_frame(packet: EncodedPacket) -> bytes:
    """Another framing."""
    return b"!" + packet.frame


class Guest:
    """Writes to memory; can be held up."""

    def __init__(self, framing: object = bare_frame, *, is_ready: bool = True) -> None:
        self.framing = framing
        self.is_ready = is_ready
        self.waiting = 0
        self.frames: list[bytes] = []
        self.delivered: list[int] = []
        self.packets = self.payload_bytes = self.frame_bytes = 0
        self.newest: EncodedPacket | None = None
        self.seat: Seat | None = None
        self.failures: list[Exception] = []

    def deliver(self, packet: EncodedPacket) -> None:
        self.delivered.append(packet.number)
        frame = self.framing(packet)  # type: ignore[operator]
        self.frames.append(frame)
        self._count(Passed(1, len(packet.payload), len(frame), packet))

    def way(self) -> Way | None:
        if not self.is_ready or self.waiting:
            return None
        return Way(self.framing, lambda: self.waiting, self.frames.append)  # type: ignore[arg-type]

    def sit_down(self, seat: Seat) -> None:
        assert self.seat is None
        self.seat = seat

    def stand_up(self) -> None:
        self.look()
        self.seat = None

    def fail(self, error: Exception) -> None:
        self.failures.append(error)

    def look(self) -> None:
        if self.seat is not None:
            self._count(self.seat.passed())

    def _count(self, passed: Passed) -> None:
        self.packets += passed.packets
        self.payload_bytes += passed.payload_bytes
        self.frame_bytes += passed.frame_bytes
        self.newest = passed.newest or self.newest


def test_who_keeps_up_is_asked_once_and_then_written_to() -> None:
    fan_out, guests = FanOut(), [Guest() for _ in range(3)]
    for guest in guests:
        fan_out.add(guest)
    for number in range(5):
        fan_out.send(packet(number))
    for guest in guests:
        assert guest.delivered == [0]
        assert guest.frames == [packet(number).frame for number in range(5)]


def test_who_is_held_up_takes_each_packet_itself_until_nothing_waits_any_more() -> None:
    fan_out, guest = FanOut(), Guest()
    fan_out.add(guest)
    for number in range(2):
        fan_out.send(packet(number))
    guest.waiting = 1
    for number in range(2, 4):
        fan_out.send(packet(number))
    guest.waiting = 0
    for number in range(4, 7):
        fan_out.send(packet(number))
    assert guest.delivered == [0, 2, 3, 4]
    assert guest.packets == 5
    guest.look()
    assert (guest.packets, guest.newest) == (7, packet(6))


def test_different_framings_get_their_own_bytes() -> None:
    fan_out, bare, marked = FanOut(), Guest(), Guest(marked_frame)
    fan_out.add(bare)
    fan_out.add(marked)
    for number in range(3):
        fan_out.send(packet(number))
    assert bare.frames == [packet(number).frame for number in range(3)]
    assert marked.frames == [b"!" + packet(number).frame for number in range(3)]


def test_a_packet_is_counted_for_who_was_there_and_for_nobody_else() -> None:
    fan_out, early, late = FanOut(), Guest(), Guest()
    fan_out.add(early)
    for number in range(3):
        fan_out.send(packet(number))
    fan_out.add(late)
    for number in range(3, 5):
        fan_out.send(packet(number))
    fan_out.remove(early)
    fan_out.send(packet(5))
    late.look()
    assert (early.packets, early.newest) == (5, packet(4))
    assert (late.packets, late.newest) == (3, packet(5))
    assert early.seat is None
    assert len(fan_out) == 1
    fan_out.clear()
    assert late.seat is None
    assert len(fan_out) == 0


class Broken(Guest):
    """Fails when it is given its second packet."""

    def deliver(self, packet: EncodedPacket) -> None:
        if self.delivered:
            raise OSError("nobody thought of this")
        super().deliver(packet)

    def way(self) -> Way | None:
        def fail() -> int:
            raise OSError("nor of this")

        return Way(bare_frame, fail, self.frames.append)


def test_who_cannot_be_sent_to_fails_alone() -> None:
    fan_out, good, broken, later = FanOut(), Guest(), Broken(), Guest()
    for guest in (good, broken, later):
        fan_out.add(guest)
    for number in range(3):
        fan_out.send(packet(number))
    assert good.frames == later.frames == [packet(number).frame for number in range(3)]
    assert broken.frames == [packet(0).frame]
    assert [str(error) for error in broken.failures] == ["nobody thought of this", "nobody thought of this"]


ACTIONS = st.sampled_from(["send", "send", "send", "hold up", "let go", "join", "leave", "get up", "look"])


@given(st.lists(st.tuples(ACTIONS, st.integers(0, 3)), max_size=120))
def test_whatever_happens_everybody_has_each_packet_of_its_time_once_and_in_order(plan: list[tuple[str, int]]) -> None:
    fan_out = FanOut()
    guests = [Guest(marked_frame if at == 3 else bare_frame, is_ready=at != 2) for at in range(4)]
    expected: list[list[bytes]] = [[] for _ in guests]
    octets = [0] * len(guests)
    present: set[int] = set()
    number = 0
    for action, at in plan:
        guest = guests[at]
        match action:
            case "send":
                sent = packet(number)
                number += 1
                fan_out.send(sent)
                for each in present:
                    expected[each].append(guests[each].framing(sent))  # type: ignore[operator]
                    octets[each] += len(sent.payload)
            case "hold up":
                guest.waiting = 1
            case "let go":
                guest.waiting = 0
            case "join":
                if at not in present:
                    fan_out.add(guest)
                    present.add(at)
            case "leave":
                fan_out.remove(guest)
                present.discard(at)
            case "get up":
                if guest.seat is not None:
                    guest.seat.leave()
            case "look":
                guest.look()
    for guest, frames, opus_bytes in zip(guests, expected, octets, strict=True):
        guest.look()
        assert guest.frames == frames
        assert (guest.packets, guest.payload_bytes) == (len(frames), opus_bytes)
        assert guest.frame_bytes == sum(len(frame) for frame in frames)
    assert len(fan_out) == len(present)
