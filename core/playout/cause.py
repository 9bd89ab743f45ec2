"""Why playout ran dry: what is known about the time around an episode, weighed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final


class UnderrunCause(Enum):
    """The side that an underrun comes from."""

    NETWORK = "late network"
    """The packets came too late, and nothing else explains it."""
    OUTAGE = "connection lost"
    """There was no connection on which anything could have come."""
    SERVER = "server drop"
    """What was missing never came: sequence numbers were left out."""
    DECODER = "decoder"
    """What came could not be decoded."""
    INTERPRETER = "interpreter stall"
    """The event loop did not run, so what had come was not read."""
    DEVICE = "device xrun"
    """Nothing was late: the sound device asked for more than it used to, or lost what it had been given."""


XRUN_REACH_NS: Final = 300_000_000
"""After an xrun a device fills its buffer anew; devices have up to some 200 ms of it."""

ENOUGH_SHARE: Final = 0.5
"""What explains half of the time without audio is the cause."""


@dataclass(frozen=True, slots=True)
class Dryness:
    """One episode: when it was and what the buffer saw of it."""

    began_ns: int
    ended_ns: int
    overdue_at_begin_ns: int
    """How late the next packet was when playout ran dry; at most 0 if it was not."""
    lost_ns: int
    """Media time left out in sequence when packets came again."""
    malformed_packets: int
    """Packets that could not be decoded during the episode."""

    def shared_ns(self, stretches: Iterable[tuple[int, int]]) -> int:
        """For how much of it something went on in one of these stretches of time."""
        return sum(max(0, min(ended, self.ended_ns) - max(began, self.began_ns)) for began, ended in stretches)


class CauseFinder:
    """Keeps what others noticed, for as long as it can be of use."""

    def __init__(self) -> None:
        """Nothing noticed."""
        self._outages: deque[tuple[int, int]] = deque(maxlen=64)
        self._stalls: deque[tuple[int, int]] = deque(maxlen=64)
        self._xruns: deque[int] = deque(maxlen=64)

    def connection_lost(self, began_ns: int, ended_ns: int) -> None:
        """There was no connection between these."""
        self._outages.append((began_ns, ended_ns))

    def loop_stalled(self, began_ns: int, ended_ns: int) -> None:
        """The event loop did not run between these."""
        self._stalls.append((began_ns, ended_ns))

    def device_xrun(self, at_ns: int) -> None:
        """The device lost audio, or asked late."""
        self._xruns.append(at_ns)

    def find(self, dry: Dryness) -> UnderrunCause:
        """The most likely cause: what was seen to go wrong here first, the network only where nothing was."""
        length_ns = max(dry.ended_ns - dry.began_ns, 1)
        if dry.shared_ns(self._outages) >= length_ns * ENOUGH_SHARE:
            return UnderrunCause.OUTAGE
        if dry.lost_ns >= length_ns * ENOUGH_SHARE:
            return UnderrunCause.SERVER
        if dry.malformed_packets:
            return UnderrunCause.DECODER
        if dry.shared_ns(self._stalls) >= length_ns * ENOUGH_SHARE:
            return UnderrunCause.INTERPRETER
        has_xrun = any(-XRUN_REACH_NS <= at - dry.began_ns <= length_ns for at in self._xruns)
        if dry.overdue_at_begin_ns <= 0 or (has_xrun and dry.overdue_at_begin_ns < length_ns):
            return UnderrunCause.DEVICE
        return UnderrunCause.NETWORK
