"""What was heard, against what was played: analysis of recordings for tests.

A sound is float32 or float64, mono of shape (frames,) or of shape (frames, channels), at 48 kHz unless
``sample_rate`` says otherwise. Functions that take mono only say so; `mono` makes it.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.floating[Any]]

SAMPLE_RATE_HZ: Final = 48_000
_SILENCE_RMS: Final = 1e-5
"""-100 dBFS: a window below it counts as silent, since its shape is rounding only."""

_WAVE_FORMATS: Final = {(1, 16): ("<i2", 32768.0), (3, 32): ("<f4", 1.0)}
_WAVE_FORMAT_EXTENSIBLE: Final = 0xFFFE


def mono(sound: Sound) -> Sound:
    """The mean of the channels, shape (frames,)."""
    return sound if sound.ndim == 1 else sound.mean(axis=1)


def align(reference: Sound, recording: Sound) -> int:
    """Where ``reference`` (mono) begins in ``recording`` (mono), in samples.

    The lag of the greatest cross-correlation, by FFT: ``recording[offset + i]`` corresponds to ``reference[i]``.
    Negative if the recording begins after the reference's start. It holds with either sound being the
    longer one, and with parts that are missing, stretched, quieter or noisy, as long as most of what overlaps agrees.

    Raises:
        ValueError: one of both is silent or empty, so nothing can agree.
    """
    if not (reference.size and recording.size and np.any(reference) and np.any(recording)):
        raise ValueError("a silent or empty sound has no place in another one")
    lags = len(reference) + len(recording) - 1
    size = 1 << (lags - 1).bit_length()
    spectrum = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(reference, size))
    correlation = np.fft.irfft(spectrum, size)
    best = int(np.argmax(correlation))
    return best if best < len(recording) else best - size


def window_correlations(
    reference: Sound,
    recording: Sound,
    offset: int,
    window_ms: float = 100.0,
    *,
    slack_ms: float = 0.0,
    sample_rate: int = SAMPLE_RATE_HZ,
) -> NDArray[np.float64]:
    """How alike both sounds (mono) are, window by window: shape (windows,), each -1 to 1.

    Window ``k`` is ``reference[k*w:(k+1)*w]`` against ``recording`` at ``offset`` (as `align` gives it); the value
    is the correlation coefficient about zero, so loudness does not count. With ``slack_ms`` each window may shift
    by up to that much either way, and the best shift counts: for playout that stretches time. Where both are silent the
    value is 1, where only one is (or the recording does not reach) it is 0. A last, shorter window is left out.
    """
    window = round(window_ms * sample_rate / 1000)
    slack = round(slack_ms * sample_rate / 1000)
    values = []
    for start in range(0, len(reference) - window + 1, window):
        wanted = reference[start : start + window].astype(np.float64)
        heard = _excerpt(recording, offset + start - slack, window + 2 * slack)
        values.append(_best_correlation(wanted, heard))
    return np.array(values)


def longest_zero_run_ms(sound: Sound, *, threshold: float = 0.0, sample_rate: int = SAMPLE_RATE_HZ) -> float:
    """Length in ms of the longest stretch in which no channel exceeds ``threshold`` (digital silence: 0)."""
    quiet: NDArray[np.bool_] = np.abs(sound) <= threshold
    if quiet.ndim == 2:
        quiet = np.all(quiet, axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return float(lengths.max(initial=0)) * 1000 / sample_rate


def largest_jump(sound: Sound) -> float:
    """The greatest difference between neighbouring samples of one channel; a click or a cut shows as a large one.

    For comparison: a sine of amplitude a and frequency f never jumps by more than ``2 * pi * f / sample_rate * a``.
    """
    return float(np.abs(np.diff(sound, axis=0)).max(initial=0.0))


def read_wav(path: Path) -> NDArray[np.float32]:
    """A WAV file of 16-bit or float32 samples as float32 of shape (frames, channels), full scale 1.

    Also reads a file whose writer had no chance to fill in its length: then all that is there counts.

    Raises:
        ValueError: it is no such file.
    """
    content = path.read_bytes()
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(f"{path} is no WAV file")
    at, channels, sample_format = 12, 0, None
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        at += 8
        if name == b"fmt ":
            code, channels, _, _, _, bits = struct.unpack_from("<HHIIHH", content, at)
            if code == _WAVE_FORMAT_EXTENSIBLE:
                (code,) = struct.unpack_from("<H", content, at + 24)
            sample_format = _WAVE_FORMATS.get((code, bits))
        elif name == b"data":
            if sample_format is None:
                raise ValueError(f"{path} holds samples of another kind than 16 bits or float32")
            dtype, full_scale = sample_format
            frame_bytes = np.dtype(dtype).itemsize * channels
            frames = min(length or len(content), len(content) - at) // frame_bytes
            samples = np.frombuffer(content, dtype, frames * channels, at).reshape(frames, channels)
            return (samples / full_scale).astype(np.float32)
        at += length + length % 2
    raise ValueError(f"{path} holds no samples")


def _excerpt(sound: Sound, start: int, length: int) -> NDArray[np.float64]:
    """``sound[start:start+length]``, with zeros where it does not reach."""
    excerpt = np.zeros(length)
    first, last = max(start, 0), min(start + length, len(sound))
    if first < last:
        excerpt[first - start : last - start] = sound[first:last]
    return excerpt


def _best_correlation(wanted: NDArray[np.float64], heard: NDArray[np.float64]) -> float:
    """The greatest correlation coefficient of ``wanted`` with the stretches of its length in ``heard``."""
    energy = float(wanted @ wanted)
    silent = _SILENCE_RMS**2 * len(wanted)
    energies = _window_sums(heard**2, len(wanted))
    if energy <= silent:
        return float(energies.min() <= silent)
    # Rounding can leave the sum of squares of a silent stretch slightly off zero.
    audible = energies > silent
    if not audible.any():
        return 0.0
    products = _products(heard, wanted)
    return float(np.max(products[audible] / np.sqrt(energies[audible] * energy)))


def _window_sums(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The sum of each stretch of so many values."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    return sums[length:] - sums[:-length]


def _products(heard: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inner product of ``wanted`` with each stretch of its length; by FFT, 30 times as fast for 50 ms in 350."""
    if len(heard) == len(wanted):
        return np.array([heard @ wanted])
    size = 1 << (len(heard) - 1).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.fft.rfft(wanted, size).conj()
    return np.fft.irfft(spectrum, size)[: len(heard) - len(wanted) + 1]
