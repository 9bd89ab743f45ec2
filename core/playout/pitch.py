"""How far apart a sound repeats itself: the pitch period of a voice, or several of them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Planar = NDArray[np.float64]
"""Shape (channels, frames), 48 kHz, each channel contiguous; float64, so that sums of squares can be subtracted."""

_DECIMATION: Final = 8
"""The first search is at 6 kHz: a voice shows its period below 3 kHz, and the search is 64 times cheaper there."""

_MEAN: Final = np.full(_DECIMATION, 1 / _DECIMATION)

_AS_GOOD: Final = 0.03
"""A longer lag is preferred if it is less similar by no more than this: fewer splices are heard less."""

_PEAK_WIDTH: Final = 6
"""1 ms at 6 kHz: within so much of the last lag that is good enough lies the peak that it belongs to."""

_SILENCE: Final = 1e-9
"""Beside this sum of squares a sound is silence, and resembles any other: -117 dBFS for 10 ms of one channel."""


def find_lag(sound: Planar, window: int, shortest: int, longest: int) -> tuple[int, float]:
    """The lag in samples at which ``sound`` resembles its own beginning most, and how much, at most 1.

    ``sound[:, :window]`` is compared with ``sound[:, lag : lag + window]`` for lags from ``shortest`` to ``longest``;
    ``sound`` has to reach as far. All channels are compared as one vector and share the lag, so that they stay in
    step, and opposite channels do not cancel as they would in a downmix.

    The measure is 1 less the power of the difference as a share of both powers (the normalised square difference
    function of McLeod & Wyvill, "A smarter way to find pitch", ICMC 2005): unlike the correlation coefficient it
    is lower where one side is louder, as at the onset of a word. Silence resembles itself: 1.
    """
    low = _decimated(sound[:, : longest + window])
    first = shortest // _DECIMATION
    coarse = _similarities(low, window // _DECIMATION, first, max(longest // _DECIMATION, first))
    lag = (_last_good_peak(coarse) + first) * _DECIMATION
    first = max(lag - _DECIMATION, shortest)
    fine = _similarities(sound, window, first, max(min(lag + _DECIMATION, longest), first))
    best = int(fine.argmax())
    return first + best, float(fine[best])


def _decimated(sound: Planar) -> Planar:
    """Means of `_DECIMATION` samples each."""
    frames = sound.shape[1] // _DECIMATION
    pieces = sound[:, : frames * _DECIMATION].reshape(len(sound), frames, _DECIMATION)
    low: Planar = pieces @ _MEAN
    return low


def _similarities(sound: Planar, window: int, first: int, last: int) -> NDArray[np.float64]:
    """The similarity for each lag from ``first`` to ``last``."""
    template, reach = sound[:, :window], sound[:, first : last + window]
    sums = np.zeros(last - first + window + 1)
    np.einsum("cf,cf->f", reach, reach).cumsum(out=sums[1:])
    powers = sums[window:] - sums[:-window]
    powers += np.einsum("cf,cf->", template, template) + _SILENCE
    similarities = np.correlate(reach[0], template[0], mode="valid")
    for one, other in zip(reach[1:], template[1:], strict=True):
        similarities += np.correlate(one, other, mode="valid")
    similarities += _SILENCE / 2
    similarities /= powers
    similarities *= 2
    return similarities


def _last_good_peak(similarities: NDArray[np.float64]) -> int:
    """The index of the last maximum that is about as high as the highest."""
    is_good = similarities >= similarities.max() - _AS_GOOD
    last = len(is_good) - 1 - int(is_good[::-1].argmax())
    first = max(last - _PEAK_WIDTH, 0)
    return first + int(similarities[first : last + 1].argmax())
