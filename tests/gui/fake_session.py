"""A stand-in for `ListeningSession` that a test drives by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.audio.levels import AudioLevels
from core.audio.output import OutputError, Pcm
from core.monitor.monitor import LOOP_LAG_MS, Monitor
from core.opus.encoder import Application
from core.playout.late_history import GRID_MS
from core.playout.settings import PlayoutSettings
from core.playout.what_if import WhatIfCurve, WhatIfSpan
from core.receiver.impairment.settings import Impairment
from core.receiver.observers import Observe
from core.receiver.options import ListenOptions, SettingError, check_device_latency_ms, check_target_delay_ms
from core.receiver.status import (
    ApplicationControl,
    ConnectionState,
    ConnectionStatus,
    EncoderControl,
    FrameSizeControl,
    LatencyBreakdown,
    OutputStatus,
    SessionSnapshot,
    StreamFacts,
    UnderrunCounts,
)
from core.receiver.verdict import Answer, Verdict
from core.recording.recording import kind_of
from core.recording.rotation import NO_ROTATION, Rotation
from core.recording.status import RecordingError, RecordingStatus

STREAM = StreamFacts(
    mode="CELT",
    bandwidth="FB",
    channels=2,
    frame_ms=20.0,
    packet_ms=20.0,
    bitrate_kbps=64.3,
    packet_bytes=161.0,
    fec=False,
    dtx=False,
    declared_frame_ms=20.0,
    declared_channels=2,
    declared_sample_rate=48_000,
    application="audio",
)
OUTPUT = OutputStatus(name="ear (ALSA)", is_device=True, latency_ms=10.0, xruns=0)
LATENCY = LatencyBreakdown(frame=20.0, codec=6.5, network=4.2, buffer=61.0, device=10.0, total=101.7, kind="measured")
LEVELS = AudioLevels((-7.4, -8.1), (-21.3, -22.0), -19.8)
ALL_SIZES = (2.5, 5.0, 10.0, 20.0, 40.0, 60.0)
NO_ENCODER = EncoderControl(None, None, None, None, None, False, False, "not connected")
ENCODER = EncoderControl(64_000, False, False, "audio", (6_000, 510_000), True, True, None)
NO_APPLICATION = ApplicationControl(None, None, (), "not connected")
APPLICATION = ApplicationControl(None, "audio", tuple(Application), None)
NO_LATENCY = LatencyBreakdown(None, None, None, None, None, None, "estimated")

NO_VERDICT = Verdict(
    answer=Answer.UNKNOWN,
    depth_ms=60.0,
    has_audio=True,
    seconds=0.0,
    dropouts=0,
    latest_ms=0.0,
    lost_packets=0,
    lost_pct=0.0,
    outages=0,
    pace_ppm=0.0,
    underruns=0,
    underruns_here=0,
    stalls=0,
    longest_stall_ms=0.0,
    has_lab=False,
)


class FakeSession:
    """Does nothing by itself. What was asked of it stands in `asked`, in order."""

    def __init__(self, options: ListenOptions, monitor: Monitor) -> None:
        """Disconnected; `run` makes it connecting."""
        self.options = options
        self.monitor = monitor
        self.asked: list[tuple[str, object]] = []
        self.stopped = False
        self.ignores_stop = False
        self.refuses_frame_ms: str | None = None
        self.refuses_application: str | None = None
        self.refuses_output: str | None = None
        self.refuses_playout: str | None = None
        self.refuses_latency: str | None = None
        self.refuses_recording: str | None = None
        self.played: Pcm = np.zeros((0, 2), dtype=np.float32)
        self._playout = options.playout
        self.breaks_with: Exception | None = None
        self.judged = NO_VERDICT
        self._stop = asyncio.Event()
        self._snapshot = SessionSnapshot(
            connection=ConnectionStatus(ConnectionState.DISCONNECTED, options.url),
            stream=None,
            frame_size=FrameSizeControl(options.frame_ms, None, (), "the server has not said what it accepts"),
            encoder=NO_ENCODER,
            application=NO_APPLICATION,
            latency=NO_LATENCY,
            underruns=UnderrunCounts(0, 0.0),
            output=None,
            levels=None,
            buffer_depth_ms=None,
            target_delay_ms=options.playout.target_delay_ms,
            clock_skew_ppm=None,
            playout_delay_ms=None,
            jitter_ms=None,
            round_trip_time_ms=None,
            packets_received=0,
            bytes_received=0,
            packets_lost=0,
            packets_malformed=0,
            packets_discarded=0,
            total_samples_received=0,
            concealed_samples=0,
            silent_concealed_samples=0,
            concealment_events=0,
            inserted_samples_for_deceleration=0,
            removed_samples_for_acceleration=0,
            skipped_samples=0,
            recovered_samples=0,
            episodes=(),
            text_messages_ignored=0,
            server_packets_dropped=None,
        )

    # What a test does

    def become(self, state: ConnectionState, **connection: object) -> None:
        """Enter a connection state; keywords are fields of `ConnectionStatus`."""
        status = ConnectionStatus(state, self.options.url, **connection)  # type: ignore[arg-type]
        self._snapshot = replace(self._snapshot, connection=status)

    def know(self, **facts: object) -> None:
        """Change fields of the snapshot."""
        self._snapshot = replace(self._snapshot, **facts)  # type: ignore[arg-type]

    def stream(self) -> None:
        """Play, with a server that takes every frame size."""
        self.become(ConnectionState.STREAMING, dialect="opus-rtp.v1 (the server offered it)")
        self.know(
            stream=STREAM,
            frame_size=FrameSizeControl(self.options.frame_ms, 20.0, ALL_SIZES, None),
            encoder=ENCODER,
            application=APPLICATION,
            latency=LATENCY,
            output=OUTPUT,
            levels=LEVELS,
            buffer_depth_ms=61.0,
            playout_delay_ms=63.0,
            jitter_ms=1.9,
            round_trip_time_ms=8.4,
            clock_skew_ppm=-12.4,
            packets_received=3_010,
            bytes_received=484_610,
            total_samples_received=60 * 48_000,
        )

    def end(self) -> None:
        """Let `run` return."""
        self._stop.set()

    # The interface of ListeningSession

    async def run(self) -> None:
        self.become(ConnectionState.CONNECTING)
        while True:
            await self._stop.wait()
            if not (self.ignores_stop and self.stopped):
                break
            self._stop.clear()
        if self.breaks_with is not None:
            raise self.breaks_with
        if self.stopped:
            self.become(ConnectionState.DISCONNECTED)

    def stop(self) -> None:
        self.stopped = True
        self._stop.set()

    def snapshot(self) -> SessionSnapshot:
        return self._snapshot

    @property
    def playout(self) -> PlayoutSettings:
        return self._playout

    def set_playout(self, playout: PlayoutSettings) -> None:
        if self.refuses_playout is not None:
            raise SettingError(self.refuses_playout)
        check_target_delay_ms(playout.target_delay_ms)
        self.asked.append(("playout", playout))
        self._playout = playout
        if not playout.is_adaptive:
            self.know(target_delay_ms=playout.target_delay_ms)

    def set_impairment(self, impairment: Impairment) -> None:
        self.asked.append(("impairment", impairment))
        self.know(impairment=impairment)

    def verdict(self, depth_ms: float) -> Verdict:
        return replace(self.judged, depth_ms=depth_ms)

    def judge_anew(self) -> None:
        self.asked.append(("judge anew", None))
        self.judged = NO_VERDICT

    def try_now(self) -> None:
        self.asked.append(("try now", None))

    def what_if(self, span: WhatIfSpan) -> WhatIfCurve:
        worst = 3.0 if span is WhatIfSpan.RECENT else 8.0
        late_pct = worst * np.exp(-GRID_MS / 25) + np.where(GRID_MS < 150, worst / 20, 0.0)
        return WhatIfCurve(GRID_MS, late_pct, late_pct * 4, 3_000, float(span.value))

    async def request_frame_ms(self, frame_ms: float) -> None:
        if self.refuses_frame_ms is not None:
            raise SettingError(self.refuses_frame_ms)
        self.asked.append(("frame", frame_ms))
        self.know(frame_size=replace(self._snapshot.frame_size, requested_ms=frame_ms))

    async def request_encoder(
        self, bitrate: int | None = None, fec: bool | None = None, dtx: bool | None = None
    ) -> None:
        self.asked.append(("encoder", (bitrate, fec, dtx)))
        encoder = self._snapshot.encoder
        values = {"bitrate": bitrate, "fec": fec, "dtx": dtx}
        self.know(encoder=replace(encoder, **{key: value for key, value in values.items() if value is not None}))

    async def request_application(self, application: Application | None) -> None:
        if self.refuses_application is not None:
            raise SettingError(self.refuses_application)
        self.asked.append(("application", application))
        in_force = "audio" if application is None else application.label
        self.know(application=replace(self._snapshot.application, requested=application, in_force=in_force))

    def set_volume_db(self, volume_db: float) -> None:
        self.asked.append(("volume", volume_db))

    def set_muted(self, muted: bool) -> None:
        self.asked.append(("muted", muted))

    def set_balance(self, balance: float) -> None:
        self.asked.append(("balance", balance))

    def start_recording(self, path: Path, rotation: Rotation = NO_ROTATION, is_forced: bool = False) -> None:
        if self.refuses_recording is not None:
            raise RecordingError(self.refuses_recording)
        self.asked.append(("record", (path, is_forced)))
        self.know(recordings=(RecordingStatus(kind_of(path), path),))

    def stop_recording(self, path: Path | None = None) -> None:
        self.asked.append(("end recording", path))
        self.know(recordings=tuple(replace(each, is_running=False) for each in self._snapshot.recordings))

    def last_played(self, frames: int) -> Pcm:
        return self.played[max(len(self.played) - frames, 0) :].copy()

    async def set_output(self, name: str) -> None:
        if self.refuses_output is not None:
            raise OutputError(self.refuses_output)
        self.asked.append(("output", name))

    async def set_device_latency_ms(self, device_latency_ms: float | None) -> None:
        check_device_latency_ms(device_latency_ms)
        if self.refuses_latency is not None:
            raise OutputError(self.refuses_latency)
        self.asked.append(("latency", device_latency_ms))

    def observe(self, observer: Observe) -> None:
        """Nothing happens on a connection that there is not."""

    def note_stall(self, began_ns: int, ended_ns: int) -> None:
        """Nothing would have been read."""

    def record_loop_lag(self, lag_ms: float) -> None:
        self.monitor.record(LOOP_LAG_MS, lag_ms)
