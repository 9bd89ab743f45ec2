"""Lateness that rises from one packet to the next: what becomes of it tells what it was.

If the packets after it come early again, something was held up and then came all at once: a stall. If they stay as
late, media time itself stood still: packets were left out, or the source paused. With media times (RTP) the first of
these does not show as lateness; a bare stream says nothing, and this is all there is to see of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

RISE_FRAMES: Final = 0.6
"""A rise by so many packet lengths is looked at: one that was left out is a whole length, and the jitter of a quiet
path (a few ms) is far less than the shortest usual one."""

RETURNED_FRAMES: Final = 0.4
"""Nearer than that to the level before it is back."""

WATCHED_BURSTS: Final = 3
WATCHED_PACKETS: Final = 16
WATCHED_NS: Final = 1_000_000_000
"""For so long a rise has to stay: what is held up comes within a second in most cases, and two more bursts have to be
seen, since within a burst each packet is a length less late than the one before."""

LEVEL_BURSTS: Final = 8
"""The level before is that of the quickest packet of so many bursts."""

_MAX_SUSPECTS: Final = 8


@dataclass(slots=True, eq=False)
class Rise:
    """A rise of lateness, and what came after it. Times in nanoseconds."""

    at_ns: int
    before_ns: int
    """Arrival of the packet before."""
    packet: int
    level_ns: int
    rise_ns: int
    frame_ns: int
    is_after_dtx: bool
    least_ns: int
    """The least lateness since."""
    bursts: int = 0
    packets: int = 0

    @property
    def stayed_ns(self) -> int:
        """By how much lateness is above the level before since then."""
        return self.least_ns - self.level_ns


class RiseWatch:
    """Sees rises, and says of each once whether it stayed. Constant work for each packet."""

    def __init__(self) -> None:
        """No packets yet."""
        self._levels: deque[int] = deque(maxlen=LEVEL_BURSTS)
        self._burst_ns = 0
        self.floor_ns: int | None = None
        """The least lateness of late; a packet that is far less late is of a backlog, or media time is wrong."""
        self._last_ns: int | None = None
        self._suspects: list[Rise] = []

    @property
    def is_open(self) -> bool:
        """Whether it is open of a rise what it was."""
        return bool(self._suspects)

    def clear(self) -> None:
        """Another timeline."""
        self._levels.clear()
        self._suspects.clear()
        self._last_ns = self.floor_ns = None

    def add(
        self, at_ns: int, before_ns: int, lateness_ns: int, frame_ns: int, packet: int, *, begins_burst: bool, dtx: bool
    ) -> list[Rise]:
        """Take in a packet and return the rises that are decided by it, oldest first."""
        last_ns = self._last_ns
        self._last_ns = lateness_ns
        if last_ns is None:
            self._burst_ns = lateness_ns
            return []
        if begins_burst:
            self._levels.append(self._burst_ns)
            self._burst_ns = lateness_ns
            self.floor_ns = min(self._levels)
        elif lateness_ns < self._burst_ns:
            self._burst_ns = lateness_ns
        if not self._suspects and lateness_ns - last_ns < frame_ns * 0.5:
            return []
        decided = self._look_on(at_ns, lateness_ns, begins_burst) if self._suspects else []
        if begins_burst and lateness_ns - last_ns >= frame_ns * 0.5:
            self._suspect(at_ns, before_ns, lateness_ns, frame_ns, packet, dtx)
        return decided

    def correct(self, by_ns: int) -> None:
        """The lateness of all that is to come, and of what is open, is less by so much: media time was put right."""
        self._burst_ns -= by_ns
        self._levels = deque((level_ns - by_ns for level_ns in self._levels), LEVEL_BURSTS)
        if self._last_ns is not None:
            self._last_ns -= by_ns
        if self.floor_ns is not None:
            self.floor_ns -= by_ns
        for suspect in self._suspects:
            suspect.level_ns -= by_ns
            suspect.least_ns -= by_ns

    def give_up(self) -> list[Rise]:
        """The rises that are still open: nothing more will come."""
        suspects, self._suspects = self._suspects, []
        return suspects

    def _suspect(self, at_ns: int, before_ns: int, lateness_ns: int, frame_ns: int, packet: int, dtx: bool) -> None:
        level_ns = self._suspects[-1].least_ns if self._suspects else min(self._levels)
        rise_ns = lateness_ns - level_ns
        if rise_ns < RISE_FRAMES * frame_ns:
            return
        if len(self._suspects) == _MAX_SUSPECTS:
            del self._suspects[0]
        self._suspects.append(Rise(at_ns, before_ns, packet, level_ns, rise_ns, frame_ns, dtx, lateness_ns))

    def _look_on(self, at_ns: int, lateness_ns: int, begins_burst: bool) -> list[Rise]:
        decided = []
        for suspect in self._suspects:
            suspect.packets += 1
            suspect.bursts += begins_burst
            suspect.least_ns = min(suspect.least_ns, lateness_ns)
            has_returned = suspect.stayed_ns < RETURNED_FRAMES * suspect.frame_ns
            has_stayed = suspect.bursts >= WATCHED_BURSTS and suspect.packets >= WATCHED_PACKETS
            if has_returned or (has_stayed and at_ns - suspect.at_ns >= WATCHED_NS):
                decided.append(suspect)
        if decided:
            self._suspects = [suspect for suspect in self._suspects if suspect not in decided]
            if any(suspect.stayed_ns >= RISE_FRAMES * suspect.frame_ns for suspect in decided):
                # What was the level has become another one; the caller will correct it by as much. A packet that
                # begins a burst is none of it yet: it may be the next rise.
                self._levels = deque([self._levels[-1] if begins_burst else self._burst_ns], LEVEL_BURSTS)
        return decided
