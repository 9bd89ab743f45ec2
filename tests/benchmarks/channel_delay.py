"""How much later one channel of a recording says what the other one said, and where it said something else.

Both channels are mono, of shape (frames,), at 48 kHz, and were recorded by one clock. `noise` makes a sound whose every
piece occurs once only, so that no other shift fits, and which never pauses, so that every gap shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tests.support.clips import SAMPLE_RATE_HZ, Sound

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOISE_BAND_HZ: Final = (200.0, 4_000.0)
"""What every mode of Opus passes on, wide enough for a peak of some samples' width."""
_NOISE_RMS: Final = 0.1
"""-20 dBFS: its peaks stay below full scale."""

WINDOW: Final = 1_440
HOP: Final = 480
"""A delay each 10 ms, from 30 ms of sound: some tens of independent values, so no other place fits by chance."""
MOST_DELAY: Final = 14_400
"""300 ms are looked through."""
_SURE_CORRELATION: Final = 0.6

BLOCK: Final = 240
BLOCK_HOP: Final = 60
"""For gaps, 5 ms each 1.25 ms: a block counts as missing if about half of it is."""
_SAME_CORRELATION: Final = 0.5
_REACH: Final = 2
"""Samples by which a delay may be off within a window: playout that follows a clock resamples."""
_SILENT_SHARE: Final = 0.03
"""Of the mean level; less than that in the first channel is no sound that could be missed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Sound that was said and not heard: where in the second channel, in seconds, and for how many milliseconds."""

    at_s: float
    length_ms: float


def noise(seconds: float, seed: int = 1) -> NDArray[np.float32]:
    """Noise that never repeats, shape (frames,), of an even spectrum within `NOISE_BAND_HZ`."""
    frames = round(seconds * SAMPLE_RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(frames))
    hertz = np.fft.rfftfreq(frames, 1 / SAMPLE_RATE_HZ)
    spectrum[(hertz < NOISE_BAND_HZ[0]) | (hertz > NOISE_BAND_HZ[1])] = 0
    wave = np.fft.irfft(spectrum, frames)
    return (wave * (_NOISE_RMS / np.sqrt(np.mean(wave**2)))).astype(np.float32)


def delays(said: Sound, heard: Sound) -> Floats:
    """By how many samples ``heard`` is later than ``said``, one for each `HOP` of ``said``; NaN where none fits."""
    starts = range(0, min(len(said), len(heard)) - WINDOW - MOST_DELAY, HOP)
    size = 1 << (WINDOW + MOST_DELAY - 1).bit_length()
    found = np.full(len(starts), np.nan)
    for index, start in enumerate(starts):
        window = said[start : start + WINDOW].astype(np.float64)
        stretch = heard[start : start + WINDOW + MOST_DELAY].astype(np.float64)
        products = np.fft.irfft(np.fft.rfft(stretch, size) * np.conj(np.fft.rfft(window, size)), size)
        power = np.concatenate(([0.0], np.cumsum(stretch**2)))
        energies = power[WINDOW:] - power[:-WINDOW]
        norm = np.sqrt(np.maximum(energies, 1e-9) * max(float(window @ window), 1e-9))
        likeness = products[: MOST_DELAY + 1] / norm
        best = int(np.argmax(likeness))
        if likeness[best] >= _SURE_CORRELATION:
            found[index] = best
    return found


def until_the_end(shifts: Floats) -> Floats:
    """The delays up to the last one that was found: what comes after is no gap, the second channel has ended."""
    known = np.flatnonzero(~np.isnan(shifts))
    return shifts[: known[-1] + 1] if len(known) else shifts[:0]


def gaps(said: Sound, heard: Sound, shifts: Floats) -> list[Gap]:
    """Where ``heard`` does not hold what ``said`` said, given the `delays` between the two.

    Silence and anything that was made up (concealment) count alike. A delay that changes is no gap as long as each
    piece of sound fits one of the delays around it.
    """
    known = shifts[~np.isnan(shifts)]
    if len(known) == 0:
        return []
    level = float(np.sqrt(np.mean(said.astype(np.float64) ** 2)))
    missing: list[int] = []
    first, last = int(known.max()) + _REACH, min(len(said) - _REACH - BLOCK, len(shifts) * HOP)
    for at in range(first, last, BLOCK_HOP):
        block = heard[at : at + BLOCK].astype(np.float64)
        candidates = _near(shifts, at)
        if len(candidates) and not _is_heard(said, block, at - candidates, level):
            missing.append(at)
    return _runs(missing)


def _near(shifts: Floats, at: int) -> Ints:
    """The delays, in samples, of the windows around a place in the second channel."""
    width = 6
    usual = np.nanmedian(shifts)
    index = round((at - usual) / HOP)
    around = shifts[max(0, index - width) : index + width]
    return np.unique(around[~np.isnan(around)]).astype(np.int64)


def _is_heard(said: Sound, block: Floats, begins: Ints, level: float) -> bool:
    energy = float(block @ block)
    for begin in begins:
        reference = said[max(0, begin - _REACH) : begin + BLOCK + _REACH].astype(np.float64)
        pieces = sliding_window_view(reference, BLOCK)
        energies = np.einsum("ij,ij->i", pieces, pieces)
        if energies.min() <= (level * _SILENT_SHARE) ** 2 * BLOCK:
            return True  # Nothing was said.
        if energy and np.max(pieces @ block / np.sqrt(energies * energy)) >= _SAME_CORRELATION:
            return True
    return False


def _runs(missing: list[int]) -> list[Gap]:
    """Neighbouring blocks are one gap. As many blocks lie more than half in it as it has hops."""
    found: list[Gap] = []
    begin = count = 0
    for number, at in enumerate(missing):
        begin, count = (begin, count + 1) if count else (at, 1)
        if number + 1 == len(missing) or missing[number + 1] > at + BLOCK:
            middle = begin + BLOCK // 2
            found.append(Gap(middle / SAMPLE_RATE_HZ, (at - begin + BLOCK_HOP) * 1000 / SAMPLE_RATE_HZ))
            count = 0
    return found
