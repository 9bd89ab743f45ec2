"""Which datagrams of a capture are RTP, which of these streams carry Opus, and how they came.

Nothing in a packet says that it is RTP, let alone Opus: RTP has no magic, and Opus' payload type is agreed on elsewhere
(RFC 7587 §4.1). So as Wireshark's heuristic (epan/dissectors/packet-rtp.c) this looks for version 2 and no RTCP, and
beyond that for one source whose numbers rise and whose payloads, for most of them, are Opus packets that last as long
as the timestamps say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from core.opus.packet import MalformedPacketError, parse_packet
from core.recording.capture_frames import Frame
from core.recording.link_layers import Datagram, NoDatagram, datagram_of
from core.wire.rtp import (
    DYNAMIC_PAYLOAD_TYPES,
    PAYLOAD_TYPE_OPUS,
    RtpError,
    RtpPacket,
    is_rtcp,
    parse_rtp,
)

MAX_CANDIDATES: Final = 4_096
"""Every other UDP packet of some protocols looks like RTP of another source; what has too few packets then goes."""

PACKETS_NEEDED: Final = 3
"""As `core.wire.detect` on a WebSocket."""

_OPUS_SHARE: Final = 0.9
_TIMED_SHARE: Final = 0.5
"""Lost packets and pauses leave gaps, but every other step fits in any stream that is worth listening to."""

_MAX_STEP: Final = 100
"""Numbers of one stream rise by less from packet to packet (RFC 3550 appendix A.1 has the same for reordering)."""

Key = tuple[bytes, int, bytes, int, int, int]
"""Addresses and ports, SSRC, payload type."""


@dataclass(frozen=True, slots=True)
class RtpStream:
    """One source's packets of one payload type."""

    key: Key
    path: str
    packets: int
    first_ns: int
    last_ns: int

    @property
    def ssrc(self) -> int:
        return self.key[4]

    @property
    def payload_type(self) -> int:
        return self.key[5]

    @property
    def text(self) -> str:
        """One line for people: what to choose it by, and what it is."""
        seconds = (self.last_ns - self.first_ns) / 1e9
        path = f", {self.path}" if self.path else ""
        return f"{self.ssrc:#010x} (payload type {self.payload_type}, {self.packets} packets, {seconds:.1f} s{path})"


@dataclass(slots=True)
class _Candidate:
    path: str
    first_ns: int
    last_ns: int
    packets: int = 0
    opus: int = 0
    steps: int = 0
    in_sequence: int = 0
    timed: int = 0
    last: tuple[int, int, int] | None = None
    """Number, timestamp and samples of the packet before."""

    def add(self, packet: RtpPacket, at_ns: int) -> None:
        self.packets += 1
        self.first_ns, self.last_ns = min(self.first_ns, at_ns), max(self.last_ns, at_ns)
        try:
            samples = parse_packet(packet.payload).duration_samples
            self.opus += 1
        except MalformedPacketError:
            samples = 0
        if self.last is not None:
            number, timestamp, duration = self.last
            step = (packet.sequence_number - number) & 0xFFFF
            self.steps += 1
            self.in_sequence += 0 < step < _MAX_STEP or step > 0x10000 - _MAX_STEP
            self.timed += step == 1 and (packet.timestamp - timestamp) & 0xFFFF_FFFF == duration > 0
        self.last = packet.sequence_number, packet.timestamp, samples

    def is_opus(self, payload_type: int) -> bool:
        if payload_type not in DYNAMIC_PAYLOAD_TYPES or self.packets < PACKETS_NEEDED:
            return False
        if self.opus < _OPUS_SHARE * self.packets or self.in_sequence < _OPUS_SHARE * self.steps:
            return False
        return payload_type == PAYLOAD_TYPE_OPUS or self.timed >= _TIMED_SHARE * self.steps


@dataclass(slots=True)
class StreamFinder:
    """Looks at all frames of a file once, in memory that does not grow with it."""

    frames: int = 0
    datagrams: int = 0
    others: Counter[NoDatagram] = field(default_factory=Counter)
    cut: int = 0
    """Datagrams of which less was kept than was sent."""
    _candidates: dict[Key, _Candidate] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        """Take in the next frame."""
        self.frames += 1
        datagram = datagram_of(frame)
        if isinstance(datagram, NoDatagram):
            self.others[datagram] += 1
            return
        self.datagrams += 1
        self.cut += frame.is_cut
        packet = rtp_of(datagram)
        if packet is None:
            return
        key = key_of(datagram, packet)
        candidate = self._candidates.get(key)
        if candidate is None:
            if len(self._candidates) >= MAX_CANDIDATES and not self._make_room():
                return
            candidate = self._candidates[key] = _Candidate(datagram.path, frame.at_ns, frame.at_ns)
        candidate.add(packet, frame.at_ns)

    def streams(self, *, opus_only: bool = True) -> list[RtpStream]:
        """What was found, the most packets first."""
        found = [
            RtpStream(key, one.path, one.packets, one.first_ns, one.last_ns)
            for key, one in self._candidates.items()
            if one.is_opus(key[5]) or (not opus_only and one.packets >= PACKETS_NEEDED)
        ]
        return sorted(found, key=lambda stream: -stream.packets)

    def what_else(self) -> str:
        """What the file holds in place of Opus, in one clause."""
        if not self.frames:
            return "it holds no packets at all"
        kinds = [f"{number} {kind.value}" for kind, number in self.others.most_common()]
        rest = [f"{self.datagrams} UDP", *kinds] if self.datagrams else kinds
        cut = f"; {self.cut} of them cut short when they were captured" if self.cut else ""
        return f"it holds {self.frames} packets: {', '.join(rest)}{cut}"

    def _make_room(self) -> bool:
        """Forget what came too rarely; gives whether there is room now."""
        few = [key for key, one in self._candidates.items() if one.packets < PACKETS_NEEDED]
        for key in few:
            del self._candidates[key]
        return bool(few)


def rtp_of(datagram: Datagram) -> RtpPacket | None:
    """The RTP packet in a datagram, if it can be one."""
    if is_rtcp(datagram.payload):
        return None
    try:
        return parse_rtp(datagram.payload)
    except RtpError:
        return None


def key_of(datagram: Datagram, packet: RtpPacket) -> Key:
    """What packets of one stream have in common."""
    return (
        datagram.source,
        datagram.source_port,
        datagram.destination,
        datagram.destination_port,
        packet.ssrc,
        packet.payload_type,
    )


def packets_of(frames: Iterator[Frame], key: Key) -> Iterator[tuple[bytes, int]]:
    """The RTP packets of one stream, and when they came."""
    for frame in frames:
        datagram = datagram_of(frame)
        if isinstance(datagram, NoDatagram) or datagram.source_port != key[1]:
            continue
        packet = rtp_of(datagram)
        if packet is not None and key_of(datagram, packet) == key:
            yield datagram.payload, frame.at_ns
