"""How loud it seems: momentary loudness of EBU R128, if libebur128 is there.

The library measures as ITU-R BS.1770-4 says. It is optional: without it everything else works, and there is no figure.
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

import numpy as np

from core.audio.output import OUTPUT_CHANNELS, SAMPLE_RATE_HZ, Pcm

MOMENTARY_FRAMES: Final = SAMPLE_RATE_HZ * 400 // 1000
"""What momentary loudness is measured over: 400 ms (EBU Tech 3341, 2.2)."""

SILENCE_LUFS: Final = -70.0
"""What is quieter is no programme (absolute gate of ITU-R BS.1770-4)."""

_MODE_M: Final = 1
"""``EBUR128_MODE_M`` of ebur128.h: momentary loudness only, no history is kept."""

_FILES: Final = {
    "linux": ("libebur128.so.1",),
    "darwin": ("libebur128.1.dylib", "/opt/homebrew/lib/libebur128.1.dylib", "/usr/local/lib/libebur128.1.dylib"),
    "win32": ("ebur128.dll", "libebur128.dll"),
}
"""By name and version of the interface; `ctypes.util.find_library` would start programs to find the same."""


class LoudnessLibraryError(RuntimeError):
    """No usable libebur128; the message is one line that says what to do."""


class Loudness(Protocol):
    """A meter that is fed with all that is played, in order."""

    def add(self, block: Pcm) -> None:
        """Take what was played next, shape (frames, 2)."""

    def momentary_lufs(self) -> float | None:
        """Loudness of the last 400 ms; ``None`` in silence, and before so much was played."""

    def close(self) -> None:
        """Free what it holds; nothing may be asked afterwards. Harmless when repeated."""


class NoLoudness:
    """Where the library is missing: takes everything, and knows nothing."""

    def add(self, block: Pcm) -> None:
        """Nothing."""

    def momentary_lufs(self) -> float | None:
        """``None``."""
        return None

    def close(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Ebur128:
    """The library, loaded."""

    api: Any
    version: str


def load_ebur128() -> Ebur128:
    """The library; after the first call it costs nothing, whether it is there or not.

    Raises:
        LoudnessLibraryError: it is not installed, or cannot be used.
    """
    found = _looked_for()
    if isinstance(found, LoudnessLibraryError):
        raise LoudnessLibraryError(str(found)) from found
    return found


def loudness_problem() -> str | None:
    """Why there is no loudness, in one line that says what to do; ``None`` if there is."""
    found = _looked_for()
    return str(found) if isinstance(found, LoudnessLibraryError) else None


def make_loudness() -> Loudness:
    """A meter at its beginning, or the one that knows nothing where `loudness_problem` says why."""
    found = _looked_for()
    return NoLoudness() if isinstance(found, LoudnessLibraryError) else MomentaryLoudness(found)


class MomentaryLoudness:
    """Loudness of a stereo programme at 48 kHz."""

    def __init__(self, library: Ebur128) -> None:
        """Before the first sample.

        Raises:
            MemoryError: there is none left.
        """
        self._api = library.api
        self._state = ctypes.c_void_p(self._api.ebur128_init(OUTPUT_CHANNELS, SAMPLE_RATE_HZ, _MODE_M))
        if not self._state:
            raise MemoryError("libebur128 could not begin")
        # Also where nobody closes it.
        self._free = weakref.finalize(self, self._api.ebur128_destroy, ctypes.pointer(self._state))
        self._frames = 0

    def add(self, block: Pcm) -> None:
        """Take what was played next, shape (frames, 2)."""
        if not self._free.alive:
            return
        samples = np.ascontiguousarray(block, dtype=np.float32)
        pointer = samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        if self._api.ebur128_add_frames_float(self._state, pointer, len(samples)):
            # It ran out of memory. A meter that falls silent is no reason to end what it measures.
            self._free()
            return
        self._frames += len(samples)

    def momentary_lufs(self) -> float | None:
        """Loudness of the last 400 ms; ``None`` in silence, and before so much was played."""
        loudness = ctypes.c_double()
        if not self._free.alive or self._frames < MOMENTARY_FRAMES:
            return None
        if self._api.ebur128_loudness_momentary(self._state, ctypes.byref(loudness)):
            return None
        # Digital silence is minus infinity.
        return loudness.value if loudness.value >= SILENCE_LUFS else None

    def close(self) -> None:
        """Free what the library holds; from now on all is silence. Harmless when repeated."""
        self._free()


@lru_cache(maxsize=1)
def _looked_for() -> Ebur128 | LoudnessLibraryError:
    problem: Exception | None = None
    for name in _FILES.get(sys.platform, _FILES["linux"]):
        try:
            return _declared(ctypes.CDLL(name))
        except (OSError, AttributeError) as error:  # not there; or something else of that name
            problem = error
    missing = LoudnessLibraryError(
        "no loudness: libebur128 could not be loaded; on Debian and Ubuntu install libebur128-1"
    )
    missing.__cause__ = problem
    return missing


def _declared(api: Any) -> Ebur128:
    """With the types of ebur128.h, without which pointers would be cut to 32 bits."""
    state, number = ctypes.c_void_p, ctypes.c_int
    api.ebur128_get_version.argtypes = [ctypes.POINTER(number)] * 3
    api.ebur128_get_version.restype = None
    api.ebur128_init.argtypes = [ctypes.c_uint, ctypes.c_ulong, number]
    api.ebur128_init.restype = state
    api.ebur128_destroy.argtypes = [ctypes.POINTER(state)]
    api.ebur128_destroy.restype = None
    api.ebur128_add_frames_float.argtypes = [state, ctypes.POINTER(ctypes.c_float), ctypes.c_size_t]
    api.ebur128_loudness_momentary.argtypes = [state, ctypes.POINTER(ctypes.c_double)]
    version = [number(), number(), number()]
    api.ebur128_get_version(*(ctypes.byref(part) for part in version))
    return Ebur128(api, ".".join(str(part.value) for part in version))
