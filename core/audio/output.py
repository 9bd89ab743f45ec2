"""What an output is: something that asks for 48 kHz PCM at the pace of its own clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]

SAMPLE_RATE_HZ: Final = 48_000
OUTPUT_CHANNELS: Final = 2
BLOCK_FRAMES: Final = 240
"""5 ms: with PipeWire's default graph a low-latency stream reports 10 ms and calls back every 5.3 ms."""

Pull = Callable[[Pcm, int], None]
"""Fills an array of shape (frames, 2) completely; the second argument is the monotonic time in nanoseconds."""


class OutputError(RuntimeError):
    """An output that cannot be opened; one line with the device and what to do."""


@dataclass(frozen=True, slots=True)
class OutputFigures:
    """How an output did since it was last asked, but for ``xruns``, which counts since it was started."""

    latency_ms: float | None
    """From the moment a block is asked for to the moment its first sample is heard, as the device reports it."""
    xruns: int
    callback_lateness_ms: float
    """The largest delay of a callback against the pace of its blocks."""


class AudioOutput(Protocol):
    """One output, for one use: `start` once, `stop` once."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def is_device(self) -> bool:
        """False for the null output, which nobody hears."""

    @property
    def is_active(self) -> bool:
        """False once the device has gone."""

    @property
    def failure(self) -> str | None:
        """Why it is not active any more although nobody stopped it, in one line; ``None`` while all is well."""

    def start(self, pull: Pull) -> None:
        """Begin to call ``pull`` from a thread of the output's own. Raises `OutputError`."""

    def stop(self) -> None:
        """End; when it returns, ``pull`` is not called any more."""

    def take_figures(self) -> OutputFigures:
        """How it did since the last call."""


class CallbackClock:
    """Counts how late callbacks come; used from the audio thread, read from another."""

    def __init__(self) -> None:
        """Before the first callback."""
        self._due_ns: int | None = None
        self._worst_ns = 0

    def tick(self, now_ns: int, frames: int) -> None:
        """A callback for ``frames`` frames began now."""
        block_ns = frames * 1_000_000_000 // SAMPLE_RATE_HZ
        if self._due_ns is not None:
            self._worst_ns = max(self._worst_ns, now_ns - self._due_ns)
        self._due_ns = now_ns + block_ns

    def take_worst_ms(self) -> float:
        """The largest lateness since the last call, in milliseconds."""
        worst_ns, self._worst_ns = self._worst_ns, 0
        return worst_ns / 1e6
