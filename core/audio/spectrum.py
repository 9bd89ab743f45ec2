"""Pictures of sound in figures: the spectrum of a block, and its outline."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.audio.output import SAMPLE_RATE_HZ, Pcm

FFT_FRAMES: Final = 2_048
"""43 ms: 23 Hz between bins, enough to tell bass notes apart, and short enough to see a syllable begin."""

LOWEST_HZ: Final = 40.0
HIGHEST_HZ: Final = 20_000.0
"""What Opus codes at most (RFC 6716, 2.1.3: fullband)."""

FLOOR_DB: Final = -120.0
"""Far below what is heard beside anything else; the noise of 16 bit alone is at -128 dB in one of 1024 bins."""

Levels = NDArray[np.float32]
Edges = NDArray[np.intp]

_WINDOW: Final = np.hanning(FFT_FRAMES + 1)[:-1].astype(np.float32)
"""Hann, periodic (Harris 1978): leakage falls by 18 dB an octave, so that a loud bass does not cover the treble."""

_FULL_SCALE_POWER: Final = float(_WINDOW.sum() / 2) ** 2
"""Of the bin that a sine of amplitude 1 stands in."""


def band_frequencies(bands: int) -> NDArray[np.float64]:
    """The ``bands`` + 1 edges in Hz between bands of equal width on a logarithmic scale, from 40 Hz to 20 kHz."""
    return np.geomspace(LOWEST_HZ, HIGHEST_HZ, bands + 1)


def band_edges(bands: int) -> Edges:
    """The FFT bins at which bands begin, and the one after the last; shape (bands + 1,). Computed once for a picture.

    A bin reaches half a spacing to either side of its frequency. In the bass, bands are narrower than that, and
    neighbours share one.
    """
    spacing_hz = SAMPLE_RATE_HZ / FFT_FRAMES
    return np.floor(band_frequencies(bands) / spacing_hz + 0.5).astype(np.intp)


def band_levels_db(block: Pcm, edges: Edges) -> Levels:
    """The strongest bin of each band in dB, shape (bands,), at least `FLOOR_DB`.

    ``block`` has `FFT_FRAMES` frames, shape (frames, channels); the channels' powers are averaged, so that nothing
    vanishes because left and right cancel each other. A sine of full scale on all channels has 0 dB: exactly where its
    frequency is a bin's, up to 1.4 dB less between two (scalloping loss of the Hann window, Harris 1978).
    """
    spectrum = np.fft.rfft(block.T * _WINDOW)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)).mean(axis=0) / _FULL_SCALE_POWER
    strongest = np.maximum.reduceat(power, edges)[:-1]
    levels: Levels = (10 * np.log10(np.maximum(strongest, 10 ** (FLOOR_DB / 10)))).astype(np.float32)
    return levels


def envelope(block: Pcm, frames_per_point: int) -> tuple[Pcm, Pcm]:
    """The lowest and the highest sample of each ``frames_per_point`` frames, each of shape (points, channels).

    What does not fill a point is left out at the beginning: the newest sample is always seen.
    """
    points = len(block) // frames_per_point
    groups = block[len(block) - points * frames_per_point :].reshape(points, frames_per_point, block.shape[1])
    return groups.min(axis=1), groups.max(axis=1)
