"""Sounds to encode, made on the spot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.opus.encoder import EncoderSettings, OpusEncoder


def voice_like(sample_rate: int, seconds: float, channels: int = 1) -> NDArray[np.int16]:
    """A buzz of 120 Hz with moving formants and syllables, which libopus takes for speech; shape (frames, channels)."""
    time = np.arange(round(sample_rate * seconds)) / sample_rate
    pitch_hz = 120 + 15 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / sample_rate
    formant_hz = 700 + 400 * np.sin(2 * np.pi * 1.3 * time)
    sound = np.zeros_like(time)
    for harmonic in range(1, 24):
        if harmonic * 140 > sample_rate / 2:
            break
        strength = 1 / (1 + ((harmonic * 120 - formant_hz) / 300) ** 2) + 0.3 / harmonic
        sound += strength * np.sin(harmonic * phase)
    sound += 0.02 * np.random.default_rng(1).normal(size=len(time))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * time)
    sound *= syllables * 9_000 / np.abs(sound).max()
    # Unlike channels, or libopus would send stereo as good as mono.
    return np.stack([np.roll(sound, 7 * channel) * (1 - 0.4 * channel) for channel in range(channels)], axis=1).astype(
        np.int16
    )


def noise(sample_rate: int, seconds: float, channels: int = 1) -> NDArray[np.int16]:
    """White noise, different in each channel; shape (frames, channels)."""
    shape = (round(sample_rate * seconds), channels)
    return np.random.default_rng(2).normal(0, 3_000, shape).astype(np.int16)


def packets_of(sound: NDArray[np.int16], settings: EncoderSettings) -> Iterator[bytes]:
    """The packets of a sound of shape (frames, channels), encoded with ``settings``, without a last shorter frame."""
    encoder = OpusEncoder(settings)
    try:
        size = settings.frame_samples
        for start in range(0, len(sound) - size + 1, size):
            yield encoder.encode(sound[start : start + size])
    finally:
        encoder.close()
