"""Counting underruns as what a listener notices: episodes, and how long nothing was there to play."""

from __future__ import annotations

from core.playout.arrivals import duration_ns
from core.playout.cause import CauseFinder, Dryness
from core.playout.figures import IntervalTally, PlayoutCounters, UnderrunEpisode


class UnderrunTracker:
    """Follows one episode at a time, from the first missing sample until playout goes on."""

    def __init__(self, counters: PlayoutCounters, interval: IntervalTally) -> None:
        """Count into these."""
        self._counters = counters
        self._interval = interval
        self._began_ns = 0
        self._overdue_ns = 0
        self._lost_samples = 0
        self._malformed_before = 0
        self._waiting: list[tuple[UnderrunEpisode, Dryness]] = []
        self.samples = 0
        """Frames starved in the present episode, or in the last one."""

    def begin(self, now_ns: int, overdue_ns: int) -> None:
        """The ring ran dry, while the next packet was so late."""
        self._began_ns = now_ns
        self._overdue_ns = overdue_ns
        self._lost_samples = 0
        self._malformed_before = self._counters.packets_malformed
        self.samples = 0
        self._counters.underrun_episodes += 1
        self._counters.concealment_events += 1
        self._interval.episodes_begun += 1

    def lost(self, samples: int) -> None:
        """A packet came after missing ones that stood for so much media time."""
        self._lost_samples += samples

    def starve(self, frames: int, audible: int) -> None:
        """So many frames were concealed, the first ``audible`` of them with sound."""
        self.samples += frames
        self._interval.starved_samples += frames
        counters = self._counters
        counters.starved_samples += frames
        counters.concealed_samples += frames
        counters.silent_concealed_samples += frames - audible
        counters.total_samples_received += frames

    def end(self) -> None:
        """Playout goes on, or nothing is expected any more."""
        dryness = Dryness(
            self._began_ns,
            self._began_ns + duration_ns(self.samples),
            self._overdue_ns,
            duration_ns(self._lost_samples),
            self._counters.packets_malformed - self._malformed_before,
        )
        self._waiting.append((UnderrunEpisode(self._began_ns, self.samples), dryness))

    def settle(self, causes: CauseFinder) -> tuple[UnderrunEpisode, ...]:
        """The episodes that ended since the last call, with their causes.

        Decided here and not when they end, since an event loop that stalled tells so only afterwards.
        """
        settled = tuple(episode.because(causes.find(dryness)) for episode, dryness in self._waiting)
        self._waiting.clear()
        return settled
