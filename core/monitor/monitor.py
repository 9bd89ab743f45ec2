"""One place that knows how a session goes; plots, reports and tables read it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from core.monitor.distribution import Distribution
from core.monitor.events import EventLog
from core.monitor.time_series import TallySeries, TimeSeries

BUFFER_DEPTH_MS: Final = "buffer_depth_ms"
TARGET_DELAY_MS: Final = "target_delay_ms"
PLAYOUT_DELAY_MS: Final = "playout_delay_ms"
RELATIVE_DELAY_MS: Final = "relative_delay_ms"
LATENCY_FRAME_MS: Final = "latency_frame_ms"
LATENCY_NETWORK_MS: Final = "latency_network_ms"
LATENCY_BUFFER_MS: Final = "latency_buffer_ms"
LATENCY_DEVICE_MS: Final = "latency_device_ms"
LOOP_LAG_MS: Final = "loop_lag_ms"
CALLBACK_LATENESS_MS: Final = "callback_lateness_ms"
PAINT_MS: Final = "paint_ms"

GAUGES: Final = (
    BUFFER_DEPTH_MS,
    TARGET_DELAY_MS,
    PLAYOUT_DELAY_MS,
    RELATIVE_DELAY_MS,
    LATENCY_FRAME_MS,
    LATENCY_NETWORK_MS,
    LATENCY_BUFFER_MS,
    LATENCY_DEVICE_MS,
    LOOP_LAG_MS,
    CALLBACK_LATENESS_MS,
    PAINT_MS,
)
"""All gauges; where W3C webrtc-stats has a name, that one."""


class Monitor:
    """Gauges over the last minute, their distributions over the whole session, underruns, events.

    Lives on the thread of the event loop; the audio thread never touches it.
    """

    def __init__(
        self,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_clock_s: Callable[[], float] = time.time,
        window_s: float = 60.0,
        bin_s: float = 0.1,
    ) -> None:
        """Reserve memory for a window of ``window_s`` in bins of ``bin_s``."""
        bins = round(window_s / bin_s)
        self._clock_ns = clock_ns
        self.series = {name: TimeSeries(bin_s, bins) for name in GAUGES}
        self.distributions = {name: Distribution() for name in GAUGES}
        self.starved_ms = TallySeries(bin_s, bins)
        """Starved milliseconds of underruns in each bin."""
        self.underrun_episodes = TallySeries(bin_s, bins)
        """Underrun episodes that began in each bin."""
        self.events = EventLog(clock_ns, wall_clock_s)

    def now_s(self) -> float:
        """Monotonic time in seconds on the clock of the series."""
        return self._clock_ns() / 1e9

    def begin_session(self) -> None:
        """Another session: its distributions start anew, while series and events go on."""
        self.distributions = {name: Distribution() for name in GAUGES}

    def record(self, name: str, value: float) -> None:
        """One value of a gauge, now."""
        self.series[name].add(self.now_s(), value)
        self.distributions[name].add(value)

    def record_range(self, name: str, low: float, mean: float, high: float) -> None:
        """A gauge's range since it was last recorded. Its distribution is one of means, with the true extremes."""
        self.series[name].add_range(self.now_s(), low, mean, high)
        self.distributions[name].add(mean)
        self.distributions[name].reach(low, high)

    def advance(self) -> None:
        """Move every series on to now, so that plots scroll while nothing arrives."""
        now_s = self.now_s()
        for series in self.series.values():
            series.advance(now_s)
        self.starved_ms.advance(now_s)
        self.underrun_episodes.advance(now_s)
