"""The jitter buffer: packets go in as they come, PCM comes out whenever the device asks.

Two threads meet here. The event loop's thread calls `push` and `configure`; the audio thread calls
`pull` and does nothing else. Both hold one short lock: the longest thing under it is decoding one
packet (measured: 0.06 ms for 20 ms of audio) and, after an underrun or a gap, rendering the at most
160 ms of concealment that have to come before it (0.03 ms for each 10 ms).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from core.opus.decoder import OpusDecoder, Pcm
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS, PacketInfo
from core.playout.concealment import Concealment, Hold
from core.playout.delay import PlayoutDelay, duration_ns, samples_in
from core.playout.device import DevicePattern
from core.playout.figures import IntervalTally, PlayoutCounters, PlayoutInterval
from core.playout.intake import Intake
from core.playout.ring import PcmRing
from core.playout.settings import PlayoutSettings, PlayoutSettingsError
from core.playout.timeline import Timeline
from core.playout.underrun import UnderrunTracker
from core.playout.windows import FADE_SAMPLES

TRIM_THRESHOLD_SAMPLES: Final = 10 * SAMPLES_PER_MS
"""Delay above the target that is left alone: each cut is a splice, and 10 ms more delay are not noticed."""

QUICK_TRIM_THRESHOLD_SAMPLES: Final = 50 * SAMPLES_PER_MS
"""So much more than the target is not waited out for a second: a stalling sound device would pile it up."""

LATE_AUDIO_MARGIN_SAMPLES: Final = 100 * SAMPLES_PER_MS
"""After a stall over TCP as much audio is late as was missed. A burst that brings less or more than that by this much
was no stall: a pause of the source, or an utterance sent ahead."""

BURST_WAIT_NS: Final = 60_000_000
"""For so long at most playout waits for the end of a burst, to know how much of it is late."""


class PlayoutState(Enum):
    """What `pull` gives at the moment."""

    IDLE = "idle"
    """Nothing is expected: before the first packet, and while the source pauses. Silence, and no fault."""
    FILLING = "filling"
    """Packets come; the target delay is not reached yet."""
    PLAYING = "playing"
    HOLDING = "holding"
    """Silence on purpose, because the target delay was raised."""
    STARVED = "starved"
    """An underrun: concealment, then silence, until enough has come to go on."""


@dataclass(frozen=True, slots=True)
class PushResult:
    """What `push` found: the packet's own facts, or what was wrong with it, and how late it was."""

    info: PacketInfo | None
    problem: str | None
    relative_delay_ms: float
    """How much later than the quickest packets of the last two seconds."""
    packets_lost: int


