"""Counting underruns as what a listener notices: episodes, and how long nothing was there to play."""

from __future__ import annotations

from core.playout.figures import IntervalTally, PlayoutCounters, UnderrunEpisode


class UnderrunTracker:
    """Follows one episode at a time, from the first missing sample until playout goes on."""

    def __init__(self, counters: PlayoutCounters, interval: IntervalTally) -> None:
        """Count into these."""
        self._counters = counters
        self._interval = interval
        self._began_ns = 0
        self.samples = 0
        """Frames starved in the present episode, or in the last one."""

    def begin(self, now_ns: int) -> None:
        """The ring ran dry."""
        self._began_ns = now_ns
        self.samples = 0
        self._counters.underrun_episodes += 1
        self._counters.concealment_events += 1
        self._interval.episodes_begun += 1

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
        self._interval.episodes.append(UnderrunEpisode(self._began_ns, self.samples))
