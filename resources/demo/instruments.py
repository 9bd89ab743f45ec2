"""The instruments and the room of the demo music: small synthesisers in NumPy.

Every instrument gives mono float64 of shape (frames,) at 48 kHz, with a peak of about 1; frequencies are in Hz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 48_000

Mono = NDArray[np.float64]
Stereo = NDArray[np.float64]


class Loop:
    """A stereo track, shape (frames, 2), that closes into a ring: what rings past its end is heard at its start."""

    def __init__(self, frames: int) -> None:
        self.sound: Stereo = np.zeros((frames, 2))

    def add(self, sound: Mono, at_s: float, gain: float, pan: float = 0.0) -> None:
        """Mix in a mono sound from ``at_s`` seconds on; ``pan`` from -1 (left) to 1 (right), at constant power."""
        places = (round(at_s * SAMPLE_RATE_HZ) + np.arange(len(sound))) % len(self.sound)
        angle = (pan + 1) * np.pi / 4
        stereo = gain * sound[:, None] * np.array([np.cos(angle), np.sin(angle)])
        np.add.at(self.sound, places, stereo)


def _time(seconds: float) -> Mono:
    return np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ


def _ease(sound: Mono, attack_s: float, release_s: float) -> Mono:
    """Raise and let go along half a cosine each, so that nothing begins or ends with a click."""
    for seconds, part in ((attack_s, slice(None)), (release_s, slice(None, None, -1))):
        length = round(seconds * SAMPLE_RATE_HZ)
        sound[part][:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)
    return sound


def pluck(frequency: float, seconds: float = 2.6) -> Mono:
    """A nylon string: harmonics that die the sooner the higher they are, plucked at a fifth of its length."""
    time = _time(seconds)
    sound = np.zeros_like(time)
    for harmonic in range(1, 15):
        # Stiffness makes the upper partials of a real string slightly sharp.
        partial = frequency * harmonic * np.sqrt(1 + 0.00006 * harmonic**2)
        strength = abs(np.sin(np.pi * harmonic * 0.2)) / harmonic**1.4
        sound += strength * np.exp(-time * (1.1 + 0.75 * harmonic)) * np.sin(2 * np.pi * partial * time)
    return _ease(sound / 0.9, 0.003, 0.4)


def bell(frequency: float, seconds: float = 3.2) -> Mono:
    """An electric piano: one sine bends the phase of another, less and less."""
    time = _time(seconds)
    bend = 1.3 * np.exp(-3.2 * time) * np.sin(2 * np.pi * frequency * time)
    tine = 0.12 * np.exp(-9 * time) * np.sin(2 * np.pi * frequency * 7.01 * time)
    body = np.sin(2 * np.pi * frequency * time + bend)
    tremolo = 1 - 0.08 * (1 - np.cos(2 * np.pi * 4.6 * time))
    return _ease((body + tine) * np.exp(-1.5 * time) * tremolo, 0.004, 0.5)


def bass(frequency: float, seconds: float) -> Mono:
    """A soft bass: a sine, and enough of its octave and twelfth to be heard from small speakers."""
    time = _time(seconds)
    tone = sum(
        strength * np.sin(2 * np.pi * frequency * harmonic * time)
        for harmonic, strength in ((1, 1.0), (2, 0.35), (3, 0.12))
    )
    return _ease(tone * np.exp(-0.9 * time) / 1.2, 0.018, 0.25)


def pad(frequency: float, seconds: float, detune: float) -> Mono:
    """One voice of a string pad, ``detune`` as a factor; swells for a second and leaves as slowly."""
    time = _time(seconds)
    tuned = frequency * detune
    vibrato = 0.25 * np.sin(2 * np.pi * 4.1 * time + 40 * detune)
    tone = sum(np.sin(harmonic * (2 * np.pi * tuned * time + vibrato)) / harmonic**1.9 for harmonic in range(1, 9))
    return _ease(tone / 1.4, 1.1, 1.3)


def brush(seed: int, seconds: float = 0.09) -> Mono:
    """A brush on a snare: a breath of high noise."""
    time = _time(seconds)
    noise = np.random.default_rng(seed).normal(size=len(time))
    return _ease(filtered(noise, 3_500, 11_000) * np.exp(-45 * time), 0.004, 0.02)


def filtered(sound: Mono, low_hz: float, high_hz: float) -> Mono:
    """What lies between two frequencies, with the gentle slopes of a first-order filter."""
    spectrum = np.fft.rfft(sound)
    frequency = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE_HZ)
    rise = frequency / np.hypot(frequency, low_hz)
    fall = high_hz / np.hypot(frequency, high_hz)
    return np.fft.irfft(spectrum * rise * fall, len(sound))


def reverberated(sound: Stereo, decay_s: float = 1.7, pre_delay_s: float = 0.022) -> Stereo:
    """Only the sound of the room, shape (frames, 2), as a ring as well: decaying noise, different at each ear."""
    frames = len(sound)
    time = _time(frames / SAMPLE_RATE_HZ)
    wet = np.empty_like(sound)
    noise = np.random.default_rng(1812)
    for ear in range(2):
        response = noise.normal(size=frames) * np.exp(-6.9 * time / decay_s)
        response = filtered(np.roll(response, round(pre_delay_s * SAMPLE_RATE_HZ)), 180, 3_800)
        response /= np.sqrt(np.sum(response**2))
        wet[:, ear] = np.fft.irfft(np.fft.rfft(sound[:, ear]) * np.fft.rfft(response), frames)
    return wet
