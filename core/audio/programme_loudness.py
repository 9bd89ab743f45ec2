"""Loudness of a whole programme, its range and its true peak (EBU R128), in memory that does not grow."""

from __future__ import annotations

import ctypes
import math
import weakref
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.audio.loudness import SILENCE_LUFS, Ebur128, load_ebur128
from core.audio.output import OUTPUT_CHANNELS, SAMPLE_RATE_HZ, Pcm

_MODE_M: Final = 1 << 0
_MODE_S: Final = 1 << 1 | _MODE_M
_MODE_I: Final = 1 << 2 | _MODE_M
_MODE_LRA: Final = 1 << 3 | _MODE_S
_MODE_TRUE_PEAK: Final = 1 << 5 | 1 << 4 | _MODE_M
_MODE_HISTOGRAM: Final = 1 << 6
"""``enum mode`` of ebur128.h. With the histogram blocks are counted by tenths of a LU instead of being kept."""

FLOOR_DBTP: Final = -120.0
"""Codecs leave traces of silence that are far below any sound."""


@dataclass(frozen=True, slots=True)
class ProgrammeLevels:
    """``None`` for what there was too little of, or too quiet a sound."""

    integrated_lufs: float | None
    """Gated, ITU-R BS.1770-4."""
    range_lu: float | None
    """EBU Tech 3342."""
    true_peak_dbtp: float | None
    """ITU-R BS.1770-4 annex 2, of the louder channel."""


class ProgrammeLoudness:
    """Fed with a stereo programme at 48 kHz, in order."""

    def __init__(self, library: Ebur128 | None = None) -> None:
        """Before the first sample.

        Raises:
            LoudnessLibraryError: libebur128 is not there.
            MemoryError: there is none left.
        """
        self._api = (library or load_ebur128()).api
        _declare(self._api)
        mode = _MODE_I | _MODE_LRA | _MODE_TRUE_PEAK | _MODE_HISTOGRAM
        self._state = ctypes.c_void_p(self._api.ebur128_init(OUTPUT_CHANNELS, SAMPLE_RATE_HZ, mode))
        if not self._state:
            raise MemoryError("libebur128 could not begin")
        self._free = weakref.finalize(self, self._api.ebur128_destroy, ctypes.pointer(self._state))

    def add(self, block: Pcm) -> None:
        """Take what comes next, shape (frames, 2)."""
        if not self._free.alive:
            return
        samples = np.ascontiguousarray(block, dtype=np.float32)
        pointer = samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        if self._api.ebur128_add_frames_float(self._state, pointer, len(samples)):
            self._free()

    def momentary_lufs(self) -> float | None:
        """Loudness of the last 400 ms; ``None`` in silence."""
        return self._asked(self._api.ebur128_loudness_momentary, SILENCE_LUFS)

    def levels(self) -> ProgrammeLevels:
        """Of all up to now."""
        integrated = self._asked(self._api.ebur128_loudness_global, SILENCE_LUFS)
        range_lu = self._asked(self._api.ebur128_loudness_range, 0.0)
        peaks = [self._peak(channel) for channel in range(OUTPUT_CHANNELS)] if self._free.alive else [0.0]
        highest = max(peaks)
        peak_dbtp = max(FLOOR_DBTP, 20 * math.log10(highest)) if highest > 0 else None
        return ProgrammeLevels(integrated, None if integrated is None else range_lu, peak_dbtp)

    def close(self) -> None:
        """Free what the library holds. Harmless when repeated."""
        self._free()

    def _peak(self, channel: int) -> float:
        peak = ctypes.c_double()
        failed = self._api.ebur128_true_peak(self._state, channel, ctypes.byref(peak))
        return 0.0 if failed else peak.value

    def _asked(self, question: object, least: float) -> float | None:
        value = ctypes.c_double()
        if not self._free.alive or question(self._state, ctypes.byref(value)):  # type: ignore[operator]
            return None
        return value.value if value.value >= least else None


def _declare(api: object) -> None:
    """The functions that `core.audio.loudness` does not use, with the types of ebur128.h."""
    state, result = ctypes.c_void_p, ctypes.POINTER(ctypes.c_double)
    for name in ("ebur128_loudness_global", "ebur128_loudness_range"):
        getattr(api, name).argtypes = [state, result]
    api.ebur128_true_peak.argtypes = [state, ctypes.c_uint, result]  # type: ignore[attr-defined]
