"""What the jitter buffer counts and reports: totals, the interval since the last look, underrun episodes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from core.opus.packet import SAMPLES_PER_MS
from core.playout.cause import UnderrunCause
from core.playout.target import TargetChange

_PULLS_KEPT = 512
"""Playout delays kept between two looks; 512 pulls of 2.5 ms are 1.3 s, and a look comes every 50 ms."""


@dataclass(slots=True)
class PlayoutCounters:
    """Totals since the beginning, in samples at 48 kHz; the names are those of W3C webrtc-stats where it has one."""

    total_samples_received: int = 0
    """Samples played, concealed ones included."""
    concealed_samples: int = 0
    silent_concealed_samples: int = 0
    concealment_events: int = 0
    inserted_samples_for_deceleration: int = 0
    removed_samples_for_acceleration: int = 0
    packets_discarded: int = 0
    """Duplicates, and packets pushed out or skipped before they were played."""
    packets_lost: int = 0
    """Missing sequence numbers: over TCP, what the server dropped."""
    packets_malformed: int = 0
    skipped_samples: int = 0
    """Audio left out because it was later than live mode allows, or because the ring was full."""
    recovered_samples: int = 0
    """Missing audio that came from in-band FEC."""
    underrun_episodes: int = 0
    starved_samples: int = 0

    @property
    def starved_ms(self) -> float:
        """Time without audio in all episodes."""
        return self.starved_samples / SAMPLES_PER_MS

    def copy(self) -> PlayoutCounters:
        """As they stand now."""
        # A fifth of what `dataclasses.replace` takes: whoever pulls the audio waits meanwhile.
        return PlayoutCounters(*_totals(self))


_totals = attrgetter(*(total.name for total in fields(PlayoutCounters)))


@dataclass(frozen=True, slots=True)
class UnderrunEpisode:
    """From the first missing sample until playout went on."""

    began_ns: int
    starved_samples: int
    cause: UnderrunCause = UnderrunCause.NETWORK

    def because(self, cause: UnderrunCause) -> UnderrunEpisode:
        """The same with this cause."""
        return replace(self, cause=cause)

    @property
    def starved_ms(self) -> float:
        """How long nothing was there to play."""
        return self.starved_samples / SAMPLES_PER_MS


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest, mean and largest of some values."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class PlayoutInterval:
    """What happened since the last look; ``None`` where nothing was played. All in milliseconds."""

    depth_ms: Range | None
    """Ring depth before and after each pull."""
    playout_delays_ms: NDArray[np.float64]
    """One for each pull that played: how much later its first sample came than the quickest packets allowed."""
    buffer_ms: float | None
    """Mean time from a packet's arrival to the moment its first sample was pulled."""
    network_ms: float | None
    """Mean time from a packet's last sample being captured to its arrival, where capture times are known."""
    starved_ms: float
    skipped_ms: float
    """Audio left out because it was later than live mode allows, or because the ring was full."""
    stretched_ms: float
    """Audio put in and taken out by time-scale modification, together."""
    target_changes: tuple[TargetChange, ...]
    episodes: tuple[UnderrunEpisode, ...]
    """Episodes that ended in this interval."""
    episodes_begun: int


@dataclass(slots=True)
class IntervalTally:
    """Gathers a `PlayoutInterval`; lives under the buffer's lock and allocates nothing while it counts."""

    _depth_low: int = 0
    _depth_high: int = 0
    _depth_total: int = 0
    _depth_count: int = 0
    _delays_ms: NDArray[np.float64] = field(default_factory=lambda: np.zeros(_PULLS_KEPT))
    _delay_count: int = 0
    _buffer_ns: int = 0
    _buffer_count: int = 0
    _network_ns: int = 0
    _network_count: int = 0
    starved_samples: int = 0
    skipped_samples: int = 0
    stretched_samples: int = 0
    episodes_begun: int = 0
    target_changes: list[TargetChange] = field(default_factory=list)

    def depth(self, samples: int) -> None:
        """One reading of the ring's depth."""
        if not self._depth_count:
            self._depth_low = self._depth_high = samples
        elif samples < self._depth_low:
            self._depth_low = samples
        elif samples > self._depth_high:
            self._depth_high = samples
        self._depth_total += samples
        self._depth_count += 1

    def playout_delay(self, delay_ms: float) -> None:
        """The playout delay of one pull; more than are kept are left out."""
        if self._delay_count < _PULLS_KEPT:
            self._delays_ms[self._delay_count] = delay_ms
            self._delay_count += 1

    def packet_played(self, buffer_ns: int, network_ns: int | None) -> None:
        """A packet's first sample was pulled."""
        self._buffer_ns += buffer_ns
        self._buffer_count += 1
        if network_ns is not None:
            self._network_ns += network_ns
            self._network_count += 1

    def take(self, episodes: tuple[UnderrunEpisode, ...]) -> PlayoutInterval:
        """The figures gathered so far with the episodes that ended, and start anew."""
        depth = None
        if self._depth_count:
            depth = Range(
                self._depth_low / SAMPLES_PER_MS,
                self._depth_total / self._depth_count / SAMPLES_PER_MS,
                self._depth_high / SAMPLES_PER_MS,
            )
        interval = PlayoutInterval(
            depth_ms=depth,
            playout_delays_ms=self._delays_ms[: self._delay_count].copy(),
            buffer_ms=self._buffer_ns / self._buffer_count / 1e6 if self._buffer_count else None,
            network_ms=self._network_ns / self._network_count / 1e6 if self._network_count else None,
            starved_ms=self.starved_samples / SAMPLES_PER_MS,
            skipped_ms=self.skipped_samples / SAMPLES_PER_MS,
            stretched_ms=self.stretched_samples / SAMPLES_PER_MS,
            target_changes=tuple(self.target_changes),
            episodes=episodes,
            episodes_begun=self.episodes_begun,
        )
        self._depth_count = self._depth_total = self._delay_count = 0
        self._buffer_ns = self._buffer_count = self._network_ns = self._network_count = 0
        self.starved_samples = self.skipped_samples = self.stretched_samples = self.episodes_begun = 0
        self.target_changes.clear()
        return interval
