"""Looks at buffer and output at regular times, and writes what it sees into the monitor."""

from __future__ import annotations

from dataclasses import dataclass

from core.monitor import monitor as metric
from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.opus.encoder import Application
from core.playout.figures import PlayoutInterval
from core.playout.jitter_buffer import JitterBuffer
from core.receiver.facts import latency_breakdown
from core.receiver.playback import Playback
from core.receiver.status import LatencyBreakdown


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What the connection knows of the latency's parts; ``None`` where it does not."""

    packet_ms: float | None
    application: Application | None
    round_trip_ms: float | None


class Sampler:
    """Keeps the newest value of what comes in intervals."""

    def __init__(self, buffer: JitterBuffer, playback: Playback, monitor: Monitor) -> None:
        """Before the first look."""
        self._buffer = buffer
        self._playback = playback
        self._monitor = monitor
        self._buffer_ms: float | None = None
        self._network_ms: float | None = None
        self._held_ms = 0.0
        self.latency: LatencyBreakdown = latency_breakdown(None, None, None, None, None, None)
        self.depth_ms: float | None = None
        self.playout_delay_ms: float | None = None

    def begin_connection(self) -> None:
        """Another server, or the same one again: what was measured of the path is no longer known."""
        self._buffer_ms = self._network_ms = None

    def look(self, path: PathFacts) -> None:
        """One look; afterwards every series of the monitor stands at now."""
        interval = self._buffer.take_interval()
        self._record_interval(interval)
        figures = self._playback.take_figures()
        if figures is not None:
            self._monitor.record(metric.CALLBACK_LATENESS_MS, figures.callback_lateness_ms)
        self.latency = latency_breakdown(
            packet_ms=path.packet_ms,
            application=path.application,
            measured_network_ms=self._network_ms,
            round_trip_ms=path.round_trip_ms,
            buffer_ms=self._buffer_ms,
            device_ms=figures.latency_ms if figures else None,
        )
        if interval.buffer_ms is not None:
            self._record_latency(self.latency)
        self._monitor.advance()

    def _record_interval(self, interval: PlayoutInterval) -> None:
        monitor = self._monitor
        if interval.depth_ms is not None:
            depth = interval.depth_ms
            self.depth_ms = depth.mean
            monitor.record_range(metric.BUFFER_DEPTH_MS, depth.low, depth.mean, depth.high)
            monitor.record(metric.TARGET_DELAY_MS, self._buffer.settings.target_delay_ms)
        for delay_ms in interval.playout_delays_ms:
            monitor.record(metric.PLAYOUT_DELAY_MS, float(delay_ms))
            self.playout_delay_ms = float(delay_ms)
        if interval.buffer_ms is not None:
            self._buffer_ms, self._network_ms = interval.buffer_ms, interval.network_ms
        now_s = monitor.now_s()
        if interval.starved_ms:
            monitor.starved_ms.add(now_s, interval.starved_ms)
        if interval.episodes_begun:
            monitor.underrun_episodes.add(now_s, interval.episodes_begun)
        if interval.skipped_ms:
            monitor.events.add(Level.INFO, f"{interval.skipped_ms:.0f} ms cut out to come back to the target delay")
        self._record_hold(interval.held_ms)
        for episode in interval.episodes:
            monitor.events.add(Level.WARNING, f"underrun: nothing to play for {episode.starved_ms:.0f} ms")

    def _record_hold(self, held_ms: float) -> None:
        """One line for a hold that lasts over several looks, when it is over."""
        self._held_ms += held_ms
        if self._held_ms and not held_ms:
            self._monitor.events.add(Level.INFO, f"playout held for {self._held_ms:.0f} ms to reach the target delay")
            self._held_ms = 0.0

    def _record_latency(self, latency: LatencyBreakdown) -> None:
        frame_and_codec_ms = None
        if latency.frame is not None and latency.codec is not None:
            frame_and_codec_ms = latency.frame + latency.codec
        for name, value in (
            (metric.LATENCY_FRAME_MS, frame_and_codec_ms),
            (metric.LATENCY_NETWORK_MS, latency.network),
            (metric.LATENCY_BUFFER_MS, latency.buffer),
            (metric.LATENCY_DEVICE_MS, latency.device),
        ):
            if value is not None:
                self._monitor.record(name, value)
