"""One place that knows how a session goes; plots, reports and tables read it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Final

from core.monitor.distribution import Distribution
from core.monitor.events import EventLog
from core.monitor.time_series import BIN_S, HISTORY_S, TallySeries, TimeSeries, Values

BUFFER_DEPTH_MS: Final = "buffer_depth_ms"
TARGET_DELAY_MS: Final = "target_delay_ms"
DELAY_BOUND_MS: Final = "delay_bound_ms"
PLAYOUT_DELAY_MS: Final = "playout_delay_ms"
RELATIVE_DELAY_MS: Final = "relative_delay_ms"
LATENCY_FRAME_MS: Final = "latency_frame_ms"
LATENCY_NETWORK_MS: Final = "latency_network_ms"
LATENCY_BUFFER_MS: Final = "latency_buffer_ms"
LATENCY_DEVICE_MS: Final = "latency_device_ms"
LOOP_LAG_MS: Final = "loop_lag_ms"
CALLBACK_LATENESS_MS: Final = "callback_lateness_ms"
PAINT_MS: Final = "paint_ms"
BITRATE_KBPS: Final = "bitrate_kbps"
PACKET_KBPS: Final = "packet_kbps"
PEAK_DBFS: Final = "peak_dbfs"
RMS_DBFS: Final = "rms_dbfs"
LOUDNESS_LUFS: Final = "loudness_lufs"
CPU_PCT: Final = "cpu_pct"

GAUGES: Final = (
    BUFFER_DEPTH_MS,
    TARGET_DELAY_MS,
    DELAY_BOUND_MS,
    PLAYOUT_DELAY_MS,
    RELATIVE_DELAY_MS,
    LATENCY_FRAME_MS,
    LATENCY_NETWORK_MS,
    LATENCY_BUFFER_MS,
    LATENCY_DEVICE_MS,
    LOOP_LAG_MS,
    CALLBACK_LATENESS_MS,
    PAINT_MS,
    BITRATE_KBPS,
    PACKET_KBPS,
    PEAK_DBFS,
    RMS_DBFS,
    LOUDNESS_LUFS,
    CPU_PCT,
)
"""All gauges; where W3C webrtc-stats has a name, that one."""

LATENCY_PARTS: Final = (LATENCY_FRAME_MS, LATENCY_NETWORK_MS, LATENCY_BUFFER_MS, LATENCY_DEVICE_MS)
"""Their sum is the latency, in the order in which audio passes them."""

STARVED_MS: Final = "starved_ms"
UNDERRUN_EPISODES: Final = "underrun_episodes"
CONCEALED_MS: Final = "concealed_ms"
PLAYED_MS: Final = "played_ms"

TALLIES: Final = (STARVED_MS, UNDERRUN_EPISODES, CONCEALED_MS, PLAYED_MS)
"""What is summed in each bin: starved milliseconds of underruns; episodes that began; milliseconds that were concealed,
and that were played, those included.
"""

UNDERRUN_CAUSES: Final = (
    "late network",
    "connection lost",
    "server drop",
    "decoder",
    "interpreter stall",
    "device xrun",
)
"""The values of `core.playout.cause.UnderrunCause`, which this room does not know."""


class History:
    """The series of the last ten minutes: a `Monitor`'s own, or a copy of them that stands still."""

    def __init__(self, series: Mapping[str, TimeSeries], tallies: Mapping[str, TallySeries]) -> None:
        """Gauges and tallies by name; those of `UNDERRUN_CAUSES` are tallies of starved milliseconds."""
        self.series = series
        self.tallies = tallies

    @property
    def newest_s(self) -> float | None:
        """Monotonic time at which the newest bin ends, or ``None`` before anything was recorded."""
        ends_s = (series.newest_s for series in (*self.series.values(), *self.tallies.values()))
        return max((end_s for end_s in ends_s if end_s is not None), default=None)

    def copy(self) -> History:
        """As it is now, for looking at it while recording goes on."""
        return History(
            {name: series.copy() for name, series in self.series.items()},
            {name: tally.copy() for name, tally in self.tallies.items()},
        )


class Monitor:
    """Gauges over the last ten minutes, their distributions over the whole session, underruns, events.

    Lives on the thread of the event loop; the audio thread never touches it.
    """

    def __init__(
        self,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_clock_s: Callable[[], float] = time.time,
        window_s: float = HISTORY_S,
        bin_s: float = BIN_S,
    ) -> None:
        """Reserve memory for a window of ``window_s`` in bins of ``bin_s``."""
        bins = round(window_s / bin_s)
        self._clock_ns = clock_ns
        self._bin_s = bin_s
        self._advanced_to: int | None = None
        self.series = {name: TimeSeries(bin_s, bins) for name in GAUGES}
        self.tallies = {name: TallySeries(bin_s, bins) for name in (*TALLIES, *UNDERRUN_CAUSES)}
        self.history = History(self.series, self.tallies)
        self.distributions = {name: Distribution() for name in GAUGES}
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

    def tally(self, name: str, amount: float) -> None:
        """So much more of it, now."""
        self.tallies[name].add(self.now_s(), amount)

    def tally_episode(self, cause: str, began_s: float, starved_ms: float) -> None:
        """An underrun has ended: its milliseconds belong to this cause, from where it began."""
        tally = self.tallies[cause]
        # Of one that lasted for hours only what is kept.
        at_s = max(began_s, self.now_s() - tally.bins * tally.bin_s)
        rest_ms = starved_ms - (at_s - began_s) * 1000
        while rest_ms > 0:
            # To the end of this bin; a hair beyond, or rounding could keep it there for ever.
            in_bin_ms = ((math.floor(at_s / tally.bin_s) + 1) * tally.bin_s - at_s) * 1000 + 1e-6
            tally.add(at_s, min(rest_ms, in_bin_ms))
            at_s, rest_ms = at_s + in_bin_ms / 1000, rest_ms - in_bin_ms

    def record_values(self, name: str, values: Values) -> None:
        """Several values of a gauge that came since it was last recorded; none at all is fine."""
        if len(values):
            low, mean, high = float(values.min()), float(values.mean()), float(values.max())
            self.series[name].add_range(self.now_s(), low, mean, high)
            self.distributions[name].add_all(values)

    def advance(self) -> None:
        """Move every series on to now, so that plots scroll while nothing arrives."""
        now_s = self.now_s()
        number = math.floor(now_s / self._bin_s)
        if number == self._advanced_to:
            return
        self._advanced_to = number
        for series in self.series.values():
            series.advance(now_s)
        for tally in self.tallies.values():
            tally.advance(now_s)
