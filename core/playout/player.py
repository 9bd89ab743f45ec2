"""Takes audio out of the ring at the pace that was decided: splices, resampling, skips."""

from __future__ import annotations

from typing import Final

from core.playout.figures import IntervalTally, PlayoutCounters
from core.playout.resampling import FractionalReader
from core.playout.ring import Pcm, PcmRing
from core.playout.time_scale import SHORTEST_LAG_SAMPLES, TimeScale
from core.playout.windows import FADE_SAMPLES

OVERDRAFT_SAMPLES: Final = 720
"""A splice may come 15 ms before it is due, so that the best lag can be chosen; the next one then comes later."""

MOST_DUE_SAMPLES: Final = 4_800
"""What could not be done for want of a good place is made up for later, up to 100 ms."""

STRICT_SIMILARITY: Final = 0.9
"""A splice that is not due yet has to be as good as that; NetEQ asks the same of every one."""

PATIENCE_SAMPLES: Final = 1_440
"""What is 30 ms overdue is taken out wherever it is: the best lag is taken, however alike."""

HASTE_SAMPLES: Final = 384
"""The same for audio to be put in, 8 ms: a dropout threatens."""


class Player:
    """Owns what sounds between ring and output. Not thread-safe."""

    def __init__(self, ring: PcmRing, channels: int, counters: PlayoutCounters, interval: IntervalTally) -> None:
        """Nothing played yet."""
        self._ring = ring
        self._reader = FractionalReader(channels)
        self._time_scale = TimeScale()
        self._counters = counters
        self._interval = interval
        self._due = 0.0
        self._was_faster = False

    def restart(self) -> None:
        """What comes next does not go on from what was read before."""
        self._reader.reset()
        self._due = 0.0

    def stretch(self, share: float, frames: int, most: int) -> int:
        """Splice if it is time to, before ``frames`` are read; return by how many frames the ring became shorter.

        ``share`` is how much faster (positive) or slower playout is to be; ``most`` bounds one splice. A negative
        result is audio put in.
        """
        if share == 0:
            # What was not done is not made up for much later; what was done too soon still counts.
            self._due = min(self._due, 0.0)
            return 0
        is_faster = share > 0
        if is_faster != self._was_faster:
            self._due = 0.0
        self._was_faster = is_faster
        self._due = min(self._due + abs(share) * frames, MOST_DUE_SAMPLES)
        if self._due <= 0 or most < SHORTEST_LAG_SAMPLES:
            return 0
        patience = PATIENCE_SAMPLES if is_faster else HASTE_SAMPLES
        least_similarity = STRICT_SIMILARITY - 2 * self._due / patience
        longest = min(most, round(self._due) + OVERDRAFT_SAMPLES)
        if is_faster:
            removed = self._time_scale.remove(self._ring, longest, least_similarity)
            self._counters.removed_samples_for_acceleration += removed
        else:
            removed = -self._time_scale.insert(self._ring, longest, least_similarity)
            self._counters.inserted_samples_for_deceleration -= removed
        self._due -= abs(removed)
        self._interval.stretched_samples += abs(removed)
        return removed

    def skip(self, samples: int) -> int:
        """Leave out the next frames with a cross-fade; return how many."""
        skipped = self._ring.skip(samples, FADE_SAMPLES)
        self._counters.skipped_samples += skipped
        self._interval.skipped_samples += skipped
        return skipped

    def read_into(self, out: Pcm, ratio: float) -> int:
        """Fill the start of ``out`` from the ring, ``ratio`` frames for each; return how many were filled."""
        count = self._reader.read_into(self._ring, out, ratio)
        self._time_scale.hear(out[:count])
        self._counters.total_samples_received += count
        return count
