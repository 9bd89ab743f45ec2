"""A plausible stream for pictures and painting benchmarks: jittered depth, two underruns, a target that follows."""

from __future__ import annotations

import math
import random

from core.monitor.events import Level
from core.monitor.monitor import (
    BITRATE_KBPS,
    BUFFER_DEPTH_MS,
    CONCEALED_MS,
    LATENCY_BUFFER_MS,
    LATENCY_DEVICE_MS,
    LATENCY_FRAME_MS,
    LATENCY_NETWORK_MS,
    LOUDNESS_LUFS,
    PACKET_KBPS,
    PEAK_DBFS,
    PLAYED_MS,
    PLAYOUT_DELAY_MS,
    RELATIVE_DELAY_MS,
    RMS_DBFS,
    STARVED_MS,
    TARGET_DELAY_MS,
    UNDERRUN_EPISODES,
    Monitor,
)
from core.opus.packet import SAMPLES_PER_MS
from core.playout.cause import UnderrunCause
from core.playout.figures import UnderrunEpisode
from core.playout.presets import PresetName
from core.receiver.status import UnderrunCounts
from gui.tuning import DEFAULT_TUNING, tuning_of
from gui.view_models.tune import tuning_change_text

_UNDERRUNS = {17.0: (62.0, UnderrunCause.NETWORK), 41.5: (24.0, UnderrunCause.DEVICE)}
"""Seconds into each minute -> starved milliseconds, and why."""
_TARGETS = {0.0: 40.0, 17.2: 90.0, 17.6: 125.0, 27.0: 75.0, 32.0: 40.0, 48.0: 100.0}
"""Seconds into each minute -> target from then on; the last one is the user's."""
STEP_S = 0.05


class FakeStream:
    """Writes into a monitor what a session would; the clock is the monitor's own."""

    def __init__(self, monitor: Monitor, seed: int = 7) -> None:
        """Nothing is written yet."""
        self._monitor = monitor
        self._random = random.Random(seed)
        self._elapsed_s = 0.0
        self.episodes: list[UnderrunEpisode] = []
        self.target_ms = _TARGETS[0.0]

    @property
    def underruns(self) -> UnderrunCounts:
        """All of them so far."""
        return UnderrunCounts(len(self.episodes), sum(episode.starved_ms for episode in self.episodes))

    def step(self) -> None:
        """The next `STEP_S` seconds."""
        monitor, now_s = self._monitor, self._monitor.now_s()
        at_s = self._elapsed_s % 60.0
        self._elapsed_s += STEP_S
        before = self.target_ms
        self.target_ms = target = next(ms for since_s, ms in reversed(_TARGETS.items()) if at_s >= since_s)
        if math.isclose(at_s, 48.0, abs_tol=STEP_S / 2):
            monitor.events.add(Level.CHANGE, tuning_change_text(DEFAULT_TUNING, tuning_of(PresetName.SAFE)))
        elif target != before:
            reason = "stalls in the last 5 s" if target > before else "calmer than before"
            share = f"1.2 % of packets later than {min(target, before):g} ms"
            monitor.events.add(Level.INFO, f"target delay {before:g} -> {target:g} ms: {reason}, {share}")
        slow = 6.0 * math.sin(at_s / 4.0)
        depth = target + slow + self._random.gauss(0.0, 4.0)
        for begin_s, (starved, cause) in _UNDERRUNS.items():
            after_s = at_s - begin_s
            if 0 <= after_s < STEP_S:
                monitor.tally(STARVED_MS, starved)
                monitor.tally(CONCEALED_MS, starved)
                monitor.tally(UNDERRUN_EPISODES, 1)
                monitor.tally_episode(cause.value, now_s, starved)
                monitor.events.add(Level.WARNING, f"underrun: nothing to play for {starved:.0f} ms ({cause.value})")
                began_ns = round(now_s * 1e9)
                self.episodes.append(UnderrunEpisode(began_ns, round(starved * SAMPLES_PER_MS), cause))
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
        monitor.tally(PLAYED_MS, STEP_S * 1000)
        for _ in range(2):
            late = abs(self._random.gauss(0.0, 1.5)) + (60.0 if 0 < at_s - 17.0 < 0.3 else 0.0)
            monitor.record(RELATIVE_DELAY_MS, late)
            monitor.record(PACKET_KBPS, 64.0 + self._random.gauss(0.0, 6.0))
        monitor.record(BITRATE_KBPS, 64.3)
        monitor.record(PEAK_DBFS, -9.0 + self._random.gauss(0.0, 2.0))
        monitor.record(RMS_DBFS, -21.0 + self._random.gauss(0.0, 2.0))
        monitor.record(LOUDNESS_LUFS, -19.5 + self._random.gauss(0.0, 0.5))
