"""How loud it is: peak, RMS and loudness of what is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.audio.loudness import Loudness, make_loudness
from core.audio.played import PlayedAudio

FLOOR_DBFS: Final = -100.0
"""Below the noise of 16 bit (-98 dB)."""


@dataclass(frozen=True, slots=True)
class AudioLevels:
    """Left and right, in decibels relative to full scale; a sine of full scale has 0 peak and -3 RMS."""

    peak_dbfs: tuple[float, float]
    rms_dbfs: tuple[float, float]
    loudness_lufs: float | None = None
    """Of both together, over the last 400 ms (EBU R128 momentary); ``None`` in silence, or where it is not measured."""


class LevelMeter:
    """Measures what was played between two looks."""

    def __init__(self, played: PlayedAudio, make: Callable[[], Loudness] = make_loudness) -> None:
        """Read from ``played``; ``make`` is passed in for tests."""
        self._played = played
        self._loudness = make()
        self._seen = played.frames

    def take(self) -> AudioLevels | None:
        """Levels since the last call, ``None`` if nothing was played meanwhile."""
        new = self._played.frames - self._seen
        self._seen += new
        if new <= 0:
            return None
        block = self._played.last(new)
        self._loudness.add(block)
        peaks = np.abs(block).max(axis=0)
        powers = np.einsum("ij,ij->j", block, block) / len(block)
        return AudioLevels(
            (_decibels(float(peaks[0])), _decibels(float(peaks[1]))),
            (_decibels(float(powers[0]) ** 0.5), _decibels(float(powers[1]) ** 0.5)),
            self._loudness.momentary_lufs(),
        )

    def close(self) -> None:
        """Free what measures loudness; harmless when repeated."""
        self._loudness.close()


def _decibels(amplitude: float) -> float:
    return max(FLOOR_DBFS, 20 * float(np.log10(amplitude))) if amplitude > 0 else FLOOR_DBFS
