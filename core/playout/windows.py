"""Fades, and the minimum over the recent past."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

FADE_SAMPLES: Final = 240
"""5 ms at 48 kHz: long enough that a cut does not click, short enough not to smear a consonant."""


def rising_fade(samples: int) -> NDArray[np.float32]:
    """A raised-cosine window from 0 to 1 of shape (samples, 1); 1 minus it is the falling one."""
    phase = (np.arange(samples) + 0.5) / max(samples, 1)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)[:, np.newaxis]


class SlidingMinimum:
    """The smallest value of the last ``span_ns`` nanoseconds; amortised constant time for each value.

    Keeps only values that may still become the minimum: each newer one removes all larger ones before it.
    """

    def __init__(self, span_ns: int) -> None:
        """Empty."""
        self.span_ns = span_ns
        self._candidates: deque[tuple[int, int]] = deque()

    def add(self, at_ns: int, value: int) -> int:
        """Take in a value and return the minimum; times do not decrease."""
        while self._candidates and self._candidates[-1][1] >= value:
            self._candidates.pop()
        self._candidates.append((at_ns, value))
        while self._candidates[0][0] < at_ns - self.span_ns:
            self._candidates.popleft()
        return self._candidates[0][1]

    @property
    def minimum(self) -> int | None:
        """The smallest value, ``None`` when nothing was added."""
        return self._candidates[0][1] if self._candidates else None

    def clear(self) -> None:
        """Forget everything."""
        self._candidates.clear()


class SteppedMinimum:
    """The smallest values of past steps of time, so that "now" and "a while ago" can be asked for apart."""

    def __init__(self, step_ns: int, steps: int) -> None:
        """Keep ``steps`` steps of ``step_ns`` nanoseconds each."""
        self._step_ns = step_ns
        self._smallest: deque[tuple[int, int]] = deque(maxlen=steps)

    def add(self, at_ns: int, value: int) -> None:
        """Take in a value; times do not decrease."""
        step = at_ns // self._step_ns
        if self._smallest and self._smallest[-1][0] == step:
            value = min(value, self._smallest.pop()[1])
        self._smallest.append((step, value))

    def between(self, now_ns: int, newest_ns: int, oldest_ns: int) -> int | None:
        """The smallest value at least ``newest_ns`` and less than ``oldest_ns`` old, ``None`` if there is none."""
        newest, oldest = (now_ns - newest_ns) // self._step_ns, (now_ns - oldest_ns) // self._step_ns
        return min((value for step, value in self._smallest if oldest < step <= newest), default=None)

    def clear(self) -> None:
        """Forget everything."""
        self._smallest.clear()
