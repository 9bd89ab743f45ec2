"""Playing a little faster or slower at the same pitch: whole pitch periods are taken out or put in.

Overlap-add in the time domain, where the signal resembles itself: WSOLA (Verhelst & Roelands, "An overlap-add
technique based on waveform similarity (WSOLA) for high quality time-scale modification of speech", ICASSP 1993), one
splice at a time as in pitch-synchronous overlap-add (Moulines & Charpentier, Speech Communication 9, 1990). Pauses are
shortened and lengthened first.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.opus.packet import SAMPLES_PER_MS
from core.playout.pitch import Planar, find_lag
from core.playout.ring import KEPT_HISTORY_SAMPLES, Pcm, PcmRing
from core.playout.windows import FADE_SAMPLES, rising_fade

SHORTEST_LAG_SAMPLES: Final = 5 * SAMPLES_PER_MS // 2
"""One period of 400 Hz; of higher voices two or more periods go at once."""

LONGEST_LAG_SAMPLES: Final = KEPT_HISTORY_SAMPLES
"""20 ms: one period of 50 Hz, and of most voices several, which is fewer splices than one period at a time."""

LONGEST_PAUSE_SAMPLES: Final = 20 * SAMPLES_PER_MS
"""The most that is taken out of a pause at once: more is heard where the pause is the short one before a "t"."""

_WINDOW_SAMPLES: Final = 10 * SAMPLES_PER_MS
"""Compared are 10 ms, one period of a low voice. The cross-fade is as long as the period, but no longer than that:
measured, longer ones are not better."""

_LEAST_WINDOW_SAMPLES: Final = FADE_SAMPLES
"""With less ahead than 5 ms nothing is spliced."""

_QUIET_BLOCK_SAMPLES: Final = SHORTEST_LAG_SAMPLES
"""Quiet is decided for each 2.5 ms, so that a pause ends where the word begins."""

_QUIET_POWER: Final = 10 ** (-70 / 10)
"""-70 dBFS is a pause whatever was before."""

_QUIET_SHARE: Final = 10 ** (-40 / 10)
"""40 dB below the loudest of late: weak consonants are louder than that."""

_LEVEL_HALF_LIFE_SAMPLES: Final = 3_000 * SAMPLES_PER_MS
"""The loudest is forgotten by 3 dB in 3 s: a speaker who turns away is followed, a pause is not."""


class TimeScale:
    """Takes short pieces out of a ring of 48 kHz PCM, or puts them in, where that is heard least. Not thread-safe.

    One call makes one splice at most; the caller decides how often, and thereby how much faster or slower it gets.
    Measured: see ``tests/benchmarks/sound_quality.py``.
    """

    def __init__(self) -> None:
        """Nothing heard yet."""
        self._power = 0.0

    def hear(self, pcm: Pcm) -> None:
        """Follow the level of what is played, so that pauses can be told from it; for every block, of any length."""
        power = float(np.vdot(pcm, pcm)) / max(pcm.size, 1)
        self._power = max(power, self._power * 0.5 ** (len(pcm) / _LEVEL_HALF_LIFE_SAMPLES))

    def remove(self, ring: PcmRing, most: int, least_similarity: float) -> int:
        """Shorten what comes next; return by how many frames, 0 if there is no good place: the ring is unchanged then.

        ``most`` bounds it: what is to stay ahead of the read position is for the caller to subtract. For a lag to be
        considered it and 5 ms have to be stored; with 30 ms all are. ``least_similarity``, at most 1, is what both
        sides of the splice need (`find_lag`); pauses are cut at any.
        """
        ahead = ring.peek(0, min(len(ring), LONGEST_LAG_SAMPLES + _WINDOW_SAMPLES))
        pause = min(most, self._quiet_frames(ahead) - FADE_SAMPLES, LONGEST_PAUSE_SAMPLES)
        if pause >= SHORTEST_LAG_SAMPLES:
            return ring.skip(pause, FADE_SAMPLES)
        longest = min(most, LONGEST_LAG_SAMPLES, len(ahead) - _LEAST_WINDOW_SAMPLES)
        if longest < SHORTEST_LAG_SAMPLES:
            return 0
        window = min(_WINDOW_SAMPLES, len(ahead) - longest)
        lag, similarity = find_lag(_planar(ahead), window, SHORTEST_LAG_SAMPLES, longest)
        return ring.skip(lag, min(lag, window)) if similarity >= least_similarity else 0

    def insert(self, ring: PcmRing, most: int, least_similarity: float) -> int:
        """Lengthen what comes next by repeating what was just played; return by how many frames, as `remove` does.

        At least 5 ms have to be stored. What is repeated is the history of the ring, so there has to be one.
        """
        ahead = ring.peek(0, min(len(ring), _WINDOW_SAMPLES))
        played = ring.history(min(ring.history_frames, LONGEST_LAG_SAMPLES))
        longest = min(most, len(played), ring.capacity - len(ring))
        if longest < SHORTEST_LAG_SAMPLES or len(ahead) < _LEAST_WINDOW_SAMPLES:
            return 0
        # Backwards in time: the frames ahead first, what they are compared with after them.
        pause = min(longest, self._quiet_frames(_backwards(played, ahead[:FADE_SAMPLES])) - FADE_SAMPLES)
        if pause >= SHORTEST_LAG_SAMPLES:
            ring.prepend(_repeated(played[-pause:], ahead[:FADE_SAMPLES]))
            return pause
        around = _planar(_backwards(played, ahead))
        lag, similarity = find_lag(around, len(ahead), SHORTEST_LAG_SAMPLES, longest)
        if similarity < least_similarity:
            return 0
        ring.prepend(_repeated(played[-lag:], ahead))
        return lag

    def _quiet_frames(self, pcm: Pcm) -> int:
        """For how many frames from its beginning on this is a pause."""
        quiet = max(_QUIET_POWER, self._power * _QUIET_SHARE)
        first = pcm[:_QUIET_BLOCK_SAMPLES]
        if len(first) < _QUIET_BLOCK_SAMPLES or np.vdot(first, first) > quiet * first.size:
            return 0
        blocks = len(pcm) // _QUIET_BLOCK_SAMPLES
        pieces = pcm[: blocks * _QUIET_BLOCK_SAMPLES].reshape(blocks, -1)
        powers = np.einsum("bs,bs->b", pieces, pieces) / pieces.shape[1]
        loud = np.flatnonzero(powers > quiet)
        return (int(loud[0]) if len(loud) else blocks) * _QUIET_BLOCK_SAMPLES


def _planar(pcm: Pcm) -> Planar:
    return pcm.T.astype(np.float64, order="C")


def _backwards(played: Pcm, ahead: Pcm) -> Pcm:
    return np.concatenate((played, ahead))[::-1]


def _repeated(piece: Pcm, ahead: Pcm) -> Pcm:
    """``piece`` once more, faded into from ``ahead``, which would have come now; what follows ``piece`` comes then."""
    fade = min(len(piece), len(ahead))
    window = rising_fade(fade)
    piece[:fade] = ahead[:fade] + (piece[:fade] - ahead[:fade]) * window
    return piece
