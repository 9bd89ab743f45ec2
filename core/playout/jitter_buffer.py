"""The jitter buffer: packets go in as they come, PCM comes out whenever the device asks.

Two threads meet here. The event loop's thread calls `push` and `configure`; the audio thread calls
`pull` and does nothing else. Both hold one short lock: the longest thing under it is decoding one
packet (measured: 0.06 ms for 20 ms of audio) and, after an underrun or a gap, rendering the at most
160 ms of concealment that have to come before it (0.03 ms for each 10 ms).
"""

from __future__ import annotations

import threading
from typing import Final

from core.opus.decoder import OpusDecoder, Pcm
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS
from core.playout.arrivals import duration_ns, samples_in
from core.playout.cause import CauseFinder
from core.playout.concealment import Concealment
from core.playout.device import DevicePattern
from core.playout.figures import IntervalTally, PlayoutCounters, PlayoutInterval
from core.playout.intake import Intake, Taken
from core.playout.player import Player
from core.playout.ring import PcmRing
from core.playout.settings import PlayoutMode, PlayoutSettings, PlayoutSettingsError
from core.playout.states import PlayoutState, PushResult
from core.playout.steering import STEADY, Arrival, Steering, Step
from core.playout.timeline import Timeline
from core.playout.underrun import UnderrunTracker
from core.playout.what_if import WhatIfCurve, WhatIfSpan
from core.playout.windows import FADE_SAMPLES

PART_SAMPLES: Final = 10 * SAMPLES_PER_MS
"""A longer block is played in parts of 10 ms, with at most one splice in each."""

BURST_WAIT_NS: Final = 60_000_000
"""For so long at most playout waits in live mode for the end of a burst, to know how much of it is late."""

REFILL_NS: Final = 500_000_000
"""An underrun so soon after another one is waited out until the target is reached, or it would stutter."""


