"""Looks at buffer and output at regular times, and writes what it sees into the monitor."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from core.audio.levels import AudioLevels, LevelMeter
from core.audio.output import OutputFigures
from core.monitor import monitor as metric
from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.opus.encoder import Application
from core.opus.packet import SAMPLES_PER_MS
from core.playout.cause import UnderrunCause
from core.playout.figures import PlayoutInterval, UnderrunEpisode
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutMode
from core.playout.target import TargetChange, TargetReason
from core.receiver.facts import latency_breakdown
from core.receiver.playback import Playback
from core.receiver.status import LatencyBreakdown

EPISODES_KEPT: Final = 1_000

_HERE: Final = (UnderrunCause.INTERPRETER, UnderrunCause.DEVICE)
"""No server can help these."""

CPU_EVERY_S: Final = 1.0
"""Over less the clock of processor time is too coarse."""


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What the connection knows of the latency's parts; ``None`` where it does not."""

    packet_ms: float | None
    bitrate_kbps: float | None
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
        self._xruns = 0
        self._played_samples = self._concealed_samples = 0
        self._cpu_since_s, self._cpu_used_s = time.monotonic(), time.process_time()
        self._levels = LevelMeter(playback.played)
        self.levels: AudioLevels | None = None
        self.counters = buffer.counters()
        """Of the buffer, at the last look."""
        self.underruns_here = 0
        """Episodes that this machine made: a stalled interpreter, a sound device."""
        self._episodes: deque[UnderrunEpisode] = deque(maxlen=EPISODES_KEPT)
        self.latency: LatencyBreakdown = latency_breakdown(None, None, None, None, None, None)
        self.depth_ms: float | None = None
        self.playout_delay_ms: float | None = None

    def begin_connection(self) -> None:
        """Another server, or the same one again: what was measured of the path is no longer known."""
        self._buffer_ms = self._network_ms = None

    def look(self, path: PathFacts) -> None:
        """One look; afterwards every series of the monitor stands at now."""
        figures = self._playback.take_figures()
        self._note_xruns(figures)
        interval = self._buffer.take_interval()
        self._record_interval(interval)
        if figures is not None:
            self._monitor.record(metric.CALLBACK_LATENESS_MS, figures.callback_lateness_ms)
        self._record_levels()
        self._record_cpu()
        if path.bitrate_kbps is not None:
            self._monitor.record(metric.BITRATE_KBPS, path.bitrate_kbps)
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

    def close(self) -> None:
        """No look follows."""
        self._levels.close()

    def _note_xruns(self, figures: OutputFigures | None) -> None:
        """An xrun was somewhen since the last look; that is near enough to tell what it caused."""
        if figures is not None and figures.xruns > self._xruns:
            self._buffer.note_device_xrun(time.monotonic_ns())
        self._xruns = 0 if figures is None else figures.xruns

    def _record_interval(self, interval: PlayoutInterval) -> None:
        monitor = self._monitor
        if interval.depth_ms is not None:
            depth = interval.depth_ms
            self.depth_ms = depth.mean
            monitor.record_range(metric.BUFFER_DEPTH_MS, depth.low, depth.mean, depth.high)
            monitor.record(metric.TARGET_DELAY_MS, self._buffer.target_delay_ms)
            settings = self._buffer.settings
            if settings.mode is PlayoutMode.LIVE:
                monitor.record(metric.DELAY_BOUND_MS, self._buffer.target_delay_ms + settings.live_bound_ms)
        if len(interval.playout_delays_ms):
            monitor.record_values(metric.PLAYOUT_DELAY_MS, interval.playout_delays_ms)
            self.playout_delay_ms = float(interval.playout_delays_ms[-1])
        if interval.buffer_ms is not None:
            self._buffer_ms, self._network_ms = interval.buffer_ms, interval.network_ms
        if interval.starved_ms:
            monitor.tally(metric.STARVED_MS, interval.starved_ms)
        if interval.episodes_begun:
            monitor.tally(metric.UNDERRUN_EPISODES, interval.episodes_begun)
        self._tally_samples()
        if interval.skipped_ms:
            monitor.events.add(Level.INFO, f"{interval.skipped_ms:.0f} ms left out because it was too late")
        for change in interval.target_changes:
            # Whoever sets it tells so, once for all steps of a drag.
            if change.reason is not TargetReason.SET:
                monitor.events.add(Level.INFO, _told(change))
        for episode in interval.episodes:
            self._episodes.append(episode)
            self.underruns_here += episode.cause in _HERE
            monitor.tally_episode(episode.cause.value, episode.began_ns / 1e9, episode.starved_ms)
            text = f"underrun: nothing to play for {episode.starved_ms:.0f} ms ({episode.cause.value})"
            monitor.events.add(Level.WARNING, text)

    def _record_cpu(self) -> None:
        now_s, used_s = time.monotonic(), time.process_time()
        if now_s - self._cpu_since_s >= CPU_EVERY_S:
            pct = 100 * (used_s - self._cpu_used_s) / (now_s - self._cpu_since_s)
            self._monitor.record(metric.CPU_PCT, pct)
            self._cpu_since_s, self._cpu_used_s = now_s, used_s

    def _record_levels(self) -> None:
        self.levels = self._levels.take()
        if self.levels is not None:
            self._monitor.record(metric.PEAK_DBFS, max(self.levels.peak_dbfs))
            self._monitor.record(metric.RMS_DBFS, max(self.levels.rms_dbfs))
            if self.levels.loudness_lufs is not None:
                self._monitor.record(metric.LOUDNESS_LUFS, self.levels.loudness_lufs)

    def _tally_samples(self) -> None:
        counters = self.counters = self._buffer.counters()
        played, concealed = counters.total_samples_received, counters.concealed_samples
        self._monitor.tally(metric.PLAYED_MS, (played - self._played_samples) / SAMPLES_PER_MS)
        self._monitor.tally(metric.CONCEALED_MS, (concealed - self._concealed_samples) / SAMPLES_PER_MS)
        self._played_samples, self._concealed_samples = played, concealed

    @property
    def episodes(self) -> tuple[UnderrunEpisode, ...]:
        """The newest underrun episodes, oldest first."""
        return tuple(self._episodes)

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


def _told(change: TargetChange) -> str:
    return (
        f"target delay {change.from_ms:g} -> {change.to_ms:g} ms: {change.reason.value},"
        f" {change.late_pct:.2g} % of packets later than {min(change.from_ms, change.to_ms):g} ms"
    )