class JitterBuffer:
    """Opus packets in, continuous 48 kHz PCM out, delayed by a target that can change at any time."""

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
        self._delay = PlayoutDelay()
        self._device = DevicePattern()
        self._ready_since_ns: int | None = None
        self._timeline = Timeline()
        self._state = PlayoutState.IDLE
        self._is_source_playing = True
        self._hold = Hold(self._decoder.channels)
        self._counters = PlayoutCounters()
        self._interval = IntervalTally()
        self._underrun = UnderrunTracker(self._counters, self._interval)

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

    def push(self, packet: MediaPacket) -> PushResult:
        """Take in one packet, in the order of arrival. A packet that cannot be decoded is counted and concealed."""
        with self._lock:
            if self._state is PlayoutState.STARVED or self._state is PlayoutState.IDLE:
                self._concealment.complete()
            taken = self._intake.take(packet)
            self._counters.packets_lost += taken.packets_lost
            self._counters.packets_discarded += taken.is_discarded
            self._counters.packets_malformed += taken.info is None and not taken.is_discarded
            if len(taken.pcm) == 0:
                return PushResult(taken.info, taken.problem, 0.0, taken.packets_lost)
            if taken.concealed_samples:
                self._counters.concealed_samples += taken.concealed_samples
                self._counters.concealment_events += 1
            self._make_room(len(taken.pcm))
            relative_ns = self._append(packet, taken.pcm, taken.gap_samples)
            if self._state is PlayoutState.IDLE:
                self._state = PlayoutState.FILLING
            elif self._state is PlayoutState.PLAYING:
                self._trim(self._delay.settled_level(packet.arrival_ns), TRIM_THRESHOLD_SAMPLES, packet.arrival_ns)
                self._trim(
                    self._delay.lasting_level(packet.arrival_ns), QUICK_TRIM_THRESHOLD_SAMPLES, packet.arrival_ns
                )
            return PushResult(taken.info, taken.problem, relative_ns / 1e6, taken.packets_lost)

    def pull(self, out: Pcm, now_ns: int) -> None:
        """Fill ``out``, shape (frames, channels), completely. ``now_ns`` is on the clock of the arrivals."""
        with self._lock:
            self._device.asked(now_ns, len(out), duration_ns(len(out)))
            self._start_if_ready(now_ns)
            self._note_depth()
            if self._state is PlayoutState.PLAYING:
                delay_ns = self._delay.reported(now_ns, self._ring.read_position)
                if delay_ns is not None:
                    self._interval.playout_delay(delay_ns / 1e6)
                self._delay.pulled(now_ns, self._ring.read_position)
            filled = 0
            while filled < len(out):
                filled += self._produce(out[filled:], now_ns + duration_ns(filled))
            self._note_depth()

    def configure(self, settings: PlayoutSettings, now_ns: int) -> None:
        """Change the target delay, effective at once: a lower one cuts, a higher one holds playout for the difference.

        Raises:
            PlayoutSettingsError: the bound differs; memory is reserved once.
        """
        with self._lock:
            if settings.max_depth_ms != self._settings.max_depth_ms:
                raise PlayoutSettingsError(
                    f"the bound of {self._settings.max_depth_ms:g} ms was fixed when the buffer was made"
                )
            self._settings = settings
            if self._state is PlayoutState.PLAYING or self._state is PlayoutState.HOLDING:
                self._steer(now_ns)

    def begin_stream(self) -> None:
        """Another connection starts: what is still in the ring plays on, then the new stream."""
        with self._lock:
            self._concealment.complete()
            ending = self._intake.restart()
            if len(self._ring) > 0:
                self._make_room(len(ending))
                self._ring.write(ending)
            self._delay.restart()
            self._is_source_playing = True

    def set_source_playing(self, is_playing: bool, now_ns: int) -> None:
        """Whether the source sends: while it does not, a dry ring is silence and no underrun."""
        with self._lock:
            self._is_source_playing = is_playing
            if not is_playing and self._state is PlayoutState.STARVED:
                self._underrun.end()
                self._state = PlayoutState.IDLE if len(self._ring) == 0 else PlayoutState.FILLING
            elif is_playing and self._state is PlayoutState.IDLE:
                self._delay.begin_fill()

    def counters(self) -> PlayoutCounters:
        """A copy of the totals; an episode that still lasts is in them."""
        with self._lock:
            return replace(self._counters)

    def take_interval(self) -> PlayoutInterval:
        """What happened since the last call."""
        with self._lock:
            return self._interval.take()

    def close(self) -> None:
        """Free the decoder; neither `push` nor `pull` may be called afterwards."""
        with self._lock:
            self._decoder.close()

    # What follows runs under the lock.

    def _append(self, packet: MediaPacket, pcm: Pcm, gap: int) -> int:
        position = self._ring.write_position + gap
        self._ring.write(pcm)
        network_ns = None
        if packet.capture_time_ns is not None:
            network_ns = packet.arrival_ns - packet.capture_time_ns - duration_ns(len(pcm) - gap)
        self._timeline.append(position, packet.arrival_ns, network_ns)
        return self._delay.arrived(packet.arrival_ns, position)

    def _make_room(self, frames: int) -> None:
        excess = len(self._ring) + frames - self._ring.capacity
        if excess > 0:
            self._cut(excess)

    def _trim(self, delay_ns: int | None, threshold_samples: int, now_ns: int) -> None:
        """Come back to the target if playout lags behind it by more than the threshold."""
        if delay_ns is None:
            return
        excess = samples_in(delay_ns) - self._settings.target_samples
        if excess > threshold_samples:
            self._cut(min(excess, len(self._ring) - self._reserve(now_ns)))

    def _reserve(self, now_ns: int) -> int:
        """What a cut leaves in any case: all that the device asks for at once, and enough to fade."""
        return max(FADE_SAMPLES, self._device.burst_frames(now_ns))

    def _cut(self, samples: int) -> None:
        if samples <= 0:
            return
        skipped = self._ring.skip(samples, FADE_SAMPLES)
        self._counters.skipped_samples += skipped
        self._interval.skipped_samples += skipped
        self._delay.moved()
        self._counters.packets_discarded += self._timeline.skipped(self._ring.read_position)

    def _steer(self, now_ns: int) -> None:
        """Bring playout to a target that has just been set."""
        delay_ns = self._delay.level(now_ns, self._ring.read_position)
        if delay_ns is None:
            return
        missing = self._settings.target_samples - samples_in(delay_ns)
        if missing > 0:
            if self._state is PlayoutState.PLAYING:
                self._hold.begin(self._ring.peek(0, min(FADE_SAMPLES, len(self._ring))))
                self._state = PlayoutState.HOLDING
            self._hold.samples_left = missing
            self._delay.moved()
            return
        if self._state is PlayoutState.HOLDING:
            self._play_from(self._hold.tail(FADE_SAMPLES))
        self._trim(delay_ns, 0, now_ns)

    def _play_from(self, tail: Pcm) -> None:
        """Go on playing the ring, out of what sounded before."""
        self._ring.fade_in_from(tail)
        self._state = PlayoutState.PLAYING

    def _start_if_ready(self, now_ns: int) -> None:
        is_filling = self._state is PlayoutState.FILLING or self._state is PlayoutState.STARVED
        if not is_filling or len(self._ring) == 0:
            return
        if self._is_source_playing and not self._is_filled(now_ns):
            self._ready_since_ns = None
            return
        if self._ready_since_ns is None:
            self._ready_since_ns = now_ns
        if self._delay.is_bursting(now_ns) and now_ns - self._ready_since_ns < BURST_WAIT_NS:
            return
        self._ready_since_ns = None
        if self._state is PlayoutState.STARVED:
            self._cut_late_audio(now_ns)
            self._underrun.end()
        self._play_from(self._concealment.tail(FADE_SAMPLES))
        self._concealment.end()

    def _is_filled(self, now_ns: int) -> bool:
        excess = self._excess_at_start(now_ns)
        return excess is not None and excess >= 0 and len(self._ring) >= self._device.burst_frames(now_ns)

    def _excess_at_start(self, now_ns: int) -> int | None:
        """By how much playout would lag behind the target if it started now, judged by the device's soonest block."""
        delay_ns = self._delay.recent(now_ns, self._ring.read_position)
        if delay_ns is None:
            return None
        # The first block of a burst is asked for in time, the last one sooner than it is needed.
        spread = self._device.burst_frames(now_ns) - self._device.block_frames
        return samples_in(delay_ns) + self._device.asked_before - spread - self._settings.target_samples

    def _cut_late_audio(self, now_ns: int) -> None:
        """After a stall over TCP everything comes at last: skip what is late."""
        excess = self._excess_at_start(now_ns)
        if excess is None or excess <= TRIM_THRESHOLD_SAMPLES:
            return
        if abs(excess - self._underrun.samples) <= LATE_AUDIO_MARGIN_SAMPLES:
            self._cut(min(excess, len(self._ring) - self._reserve(now_ns)))

    def _produce(self, out: Pcm, now_ns: int) -> int:
        """Fill the start of ``out`` by what the state gives; return how many frames."""
        match self._state:
            case PlayoutState.PLAYING:
                return self._play(out, now_ns)
            case PlayoutState.STARVED:
                audible = self._concealment.read_into(out)
                self._underrun.starve(len(out), audible)
                return len(out)
            case PlayoutState.HOLDING:
                return self._wait(out)
            case PlayoutState.IDLE | PlayoutState.FILLING:
                self._concealment.read_into(out)
                return len(out)

    def _play(self, out: Pcm, now_ns: int) -> int:
        start = self._ring.read_position
        count = self._ring.read_into(out)
        self._timeline.played(start, self._ring.read_position, now_ns, self._interval)
        self._counters.total_samples_received += count
        if count < len(out):
            self._run_dry(now_ns + duration_ns(count))
        return count

    def _wait(self, out: Pcm) -> int:
        count = self._hold.read_into(out)
        self._counters.held_samples += count
        self._interval.held_samples += count
        if self._hold.samples_left == 0:
            self._play_from(self._hold.tail(FADE_SAMPLES))
        return count

    def _run_dry(self, now_ns: int) -> None:
        self._delay.begin_fill()
        self._concealment.begin()
        if not self._is_source_playing:
            self._state = PlayoutState.IDLE
            return
        self._state = PlayoutState.STARVED
        self._underrun.begin(now_ns)

    def _note_depth(self) -> None:
        """An empty ring counts only where it ought not to be empty: after the first fill, while the source plays."""
        if self._state is not PlayoutState.IDLE and self._state is not PlayoutState.FILLING:
            self._interval.depth(len(self._ring))
