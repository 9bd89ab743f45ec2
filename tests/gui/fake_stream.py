"""A plausible stream for pictures and painting benchmarks: jittered depth, two underruns, a depth change."""

from __future__ import annotations

import math
import random

from core.monitor.events import Level
from core.monitor.monitor import (
    BUFFER_DEPTH_MS,
    LATENCY_BUFFER_MS,
    LATENCY_DEVICE_MS,
    LATENCY_FRAME_MS,
    LATENCY_NETWORK_MS,
    PLAYOUT_DELAY_MS,
    TARGET_DELAY_MS,
    Monitor,
)

_UNDERRUNS = {17.0: 62.0, 41.5: 24.0}
"""Seconds into each minute -> starved milliseconds."""
STEP_S = 0.05


class FakeStream:
    """Writes into a monitor what a session would; the clock is the monitor's own."""

    def __init__(self, monitor: Monitor, seed: int = 7) -> None:
        """Nothing is written yet."""
        self._monitor = monitor
        self._random = random.Random(seed)
        self._elapsed_s = 0.0
        self.episodes = 0
        self.starved_ms = 0.0

    def step(self) -> None:
        """The next `STEP_S` seconds."""
        monitor, now_s = self._monitor, self._monitor.now_s()
        at_s = self._elapsed_s % 60.0
        self._elapsed_s += STEP_S
        target = 60.0 if at_s < 48.0 else 90.0
        if math.isclose(at_s, 48.0, abs_tol=STEP_S / 2):
            monitor.events.add(Level.CHANGE, "Buffer depth 90 ms in force, was 60 ms")
        slow = 6.0 * math.sin(at_s / 4.0)
        depth = target + slow + self._random.gauss(0.0, 4.0)
        for begin_s, starved in _UNDERRUNS.items():
            after_s = at_s - begin_s
            if 0 <= after_s < STEP_S:
                monitor.starved_ms.add(now_s, starved)
                monitor.underrun_episodes.add(now_s, 1)
                monitor.events.add(Level.WARNING, f"Underrun: {starved:.0f} ms starved, late network")
                self.episodes += 1
                self.starved_ms += starved
            if -0.4 < after_s < 0.6:
                depth *= max(0.0, abs(after_s) * 1.4 - 0.1)
        network = 4.0 + abs(self._random.gauss(0.0, 1.2)) + (30.0 if 0 < at_s - 17.0 < 0.5 else 0.0)
        monitor.record_range(BUFFER_DEPTH_MS, max(0.0, depth - 12.0), max(0.0, depth), max(0.0, depth + 9.0))
        monitor.record(TARGET_DELAY_MS, target)
        monitor.record(PLAYOUT_DELAY_MS, depth + 3.0)
        monitor.record(LATENCY_FRAME_MS, 26.5)
        monitor.record(LATENCY_NETWORK_MS, network)
        monitor.record(LATENCY_BUFFER_MS, max(0.0, depth))
        monitor.record(LATENCY_DEVICE_MS, 10.0)
