"""Packets as received to packets in media order without holes: what Ogg Opus asks for (RFC 7845 §4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS, MalformedPacketError, parse_packet
from core.recording.ogg_opus import MAX_OPUS_BYTES
from core.recording.stand_ins import STEP_SAMPLES, stand_ins

MAX_FILLED_SAMPLES: Final = 60_000 * SAMPLES_PER_MS
"""A minute. A longer hole is shortened to that: a time stamp that leaps by hours must not fill the disk."""

_OUTAGE_SAMPLES: Final = 100 * SAMPLES_PER_MS
"""Where one stream ends and another begins, only the clock tells how long there was none; less than this is jitter."""

Timed = tuple[bytes, int]
"""A packet and its duration in samples at 48 kHz."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One received packet with what has to be before it."""

    packet: Timed
    stand_ins: tuple[Timed, ...] = ()


@dataclass(slots=True)
class Tally:
    """What happened on the way."""

    packets: int = 0
    """Received and kept."""
    gaps: int = 0
    """Places where something was missing, whatever filled them."""
    filled_samples: int = 0
    malformed: int = 0
    """No Opus packets; left out."""
    out_of_order: int = 0
    """Came twice, or after a later one; left out as in playback."""


class Continuity:
    """Makes one stream of all that comes. What is late or twice is dropped, what is missing is stood in for.

    That is so across connections, too. Ogg could chain a stream to another one (RFC 3533 §4), but FFmpeg then says
    "failed to create or replace stream", does not know the length, and gives up where the number of channels changes
    (libavformat 62.12); and how long there was nothing would be lost.

    The same packets are taken and dropped as in playback (`core.playout.intake`), so that both have the same sound.
    """

    def __init__(self) -> None:
        """Before the first packet."""
        self.tally = Tally()
        self._last: Timed | None = None
        self._last_number: int | None = None
        self._next_timestamp: int | None = None
        self._arrived_ns: int | None = None
        self._is_new = False
        self._owed = 0
        """Samples that are missing and stand in no file yet: of packets that could not be read, and what was left of
        holes that are no multiple of 2.5 ms."""

    def restart(self) -> None:
        """What comes next has other numbers and time stamps: another connection, or another source on the same one."""
        self._last_number = self._next_timestamp = None
        self._is_new = True

    def take(self, packet: MediaPacket) -> Placed | None:
        """Where one packet has its place; ``None`` if it has none."""
        missing = self._missing_before(packet)
        if missing is None:
            self.tally.out_of_order += 1
            return None
        try:
            if len(packet.payload) > MAX_OPUS_BYTES:
                raise MalformedPacketError(f"{len(packet.payload)} bytes are more than a packet can hold")
            samples = parse_packet(packet.payload).duration_samples
        except MalformedPacketError:
            self._leave_out(packet)
            return None
        last, self._last = self._last, (packet.payload, samples)
        hole = 0 if last is None else self._owed + self._silence_before(packet, missing, last[1])
        self._is_new, self._arrived_ns = False, packet.arrival_ns
        self._last_number = packet.sequence_number
        self._next_timestamp = None if packet.media_timestamp is None else packet.media_timestamp + samples
        self.tally.packets += 1
        hole = min(hole, MAX_FILLED_SAMPLES)
        fillable = hole - hole % STEP_SAMPLES
        self._owed = hole - fillable
        self.tally.gaps += fillable > 0
        self.tally.filled_samples += fillable
        return Placed(self._last, tuple(stand_ins(fillable, last[0])) if last is not None else ())

    def _leave_out(self, packet: MediaPacket) -> None:
        """It was meant to be audio of the usual length; where packets are numbered, its number will be missing."""
        self.tally.malformed += 1
        if packet.sequence_number is None and packet.media_timestamp is None and self._last is not None:
            self._owed += self._last[1]

    def _missing_before(self, packet: MediaPacket) -> int | None:
        """How many numbers were left out before it; ``None`` if it is an old one."""
        if packet.sequence_number is None or self._last_number is None:
            return 0
        missing = packet.sequence_number - self._last_number - 1
        return missing if missing >= 0 else None

    def _silence_before(self, packet: MediaPacket, missing: int, last_samples: int) -> int:
        """Samples between the packet before and this one."""
        if self._is_new and self._arrived_ns is not None:
            passed = (packet.arrival_ns - self._arrived_ns) * SAMPLES_PER_MS // 1_000_000 - last_samples
            return passed if passed > _OUTAGE_SAMPLES else 0
        if packet.media_timestamp is not None and self._next_timestamp is not None:
            return max(0, packet.media_timestamp - self._next_timestamp)
        return missing * last_samples