class JitterBuffer:
    """Opus packets in, continuous 48 kHz PCM out, delayed by a target that is set or finds itself."""

    def __init__(self, settings: PlayoutSettings | None = None, decoder: OpusDecoder | None = None) -> None:
        """Reserve all memory: the bound in ``settings`` decides how much.

        Raises:
            OpusLibraryError: no decoder was given and libopus cannot be loaded.
        """
        self._settings = settings or PlayoutSettings()
        self._decoder = decoder or OpusDecoder()
        self._lock = threading.Lock()
        self._ring = PcmRing(self._settings.max_depth_samples, self._decoder.channels)
        self._intake = Intake(self._decoder)
        self._concealment = Concealment(self._decoder)
        self._concealment.end()
        self._steering = Steering(self._settings)
        self._device = DevicePattern()
        self._timeline = Timeline()
        self._state = PlayoutState.IDLE
        self._is_source_playing = True
        self._ready_since_ns: int | None = None
        self._must_fill = True
        self._is_stuttering = False
        self._resumed_ns: int | None = None
        self._counters = PlayoutCounters()
        self._interval = IntervalTally()
        self._underrun = UnderrunTracker(self._counters, self._interval)
        self._causes = CauseFinder()
        self._player = Player(self._ring, self._decoder.channels, self._counters, self._interval)

    @property
    def settings(self) -> PlayoutSettings:
        """What is in force."""
        return self._settings

    @property
    def state(self) -> PlayoutState:
        """What `pull` gives at the moment."""
        return self._state

    @property
    def depth_ms(self) -> float:
        """Decoded audio waiting to be played."""
        return len(self._ring) / SAMPLES_PER_MS

    @property
    def media_position_ns(self) -> int:
        """The media time that will be played next, counted from the stream's first frame."""
        with self._lock:
            return self._steering.clock.media_ns(self._ring.read_position)

    @property
    def target_delay_ms(self) -> float:
        """The target delay in force: the one set, or what adaptation has come to."""
        return self._steering.target_ms

    @property
    def clock_skew_ppm(self) -> float | None:
        """By how much the sender's clock is slower than the device's, in millionths; ``None`` while unknown."""
        return self._steering.skew_ppm

    def push(self, packet: MediaPacket) -> PushResult:
        """Take in one packet, in the order of arrival. A packet that cannot be decoded is counted and concealed."""
        with self._lock:
            if self._state is PlayoutState.STARVED or self._state is PlayoutState.IDLE:
                self._concealment.complete()
            taken = self._intake.take(packet)
            self._count(taken)
            if len(taken.pcm) == 0:
                return PushResult(taken.info, taken.problem, 0.0, taken.packets_lost)
            arrival = self._append(packet, taken)
            if self._state is PlayoutState.IDLE:
                self._state = PlayoutState.FILLING
                self._must_fill = True
            elif self._state is PlayoutState.PLAYING:
                self._must_fill = False
        # Without the lock: the audio thread must not wait for statistics.
        change = self._steering.learn(arrival, (len(taken.pcm) - taken.gap_samples) / SAMPLES_PER_MS)
        if change is not None:
            with self._lock:
                self._interval.target_changes.append(change)
        return PushResult(taken.info, taken.problem, arrival.relative_ns / 1e6, taken.packets_lost)

    def pull(self, out: Pcm, now_ns: int) -> None:
        """Fill ``out``, shape (frames, channels), completely. ``now_ns`` is on the clock of the arrivals."""
        with self._lock:
            self._device.asked(now_ns, len(out), duration_ns(len(out)))
            filled = self._wait_for_start(out, now_ns)
            self._note_depth()
            is_playing = self._state is PlayoutState.PLAYING
            step = self._steer(now_ns + duration_ns(filled), len(out)) if is_playing else STEADY
            while filled < len(out):
                part = out[filled : filled + PART_SAMPLES]
                filled += self._produce(part, now_ns + duration_ns(filled), step)
            self._note_depth()

    def configure(self, settings: PlayoutSettings, now_ns: int) -> None:
        """Change the settings, effective at once: playout goes faster or slower until it has come to a new target.

        Raises:
            PlayoutSettingsError: the bound differs; memory is reserved once.
        """
        with self._lock:
            if settings.max_depth_ms != self._settings.max_depth_ms:
                raise PlayoutSettingsError(
                    f"the bound of {self._settings.max_depth_ms:g} ms was fixed when the buffer was made"
                )
            self._settings = settings
            change = self._steering.configure(settings, now_ns)
            if change is not None:
                self._interval.target_changes.append(change)

    def begin_stream(self) -> None:
        """Another connection starts: what is still in the ring plays on, then the new stream."""
        with self._lock:
            self._concealment.complete()
            ending = self._intake.restart()
            if len(self._ring) > 0:
                self._make_room(len(ending))
                self._ring.write(ending)
            self._steering.restart()
            self._must_fill = True
            self._is_source_playing = True

    def set_source_playing(self, is_playing: bool, now_ns: int) -> None:
        """Whether the source sends: while it does not, a dry ring is silence and no underrun."""
        with self._lock:
            self._is_source_playing = is_playing
            if not is_playing and self._state is PlayoutState.STARVED:
                self._underrun.end()
                self._state = PlayoutState.IDLE if len(self._ring) == 0 else PlayoutState.FILLING

    def note_loop_stall(self, began_ns: int, ended_ns: int) -> None:
        """Whoever owns the event loop tells that it did not run between these."""
        with self._lock:
            self._causes.loop_stalled(began_ns, ended_ns)
        # Without the lock, as all of what-if: the audio thread must not wait for statistics.
        self._steering.what_if.stalled(began_ns, ended_ns)

    def note_outage(self, began_ns: int, ended_ns: int) -> None:
        """Whoever owns the connection tells that there was none between these."""
        with self._lock:
            self._causes.connection_lost(began_ns, ended_ns)

    def note_device_xrun(self, at_ns: int) -> None:
        """Whoever owns the sound device tells that it lost audio."""
        with self._lock:
            self._causes.device_xrun(at_ns)

    def what_if(self, span: WhatIfSpan, now_ns: int) -> WhatIfCurve:
        """What every fixed playout delay would have met in the recent past; on the thread that calls `push`."""
        return self._steering.what_if.curve(span, now_ns)

    def what_if_of_the_server(self, now_ns: int) -> WhatIfCurve:
        """The same over the longer span, without what this machine made late itself."""
        return self._steering.what_if.blameless_curve(now_ns)

    def judge_the_server_anew(self) -> None:
        """Let `what_if_of_the_server` begin with what comes from now on."""
        self._steering.what_if.forget_blame()

    def overdue_ms(self, now_ns: int) -> float:
        """How late the next packet is already; 0 while none is expected."""
        with self._lock:
            if not self._is_source_playing:
                return 0.0
            return max(0.0, self._steering.overdue_ns(now_ns, self._ring.write_position) / 1e6)

    def counters(self) -> PlayoutCounters:
        """A copy of the totals; an episode that still lasts is in them."""
        with self._lock:
            return self._counters.copy()

    def take_interval(self) -> PlayoutInterval:
        """What happened since the last call."""
        with self._lock:
            return self._interval.take(self._underrun.settle(self._causes))

    def close(self) -> None:
        """Free the decoder; neither `push` nor `pull` may be called afterwards."""
        with self._lock:
            self._decoder.close()

    # What follows runs under the lock.

    def _count(self, taken: Taken) -> None:
        counters = self._counters
        counters.packets_lost += taken.packets_lost
        counters.packets_discarded += taken.is_discarded
        counters.packets_malformed += taken.info is None and not taken.is_discarded
        counters.recovered_samples += taken.recovered_samples
        if taken.packets_lost:
            self._underrun.lost(taken.gap_samples + taken.media_jump_samples)
        if taken.concealed_samples:
            counters.concealed_samples += taken.concealed_samples
            counters.concealment_events += 1

    def _append(self, packet: MediaPacket, taken: Taken) -> Arrival:
        pcm, gap = taken.pcm, taken.gap_samples
        self._make_room(len(pcm))
        position = self._ring.write_position + gap
        if taken.media_jump_samples:
            passed = self._steering.passed_samples(packet.arrival_ns, position, taken.media_jump_samples)
            self._steering.clock.jump(self._ring.write_position, passed)
        self._ring.write(pcm)
        network_ns = None
        if packet.capture_time_ns is not None:
            network_ns = packet.arrival_ns - packet.capture_time_ns - duration_ns(len(pcm) - gap)
        self._timeline.append(position, packet.arrival_ns, network_ns)
        return self._steering.arrived(packet.arrival_ns, position)

    def _make_room(self, frames: int) -> None:
        excess = len(self._ring) + frames - self._ring.capacity
        if excess > 0:
            before = self._ring.read_position
            self._skip(excess)
            self._steering.pushed_out(before, self._ring.read_position)

    def _skip(self, samples: int) -> None:
        before = self._ring.read_position
        self._player.skip(samples)
        self._jumped(before)
        self._counters.packets_discarded += self._timeline.skipped(self._ring.read_position)

    def _jumped(self, before: int) -> None:
        """The read position was at ``before`` and is elsewhere without a frame having been played."""
        clock = self._steering.clock
        self._steering.level.shift(clock.media_ns(self._ring.read_position) - clock.media_ns(before))

    def _reserve(self, now_ns: int, block: int) -> int:
        """What a splice leaves in any case: all that the device asks for at once, and enough to fade."""
        return max(FADE_SAMPLES, block, self._device.burst_frames(now_ns))

    def _wait_for_start(self, out: Pcm, now_ns: int) -> int:
        """Start if it is time to, to the sample: return how many frames at the start of ``out`` were filled before."""
        is_waiting = self._state is PlayoutState.FILLING or self._state is PlayoutState.STARVED
        if not is_waiting or len(self._ring) == 0:
            return 0
        wait = self._frames_to_wait(now_ns) if self._is_source_playing else 0
        if wait is None:
            self._ready_since_ns = None
            return 0
        if self._ready_since_ns is None:
            self._ready_since_ns = now_ns
        is_coming = self._steering.arrivals.is_bursting(now_ns) and now_ns - self._ready_since_ns < BURST_WAIT_NS
        if is_coming and self._settings.mode is PlayoutMode.LIVE:
            return 0
        self._ready_since_ns = None
        self._concealment.read_into(out[:wait])
        if self._state is PlayoutState.STARVED:
            self._underrun.end()
            self._resumed_ns = now_ns
        self._steering.begin_playing()
        self._player.restart()
        self._ring.fade_in_from(self._concealment.tail(FADE_SAMPLES))
        self._concealment.end()
        self._must_fill = self._is_stuttering = False
        self._state = PlayoutState.PLAYING
        return wait

    def _frames_to_wait(self, now_ns: int) -> int | None:
        """How many frames of the present block are to pass before playout starts; ``None``: all of it, and more."""
        block = self._device.block_frames
        burst = max(block, self._device.burst_frames(now_ns))
        goal = self._steering.goal_samples(block)
        if len(self._ring) < burst or (self._is_stuttering and len(self._ring) < goal - block // 2):
            return None
        if not self._must_fill:
            return 0
        media_ns = self._steering.clock.media_ns(self._ring.read_position)
        lag_ns = self._steering.arrivals.delay_ns(now_ns, media_ns)
        # The first block of a burst is asked for in time, the last one sooner than it is needed.
        spread = max(0, burst - block - self._device.asked_before)
        if lag_ns is None:
            return None
        wait = max(0, goal + spread - samples_in(lag_ns))
        return wait if wait < block else None

    def _produce(self, out: Pcm, now_ns: int, step: Step) -> int:
        """Fill the start of ``out`` by what the state gives; return how many frames."""
        match self._state:
            case PlayoutState.PLAYING:
                return self._play(out, now_ns, step)
            case PlayoutState.STARVED:
                audible = self._concealment.read_into(out)
                self._underrun.starve(len(out), audible)
            case PlayoutState.IDLE | PlayoutState.FILLING:
                self._concealment.read_into(out)
        return len(out)

    def _play(self, out: Pcm, now_ns: int, step: Step) -> int:
        before = self._ring.read_position
        most = step.most_samples
        if step.stretch_share > 0:
            most = min(most, len(self._ring) - self._reserve(now_ns, len(out)))
        # With a share of 0, too, which ends it.
        if self._player.stretch(step.stretch_share, len(out), most):
            self._jumped(before)
        start = self._ring.read_position
        count = self._player.read_into(out, step.ratio)
        self._timeline.played(start, self._ring.read_position, now_ns, self._interval)
        if count < len(out):
            self._run_dry(now_ns + duration_ns(count))
        return count

    def _steer(self, now_ns: int, block: int) -> Step:
        """Decide about the next block, note the delay that it is played with, and skip what live mode leaves out."""
        ring = self._ring
        burst_ns = duration_ns(self._device.burst_frames(now_ns))
        step = self._steering.step(
            now_ns, block, burst_ns, ring.read_position, ring.write_position, self._is_source_playing
        )
        if step.skip_samples:
            self._skip(max(0, min(step.skip_samples, len(ring) - self._reserve(now_ns, block))))
        delay_ns = self._steering.delay_ns(now_ns, ring.read_position)
        if delay_ns is not None:
            self._interval.playout_delay(delay_ns / 1e6)
        return step

    def _run_dry(self, now_ns: int) -> None:
        self._concealment.begin()
        if not self._is_source_playing:
            self._state = PlayoutState.IDLE
            return
        self._state = PlayoutState.STARVED
        self._is_stuttering = self._resumed_ns is not None and now_ns - self._resumed_ns < REFILL_NS
        self._underrun.begin(now_ns, self._steering.overdue_ns(now_ns, self._ring.write_position))

    def _note_depth(self) -> None:
        """An empty ring counts only where it ought not to be empty: after the first fill, while the source plays."""
        if self._state is not PlayoutState.IDLE and self._state is not PlayoutState.FILLING:
            self._interval.depth(len(self._ring))
