"""What PortAudio's ALSA part can do and `sounddevice` does not pass on."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

HOST_API: Final = "ALSA"
"""As PortAudio names it."""

_MANY_PERIODS: Final = 64
_USUAL_PERIODS: Final = 4
"""PortAudio's own number."""


@contextmanager
def short_periods(library: Any) -> Iterator[None]:
    """A stream opened meanwhile is called back with every block, however long its buffer is.

    PortAudio otherwise divides the buffer into four: one of 80 ms is then looked at every 20 ms only. ``library`` is
    `sounddevice`. Where PortAudio is without ALSA nothing is changed.
    """
    try:
        set_periods: Any = ctypes.CDLL(library._libname).PaAlsa_SetNumPeriods
    except (OSError, AttributeError, TypeError):
        yield
        return
    set_periods(_MANY_PERIODS)
    try:
        yield
    finally:
        set_periods(_USUAL_PERIODS)
