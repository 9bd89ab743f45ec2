"""Whether all packets came, once, in order."""

from __future__ import annotations

from collections import deque
from typing import Final

from core.analysis.results import MAX_EVIDENCE, Completeness, Evidence
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS, PacketInfo

STUCK_MS: Final = 500.0
"""Equal packets for so long are no chance. (A steady tone whose period fits the frame can do it, too: what comes in
is equal then, and nothing in the packets tells one from the other.)"""

STUCK_PACKETS: Final = 10

_SILENT_BYTES: Final = 8
"""libopus codes digital silence in three bytes at a variable rate."""

_PADDED_FROM: Final = 4
"""At a constant rate it fills these packets up with bytes that are all the same."""

TOGETHER_NS: Final = 3_000_000
"""What a server sends twice it sends at once."""

_MISSING_KEPT: Final = 1_000
"""Numbers that are missing and may still come."""

_UNREADABLE_SHOWN: Final = 200


class SequenceTally:
    """Takes in each packet. Memory is bounded."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.packets = 0
        self._bytes = 0
        self._malformed = 0
        self._newest_malformed: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._has_numbers = False
        self._highest: int | None = None
        self._missing = 0
        self._open_numbers: dict[int, None] = {}
        self._gaps = 0
        self._newest_gaps: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._next_timestamp: int | None = None
        self._timestamp_gaps = 0
        self._timestamp_gap_samples = 0
        self._timestamp_overlaps = 0
        self._newest_timestamp_faults: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._duplicates = 0
        self._newest_duplicates: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._reordered = 0
        self._newest_reordered: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._last_payload = b""
        self._last_ns = 0
        self._run = 1
        self._run_began = (0.0, 0)
        self._run_ms = 0.0
        self._is_pair = False
        self._longest_run = 0
        self._longest_run_ms = 0.0
        self._newest_runs: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._new_streams = 0

    def begin(self) -> None:
        """Another connection: its numbers have nothing to do with those before."""
        self._highest = self._next_timestamp = None
        self._open_numbers.clear()
        self._last_payload = b""
        self._run = 1

    def new_stream(self) -> None:
        """Another stream on the same connection."""
        self._new_streams += 1
        self.begin()

    def unreadable(self, at_s: float, problem: str) -> None:
        """A message that cannot be read."""
        self._malformed += 1
        self._newest_malformed.append(Evidence(at_s, self.packets, note=problem[:_UNREADABLE_SHOWN]))

    def take(self, packet: MediaPacket, info: PacketInfo, at_s: float) -> bool:
        """A packet came; return whether it is a new one, in its place, by which time can be told."""
        number = self.packets
        self.packets += 1
        payload = packet.payload
        self._bytes += len(payload)
        is_equal = payload == self._last_payload
        is_new = True
        if packet.sequence_number is not None:
            self._has_numbers = True
            is_new = self._numbered(packet.sequence_number, number, at_s)
        elif is_equal or self._is_pair:
            is_new = not self._came_twice(packet, number, at_s, is_equal)
        if is_new or packet.sequence_number is None:
            self._watch_for_repeats(payload, info, number, at_s, is_equal)
        if is_new and packet.media_timestamp is not None:
            self._timed(packet, info, number, at_s)
        self._last_payload, self._last_ns = payload, packet.arrival_ns
        return is_new

    def result(self, left_out_ms: float, left_out_places: int, left_out: tuple[Evidence, ...]) -> Completeness:
        """All counts up to now; what was left out of a bare stream is known to whoever knows the times."""
        numbered = self._has_numbers
        bare = "bare packets have no sequence numbers and no media times"
        known = "told exactly by sequence numbers"
        names = ("missing", "missing_pct", "gaps", "timestamp_gaps", "timestamp_gap_ms", "timestamp_overlaps")
        missing = dict.fromkeys((*names, "reordered"), bare) if not numbered else {}
        if numbered:
            missing.update(dict.fromkeys(("left_out_ms", "left_out_places"), known))
        sent = self.packets - self._duplicates + self._missing
        return Completeness(
            packets=self.packets,
            bytes=self._bytes,
            malformed=self._malformed,
            newest_malformed=tuple(self._newest_malformed),
            missing=self._missing if numbered else None,
            missing_pct=100 * self._missing / max(sent, 1) if numbered else None,
            gaps=self._gaps if numbered else None,
            newest_gaps=tuple(self._newest_gaps),
            left_out_ms=None if numbered else left_out_ms,
            left_out_places=None if numbered else left_out_places,
            newest_left_out=() if numbered else left_out,
            timestamp_gaps=self._timestamp_gaps if numbered else None,
            timestamp_gap_ms=self._timestamp_gap_samples / SAMPLES_PER_MS if numbered else None,
            timestamp_overlaps=self._timestamp_overlaps if numbered else None,
            newest_timestamp_faults=tuple(self._newest_timestamp_faults),
            duplicates=self._duplicates,
            newest_duplicates=tuple(self._newest_duplicates),
            reordered=self._reordered if numbered else None,
            newest_reordered=tuple(self._newest_reordered),
            longest_repeat=self._longest_run,
            longest_repeat_ms=self._longest_run_ms,
            newest_repeats=tuple(self._newest_runs),
            new_streams=self._new_streams,
            not_measurable=missing,
        )

    def _numbered(self, sequence_number: int, number: int, at_s: float) -> bool:
        highest = self._highest
        if highest is None or sequence_number == highest + 1:
            self._highest = sequence_number
            return True
        if sequence_number > highest:
            count = sequence_number - highest - 1
            self._missing += count
            self._gaps += 1
            self._newest_gaps.append(Evidence(at_s, number, highest + 1, count))
            self._open_numbers.update(dict.fromkeys(range(max(highest + 1, sequence_number - 100), sequence_number)))
            while len(self._open_numbers) > _MISSING_KEPT:
                del self._open_numbers[next(iter(self._open_numbers))]
            self._highest = sequence_number
            return True
        if sequence_number in self._open_numbers:
            del self._open_numbers[sequence_number]
            self._missing -= 1
            self._reordered += 1
            self._newest_reordered.append(Evidence(at_s, number, sequence_number))
        else:
            self._duplicates += 1
            self._newest_duplicates.append(Evidence(at_s, number, sequence_number))
        return False

    def _came_twice(self, packet: MediaPacket, number: int, at_s: float, is_equal: bool) -> bool:
        """Of bare packets: two equal ones at once, and no third."""
        if not is_equal:
            self._is_pair = False
            return False
        if self._is_pair:
            # More than two are no packet that came twice.
            self._is_pair = False
            self._duplicates -= 1
            self._newest_duplicates.pop()
            return False
        is_at_once = packet.arrival_ns - self._last_ns < TOGETHER_NS
        if self._run != 1 or not is_at_once or stands_for_silence(packet.payload):
            return False
        self._is_pair = True
        self._duplicates += 1
        self._newest_duplicates.append(Evidence(at_s, number))
        return True

    def _watch_for_repeats(self, payload: bytes, info: PacketInfo, number: int, at_s: float, is_equal: bool) -> None:
        if not is_equal:
            self._run, self._run_ms, self._run_began = 1, info.duration_ms, (at_s, number)
            return
        if stands_for_silence(payload):
            return
        self._run += 1
        self._run_ms += info.duration_ms
        if self._run_ms > self._longest_run_ms:
            self._longest_run, self._longest_run_ms = self._run, self._run_ms
        if self._run >= STUCK_PACKETS and self._run_ms >= STUCK_MS:
            began_s, first = self._run_began
            run = Evidence(began_s, first, packets=self._run, length_ms=self._run_ms)
            if self._newest_runs and self._newest_runs[-1].packet == first:
                self._newest_runs[-1] = run
            else:
                self._newest_runs.append(run)

    def _timed(self, packet: MediaPacket, info: PacketInfo, number: int, at_s: float) -> None:
        timestamp, expected = packet.media_timestamp, self._next_timestamp
        if timestamp is None:
            return
        self._next_timestamp = timestamp + info.duration_samples
        if expected is None or timestamp == expected:
            return
        if timestamp < expected:
            self._timestamp_overlaps += 1
            note = "media time falls back"
        elif self._newest_gaps and self._newest_gaps[-1].packet == number:
            return  # that is the time of the packets that are missing
        else:
            self._timestamp_gaps += 1
            self._timestamp_gap_samples += timestamp - expected
            note = "media time leaps ahead" + (", marked as the end of a silence" if packet.marker else "")
        length_ms = (timestamp - expected) / SAMPLES_PER_MS
        self._newest_timestamp_faults.append(
            Evidence(at_s, number, packet.sequence_number, length_ms=length_ms, note=note)
        )


def stands_for_silence(payload: bytes) -> bool:
    """Whether equal packets like this one are nothing but digital silence, as far as its bytes tell."""
    return len(payload) <= _SILENT_BYTES or payload.count(payload[-1:], _PADDED_FROM) == len(payload) - _PADDED_FROM
