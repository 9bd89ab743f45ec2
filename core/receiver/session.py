"""A listening session: socket to wire to jitter buffer to sound, for as long as somebody listens."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from core.analysis.observation import ObserverStall
from core.audio.output import Pcm
from core.audio.volume import VolumeError
from core.monitor import monitor as metric
from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.opus.encoder import Application
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings, PlayoutSettingsError
from core.playout.states import PlayoutState
from core.playout.what_if import WhatIfCurve, WhatIfSpan
from core.receiver.attempts import Attempts
from core.receiver.connection import Connection
from core.receiver.device_watch import MakeOutput
from core.receiver.impairment.settings import Impairment
from core.receiver.impairment.stage import ImpairedStage
from core.receiver.observers import Observe
from core.receiver.options import ListenOptions, SettingError, check_device_latency_ms
from core.receiver.overseer import Overseer
from core.receiver.playback import Playback, make_output
from core.receiver.reception import Reception
from core.receiver.recordings import Recordings
from core.receiver.snapshot import snapshot_of
from core.receiver.status import ConnectionState, SessionSnapshot
from core.receiver.verdict import Verdict
from core.receiver.wishes import Wishes
from core.recording.rotation import NO_ROTATION, Rotation

SAMPLE_INTERVAL_S: Final = 0.05
"""The monitor looks this often: two looks in each of its 100 ms bins."""

STALL_MS: Final = 15.0
"""An event loop that runs so late has not read what came meanwhile. Less is its usual scatter under load."""


class ListeningSession:
    """One URL being listened to, from the first attempt until it is stopped or cannot go on."""

    def __init__(self, options: ListenOptions, monitor: Monitor, make_output: MakeOutput = make_output) -> None:
        """Prepare; no socket and no device is opened before `run`.

        Raises:
            OpusLibraryError: libopus cannot be loaded.
        """
        self._options = options
        self._monitor = monitor
        self._buffer = JitterBuffer(options.playout)
        self._playback = Playback(self._buffer.pull, monitor.events, make_output)
        self._connection = Connection(options.url, monitor.events)
        self._reception = Reception(self._buffer, monitor)
        self._lab = ImpairedStage(options.impairment)
        self._overseer = Overseer(self._buffer, self._playback, self._reception, self._connection, self._lab, monitor)
        self._wishes = Wishes(self._reception, options.frame_ms, options.encoder)
        self._attempts = Attempts(
            options,
            self._buffer,
            self._reception,
            self._connection,
            self._lab,
            self._wishes,
            self._overseer,
            monitor.events,
        )
        self._recordings = Recordings(monitor.events, self._attempts.observers)
        self._playback.played.also_to = self._recordings.write
        self._device_latency_ms = options.device_latency_ms
        self._output = options.output
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._state_before_stop: ConnectionState | None = None
        if options.replay is not None:
            options.replay.on_stall = self.note_stall

    def observe(self, observer: Observe) -> None:
        """Let ``observer`` hear of all that happens on the connection from now on, on the event loop's thread.

        It hears what the server did: of messages as they were read, before the network lab. One that fails hears no
        more, and its error goes to the event loop's handler; listening goes on.
        """
        self._attempts.observers.add(observer)

    @property
    def state_before_stop(self) -> ConnectionState:
        """Where it stood when it was stopped; where nobody has stopped it, where it stands."""
        return self._connection.status.state if self._state_before_stop is None else self._state_before_stop

    async def run(self) -> None:
        """Connect, play, reconnect, until `stop` or until trying again would not help; then everything is closed.

        Raises:
            OutputError: the options require an output that cannot be had.
        """
        if self._is_stopping:
            return
        self._monitor.begin_session()
        if self._lab.impairment.is_active:
            self._log_impairment()
        self._task = asyncio.current_task()
        try:
            self._playback.open(self._options.output, self._options.device_latency_ms, self._options.is_output_required)
            async with asyncio.TaskGroup() as tasks:
                sampling = tasks.create_task(self._sample())
                await self._attempts.run()
                await self._play_out()
                sampling.cancel()
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise
        finally:
            self._task = None
            self._close()

    def _close(self) -> None:
        try:
            self._end_waiting()
            self._overseer.look(self._attempts.round_trip_ms)
        finally:
            self._playback.close()
            self._recordings.end()
            self._buffer.close()
            self._overseer.close()
            if self._connection.status.state not in (ConnectionState.FAILED, ConnectionState.ENDED):
                self._disconnected()

    def stop(self) -> None:
        """Ask `run` to close everything and to return."""
        if not self._is_stopping:
            self._state_before_stop = self._connection.status.state
        self._is_stopping = True
        self._attempts.stop()
        # A server that never answers holds up the closing by half a second: nobody misses what it would have sent.
        self._end_waiting()
        if self._task is not None:
            self._task.cancel()

    def _end_waiting(self) -> None:
        """Nothing is expected any more: an underrun or an outage that lasts is over, and has its cause."""
        now_ns = time.monotonic_ns()
        self._overseer.outages.end(now_ns)
        self._buffer.set_source_playing(False, now_ns)

    @property
    def playout(self) -> PlayoutSettings:
        """How the jitter buffer is set now."""
        return self._buffer.settings

    def set_playout(self, playout: PlayoutSettings) -> None:
        """Change how the jitter buffer works, effective at once.

        Raises:
            SettingError: outside of what is accepted; what is in force stays.
        """
        try:
            self._buffer.configure(playout, time.monotonic_ns())
        except PlayoutSettingsError as error:
            raise SettingError(str(error)) from error

    def set_impairment(self, impairment: Impairment) -> None:
        """Change what the network lab does, effective at once; what it holds back stays in order and is not lost."""
        if impairment == self._lab.impairment:
            return
        self._attempts.set_impairment(impairment)
        self._log_impairment()

    def _log_impairment(self) -> None:
        self._monitor.events.add(Level.CHANGE, f"network lab: {self._lab.impairment.describe()}")

    def what_if(self, span: WhatIfSpan) -> WhatIfCurve:
        """What every fixed playout delay would have met in the recent past."""
        return self._buffer.what_if(span, time.monotonic_ns())

    def verdict(self, depth_ms: float) -> Verdict:
        """Whether a buffer of ``depth_ms`` would be enough for this server, and why not; also after the end."""
        return self._overseer.verdict(depth_ms)

    def judge_anew(self) -> None:
        """Let the verdict rest on what comes from now on."""
        self._overseer.judge_anew()

    def try_now(self) -> None:
        """Make the next attempt to connect at once, where one is being waited for."""
        self._attempts.try_now()

    async def request_frame_ms(self, frame_ms: float) -> None:
        """Ask the server for another frame size; what is in force then shows in `snapshot`, as it arrives.

        Raises:
            SettingError: not a frame size of Opus, or this server cannot be asked.
        """
        await self._wishes.ask_frame_ms(frame_ms)

    async def request_encoder(
        self, bitrate: int | None = None, fec: bool | None = None, dtx: bool | None = None
    ) -> None:
        """Ask the server for other settings of its encoder, ``bitrate`` in bit/s; ``None`` leaves one as it is.

        Raises:
            SettingError: outside of what the server offers, or this server cannot be asked.
        """
        await self._wishes.ask_encoder(bitrate, fec, dtx)

    async def request_application(self, application: Application | None) -> None:
        """Ask the server for an encoder tuned for something else; ``None`` is what it chose before it was asked.

        Raises:
            SettingError: not one of those that the server offers, or this server cannot be asked.
        """
        await self._wishes.ask_application(application)

    def set_volume_db(self, volume_db: float) -> None:
        """Set the level. Raises `SettingError` outside of -60 to +12 dB."""
        try:
            self._playback.volume.set_db(volume_db)
        except VolumeError as error:
            raise SettingError(str(error)) from error

    def set_balance(self, balance: float) -> None:
        """Turn one side down: -1 is left only, 1 right only. Raises `SettingError` outside of that."""
        try:
            self._playback.volume.set_balance(balance)
        except VolumeError as error:
            raise SettingError(str(error)) from error

    def set_muted(self, muted: bool) -> None:
        """Silence without a click; playout goes on."""
        self._playback.volume.set_muted(muted)

    async def set_output(self, name: str) -> None:
        """Move to another output: ``"default"``, ``"null"`` or a device's name.

        Raises:
            OutputError: it cannot be had; the present one goes on.
        """
        self._playback.switch(name, self._device_latency_ms)
        self._output = name

    async def set_device_latency_ms(self, device_latency_ms: float | None) -> None:
        """Open the present output anew with another latency; ``None`` means its own low one.

        Raises:
            SettingError: not a latency; nothing changes.
            OutputError: it cannot be had; the present one goes on.
        """
        check_device_latency_ms(device_latency_ms)
        self._playback.switch(self._output, device_latency_ms)
        self._device_latency_ms = device_latency_ms

    def last_played(self, frames: int) -> Pcm:
        """A copy of the newest ``frames`` frames that went to the output, at most a second; shape (frames, 2)."""
        return self._playback.played.last(frames)

    def start_recording(self, path: Path, rotation: Rotation = NO_ROTATION, is_forced: bool = False) -> None:
        """Record from now on, to ``path`` or to files named after it; playback does not notice.

        The ending decides what: ``.opus`` the packets as received, ``.wav`` and ``.flac`` the sound as played. How it
        stands is in `snapshot`; it ends with the session at the latest.

        Raises:
            RecordingError: the ending is not known, the file exists and ``is_forced`` does not allow to replace it, it
                cannot be written or is being recorded to already.
        """
        self._recordings.start(path, rotation, self._connection.status.url, is_forced, self._reception.observer.hello)

    def stop_recording(self, path: Path | None = None) -> None:
        """End the recording to ``path``, or all of them. Waits for the disk, three seconds at most."""
        self._recordings.stop(path)

    def record_loop_lag(self, lag_ms: float) -> None:
        """Whoever owns the event loop tells how late it ran."""
        self._monitor.record(metric.LOOP_LAG_MS, lag_ms)
        if lag_ms >= STALL_MS:
            now_ns = time.monotonic_ns()
            began_ns = now_ns - round(lag_ms * 1e6)
            if self._options.replay is None:
                self.note_stall(began_ns, now_ns)
            else:
                # What is heard suffers from it, but packets of a capture came when the capture says.
                self._overseer.note_stall(began_ns, now_ns)

    def note_stall(self, began_ns: int, ended_ns: int) -> None:
        """Nothing was read between these by the machine that read, which for a replay is the one that captured."""
        self._overseer.note_stall(began_ns, ended_ns)
        self._attempts.observers.tell(ObserverStall(began_ns, ended_ns))

    def snapshot(self) -> SessionSnapshot:
        """How it stands now."""
        return snapshot_of(
            self._connection.status,
            self._reception,
            self._wishes,
            self._overseer.sampler,
            self._buffer,
            self._playback.status(),
            self._attempts.round_trip_ms,
            self._lab.impairment,
            self._recordings.statuses(),
        )

    async def _play_out(self) -> None:
        """Let what is in the buffer be heard before the output closes."""
        is_over = self._connection.status.state is ConnectionState.ENDED
        while is_over and self._buffer.state is not PlayoutState.IDLE:  # noqa: ASYNC110 - the audio thread changes it
            await asyncio.sleep(SAMPLE_INTERVAL_S)

    async def _sample(self) -> None:
        while True:
            self._playback.check()
            self._recordings.check()
            self._overseer.look(self._attempts.round_trip_ms)
            await asyncio.sleep(SAMPLE_INTERVAL_S)

    def _disconnected(self) -> None:
        if self._connection.status.state is not ConnectionState.DISCONNECTED:
            self._connection.to(ConnectionState.DISCONNECTED, "disconnected", next_attempt_at_ns=None)
