"""Test signals: a tone, a sweep and clicks, each one period computed once and repeated without a seam."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.audio.sources.pcm import Pcm16, PcmBlock

PEAK: Final = 32767 * 10 ** (-12 / 20)
"""-12 dBFS: loud enough to judge, far from clipping after coding."""

TONE_HZ: Final = 440
SWEEP_FROM_HZ: Final = 50
SWEEP_TO_NYQUIST_SHARE: Final = 0.9
SWEEP_PERIOD_S: Final = 5
CLICK_PERIOD_MS: Final = 500
_CLICK_MS = 2
_CLICK_HZ = 2_000


class PeriodicSignal:
    """A signal that repeats one period for ever. It has all of its samples at any time, so it never waits."""

    is_live = False
    is_at_hand = True

    def __init__(self, period: Pcm16) -> None:
        """``period`` has shape (frames, channels)."""
        self._period = period
        self._at = 0

    async def read(self, frames: int) -> PcmBlock | None:
        """Exactly ``frames`` samples, phase-continuous with the block before."""
        indices = np.arange(self._at, self._at + frames) % len(self._period)
        self._at = (self._at + frames) % len(self._period)
        return PcmBlock(self._period[indices])

    async def close(self) -> None:
        """Nothing to end."""


def tone(sample_rate: int, channels: int) -> PeriodicSignal:
    """A sine of 440 Hz at -12 dBFS; whole cycles fit into the period of one second."""
    seconds = np.arange(sample_rate) / sample_rate
    return _signal(np.sin(2 * np.pi * TONE_HZ * seconds), channels)


def sweep(sample_rate: int, channels: int) -> PeriodicSignal:
    """A logarithmic sweep from 50 Hz to 0.9 of the Nyquist frequency in five seconds, over and over."""
    share = np.arange(SWEEP_PERIOD_S * sample_rate) / (SWEEP_PERIOD_S * sample_rate)
    octaves = np.log(SWEEP_TO_NYQUIST_SHARE * sample_rate / 2 / SWEEP_FROM_HZ)
    cycles = SWEEP_FROM_HZ * SWEEP_PERIOD_S / octaves * np.expm1(share * octaves)
    total = SWEEP_FROM_HZ * SWEEP_PERIOD_S / octaves * np.expm1(octaves)
    # Stretched by less than a thousandth to a whole number of cycles, so that the repetition starts in phase.
    return _signal(np.sin(2 * np.pi * cycles * round(total) / total), channels)


def clicks(sample_rate: int, channels: int) -> PeriodicSignal:
    """A click each 500 ms, the first at once: 2 ms of 2 kHz under a Hann window.

    Narrow enough to measure a delay by, and with little above 4 kHz, so that every coding mode passes it on.
    """
    period = np.zeros(sample_rate * CLICK_PERIOD_MS // 1000)
    frames = sample_rate * _CLICK_MS // 1000
    period[:frames] = np.hanning(frames) * np.sin(2 * np.pi * _CLICK_HZ * np.arange(frames) / sample_rate)
    return _signal(period, channels)


def _signal(wave: NDArray[np.float64], channels: int) -> PeriodicSignal:
    mono = np.round(wave * PEAK).astype(np.int16)
    return PeriodicSignal(np.repeat(mono[:, np.newaxis], channels, axis=1))
