"""An output that nobody hears, paced by the monotonic clock: for machines without sound, and for tests."""

from __future__ import annotations

import threading
import time
from typing import Final

import numpy as np

from core.audio.output import (
    BLOCK_FRAMES,
    OUTPUT_CHANNELS,
    SAMPLE_RATE_HZ,
    CallbackClock,
    OutputFigures,
    Pcm,
    Pull,
)

_BLOCK_NS: Final = BLOCK_FRAMES * 1_000_000_000 // SAMPLE_RATE_HZ
_XRUN_NS: Final = 100_000_000
"""A shorter stall is made up for, as a device with 100 ms of its own would; a longer one is lost time, and counted."""


class NullOutput:
    """Asks for a block every 5 ms by absolute deadlines, so it runs at exactly the pace of the monotonic clock."""

    def __init__(self) -> None:
        """Not running."""
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._clock = CallbackClock()
        self._xruns = 0

    name = "no sound (null output)"
    is_device = False
    failure: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether blocks are being asked for."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, pull: Pull) -> None:
        """Begin to call ``pull`` from a thread."""
        self._thread = threading.Thread(target=self._run, args=(pull,), name="null-output", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; when it returns, ``pull`` is not called any more."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def take_figures(self) -> OutputFigures:
        """Latency is 0: a block counts as heard when it is asked for."""
        return OutputFigures(0.0, self._xruns, self._clock.take_worst_ms())

    def _run(self, pull: Pull) -> None:
        block: Pcm = np.zeros((BLOCK_FRAMES, OUTPUT_CHANNELS), dtype=np.float32)
        deadline_ns = time.monotonic_ns()
        while not self._ending.is_set():
            now_ns = time.monotonic_ns()
            if now_ns - deadline_ns > _XRUN_NS:
                self._xruns += 1
                deadline_ns = now_ns
            self._clock.tick(now_ns, BLOCK_FRAMES)
            pull(block, now_ns)
            deadline_ns += _BLOCK_NS
            self._ending.wait(max(0.0, (deadline_ns - time.monotonic_ns()) / 1e9))
