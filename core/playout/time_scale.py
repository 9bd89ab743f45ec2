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
from core.playout.ring import KEPT_HISTORY_SAMPLES, Pcm, PcmRing, cross_fade
from core.playout.windows import FADE_SAMPLES

SHORTEST_LAG_SAMPLES: Final = 5 * SAMPLES_PER_MS // 2
"""One period of 400 Hz; of higher voices two or more periods go at once."""

LONGEST_LAG_SAMPLES: Final = KEPT_HISTORY_SAMPLES
"""20 ms: one period of 50 Hz, and of most voices several, which is fewer splices than one period at a time."""

LONGEST_PAUSE_SAMPLES: Final = 20 * SAMPLES_PER_MS
"""The most that is taken out of a pause, or put in, at once."""

_LEAST_PAUSE_SAMPLES: Final = 80 * SAMPLES_PER_MS
"""A pause is shortened only where it is longer than this. The silence before a "p" or "t" is shorter, and belongs to
the sound: cutting it cost 0.5 of PESQ."""

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

_NOISE_SHARE: Final = 10 ** (-20 / 10)
_ABOVE_NOISE: Final = 10 ** (4 / 10)
"""A room is not silent: where the softest of late is at least 20 dB below the loudest, all up to 4 dB above it is a
pause. 2.5 ms of noise vary by about 1 dB."""

_HALF_LIFE_SAMPLES: Final = 3_000 * SAMPLES_PER_MS
"""The loudest and the softest are forgotten by 3 dB in 3 s: a speaker who turns away is followed, a pause is not."""


class TimeScale:
    """Takes short pieces out of a ring of 48 kHz PCM, or puts them in, where that is heard least. Not thread-safe.

    One call makes one splice at most; the caller decides how often, and thereby how much faster or slower it gets.
    Measured: see ``tests/benchmarks/sound_quality.py``.
    """

    def __init__(self) -> None:
        """Nothing heard yet."""
        self._loudest = 0.0
        self._softest = np.inf
        self._quiet_for = 0

    def hear(self, pcm: Pcm) -> None:
        """Follow the level of what is played; call it with every block that is read, or no pause will be found."""
        if len(pcm) == 0:
            return
        power = float(np.vdot(pcm, pcm)) / pcm.size
        fading = 0.5 ** (len(pcm) / _HALF_LIFE_SAMPLES)
        self._loudest = max(power, self._loudest * fading)
        # Not from zero, out of which nothing grows.
        self._softest = min(power, max(self._softest, _QUIET_POWER) / fading)
        self._quiet_for = self._quiet_for + len(pcm) if power <= self._quiet_power() else 0

    def remove(self, ring: PcmRing, most: int, least_similarity: float) -> int:
        """Shorten what comes next; return by how many frames, 0 if there is no good place: the ring is unchanged then.

        ``most`` bounds it: what is to stay ahead of the read position is for the caller to subtract. For a lag to be
        considered it and 5 ms have to be stored; with 30 ms all are. ``least_similarity``, at most 1, is what both
        sides of the splice need (`find_lag`): 0.9 is not heard, 0.5 is decent, -1 takes what there is. Pauses are cut
        at any; a short silence within a word only where 0 or less is asked for.
        """
        ahead = ring.peek(0, min(len(ring), LONGEST_LAG_SAMPLES + _WINDOW_SAMPLES))
        quiet = self._quiet_frames(ahead)
        if quiet > 0 and self._quiet_for + quiet > _LEAST_PAUSE_SAMPLES:
            pause = min(most, quiet - FADE_SAMPLES, LONGEST_PAUSE_SAMPLES)
            if pause >= SHORTEST_LAG_SAMPLES:
                return ring.skip(pause, FADE_SAMPLES)
        elif quiet > 0 and least_similarity > 0:
            return 0
        longest = min(most, LONGEST_LAG_SAMPLES, len(ahead) - _LEAST_WINDOW_SAMPLES)
        if longest < SHORTEST_LAG_SAMPLES:
            return 0
        window = min(_WINDOW_SAMPLES, len(ahead) - longest)
        lag, similarity = find_lag(_planar(ahead), window, SHORTEST_LAG_SAMPLES, longest)
        return ring.skip(lag, min(lag, window)) if similarity >= least_similarity else 0

    def insert(self, ring: PcmRing, most: int, least_similarity: float) -> int:
        """Lengthen what comes next by repeating what was just played; return by how many frames, as `remove` does.

        At least 5 ms have to be stored. What is repeated is the history of the ring, so nothing is inserted before
        2.5 ms were read; with 20 ms all lags are considered.
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

    def _quiet_power(self) -> float:
        """What is no more than that is a pause: a mean square."""
        quiet = max(_QUIET_POWER, self._loudest * _QUIET_SHARE)
        if self._softest < self._loudest * _NOISE_SHARE:
            quiet = max(quiet, self._softest * _ABOVE_NOISE)
        return quiet

    def _quiet_frames(self, pcm: Pcm) -> int:
        """For how many frames from its beginning on this is a pause."""
        quiet = self._quiet_power()
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
    piece[:fade] = cross_fade(ahead[:fade], piece[:fade])
    return piece
