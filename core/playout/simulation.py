"""The jitter buffer in virtual time: real packets, arriving as a trace says, played by a device that never errs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from core.opus.decoder import OpusDecoder, Pcm
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS
from core.playout.figures import PlayoutCounters, UnderrunEpisode
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings
from core.playout.steps import LoopStall, SourceState, Step, StreamBegins, at_ns, earlier, send_times
from core.playout.target import TargetChange
from core.playout.trace import ArrivalTrace

BLOCK_MS: Final = 10.0
"""What the device asks for at once; NetEQ is asked for 10 ms, too."""

PHASE_MS: Final = 5.0
"""The device asks 5 ms after packets leave, then every 10 ms: the mean of a phase that nobody chooses."""

TIMELINE_STEP_MS: Final = 100.0

_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """How it stood at one moment; the delays in milliseconds."""

    at_s: float
    playout_delay_ms: float
    target_delay_ms: float
    depth_ms: float


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a listener would have had within the window; shares are per cent of what was put out there.

    ``playout_delay_ms`` is the mean over samples that were emitted and not concealed of the time played minus the
    nominal send time: that of a packet's first sample is ``i * frame_ms``, and its other samples follow.
    """

    playout_delay_ms: float
    playout_delay_p95_ms: float
    target_delay_ms: float
    concealed_pct: float
    concealment_events: int
    stretched_pct: float
    """Inserted and removed together."""
    skipped_pct: float
    clock_skew_ppm: float | None
    timeline: tuple[TimelinePoint, ...]
    """Over all of the trace, whatever the window."""
    episodes: tuple[UnderrunEpisode, ...]
    target_changes: tuple[TargetChange, ...]


@dataclass(slots=True)
class _Tally:
    delays_ms: list[float] = field(default_factory=list)
    played: list[int] = field(default_factory=list)
    targets_ms: list[float] = field(default_factory=list)
    first: PlayoutCounters | None = None
    last: PlayoutCounters | None = None
    put_out: int = 0


def simulate(
    trace: ArrivalTrace,
    packets: Sequence[bytes],
    frame_ms: float,
    settings: PlayoutSettings,
    window_s: tuple[float, float] | None = None,
    on_audio: Callable[[Pcm], None] | None = None,
    block_ms: float = BLOCK_MS,
) -> SimulationResult:
    """Play ``packets`` of ``frame_ms`` each, used over and over if the trace has more.

    Args:
        trace: when they arrive.
        packets: Opus packets.
        frame_ms: their duration, in milliseconds.
        settings: of the jitter buffer.
        window_s: from when to when figures are taken, in seconds; all of the trace if not given.
        on_audio: hears every block, shape (frames, channels), valid until it returns.
        block_ms: what the device asks for at once.

    Raises:
        ValueError: the window holds nothing that was played.
    """
    arrivals_ms = trace.arrivals_ms(frame_ms)
    steps = (
        MediaPacket(packets[number % len(packets)], round(at_ms * _NS_PER_MS))
        for number, at_ms in enumerate(arrivals_ms)
    )
    run = _Run(settings, (0,), 0.0, trace.duration_ms, window_s, on_audio, block_ms)
    return run.play(steps)


def simulate_steps(
    steps: Callable[[], Iterable[Step]],
    settings: PlayoutSettings,
    window_s: tuple[float, float] | None = None,
    on_audio: Callable[[Pcm], None] | None = None,
    block_ms: float = BLOCK_MS,
) -> SimulationResult:
    """Play what came on a real connection, through other settings than it had.

    When packets left nobody knows: the nominal send time is the latest at which none would have come before it left,
    so ``playout_delay_ms`` is what was added to the quickest packet's way. Seconds count from there.

    Args:
        steps: gives them anew each time, in the order of arrival; it is called twice.
        settings: of the jitter buffer.
        window_s: from when to when figures are taken; all if not given.
        on_audio: hears every block, shape (frames, channels), valid until it returns.
        block_ms: what the device asks for at once.

    Raises:
        ValueError: nothing came, or the window holds nothing that was played.
    """
    times = send_times(steps())
    zero_ns = times.sent_ns[0]
    run = _Run(
        settings,
        tuple(each_ns - zero_ns for each_ns in times.sent_ns),
        (times.first_ns - zero_ns) / _NS_PER_MS,
        (times.last_ns - zero_ns) / _NS_PER_MS,
        window_s,
        on_audio,
        block_ms,
    )
    return run.play(earlier(step, zero_ns) for step in steps())


class _Run:
    """One run of the jitter buffer in virtual time."""

    def __init__(
        self,
        settings: PlayoutSettings,
        sent_ns: tuple[int, ...],
        begin_ms: float,
        end_ms: float,
        window_s: tuple[float, float] | None,
        on_audio: Callable[[Pcm], None] | None,
        block_ms: float,
    ) -> None:
        """``sent_ns`` is when the first frame of each stream was sent, nominally."""
        self._settings, self._sent_ns = settings, sent_ns
        self._begin_ms, self._end_ms = begin_ms, end_ms
        self._window_ms = (0.0, end_ms) if window_s is None else (window_s[0] * 1000, window_s[1] * 1000)
        self._on_audio, self._block_ms = on_audio, block_ms
        # At which media time each stream begins, and what to add for its send times.
        self._streams: list[tuple[int, int]] = [(0, sent_ns[0])]
        self._is_new = self._has_any = False

    def play(self, steps: Iterable[Step]) -> SimulationResult:
        """The figures of playing ``steps``, whose times count from the run's zero."""
        begin_ms, end_ms = self._window_ms
        block = round(self._block_ms * SAMPLES_PER_MS)
        out = np.zeros((block, 2), dtype=np.float32)
        tally = _Tally()
        timeline: list[TimelinePoint] = []
        episodes: list[UnderrunEpisode] = []
        changes: list[TargetChange] = []
        coming = iter(steps)
        step = next(coming, None)
        with OpusDecoder() as decoder:
            buffer = JitterBuffer(self._settings, decoder)
            before = buffer.counters()
            for now_ms in _moments(self._block_ms, self._begin_ms, self._end_ms):
                while step is not None and at_ns(step) <= now_ms * _NS_PER_MS:
                    self._take(buffer, step)
                    step = next(coming, None)
                buffer.pull(out, round(now_ms * _NS_PER_MS))
                if self._on_audio is not None:
                    self._on_audio(out)
                after = buffer.counters()
                played = _played(after) - _played(before)
                delay_ms = now_ms + played / SAMPLES_PER_MS - self._sent_ms(buffer.media_position_ns)
                if begin_ms <= now_ms < end_ms:
                    tally.first = tally.first or before
                    tally.last = after
                    tally.put_out += block
                    tally.targets_ms.append(buffer.target_delay_ms)
                    if played:
                        tally.delays_ms.append(delay_ms)
                        tally.played.append(played)
                before = after
                if now_ms >= self._begin_ms + len(timeline) * TIMELINE_STEP_MS:
                    timeline.append(TimelinePoint(now_ms / 1000, delay_ms, buffer.target_delay_ms, buffer.depth_ms))
                    interval = buffer.take_interval()
                    episodes += interval.episodes
                    changes += interval.target_changes
            skew_ppm = buffer.clock_skew_ppm
        return _result(tally, skew_ppm, tuple(timeline), tuple(episodes), tuple(changes))

    def _take(self, buffer: JitterBuffer, step: Step) -> None:
        match step:
            case MediaPacket():
                if self._is_new and self._has_any:
                    begins_ns = buffer.media_position_ns + round(buffer.depth_ms * _NS_PER_MS)
                    self._streams.append((begins_ns, self._sent_ns[len(self._streams)] - begins_ns))
                self._is_new, self._has_any = False, True
                buffer.push(step)
            case StreamBegins():
                self._is_new = True
                buffer.begin_stream()
            case SourceState():
                buffer.set_source_playing(step.is_playing, step.at_ns)
            case LoopStall():
                buffer.note_loop_stall(step.began_ns, step.at_ns)

    def _sent_ms(self, media_ns: int) -> float:
        """When the frame of this media time was sent, nominally."""
        after_ns = next((ahead for begins, ahead in reversed(self._streams) if media_ns >= begins), self._sent_ns[0])
        return (media_ns + after_ns) / _NS_PER_MS


def _moments(block_ms: float, begin_ms: float, end_ms: float) -> Iterator[float]:
    count = int((end_ms - begin_ms - PHASE_MS) / block_ms) + 1
    return (begin_ms + PHASE_MS + number * block_ms for number in range(count))


def _played(counters: PlayoutCounters) -> int:
    return counters.total_samples_received - counters.starved_samples


def _result(
    tally: _Tally,
    skew_ppm: float | None,
    timeline: tuple[TimelinePoint, ...],
    episodes: tuple[UnderrunEpisode, ...],
    changes: tuple[TargetChange, ...],
) -> SimulationResult:
    first, last = tally.first, tally.last
    if first is None or last is None or not tally.delays_ms:
        raise ValueError("nothing is played within the window; choose one inside of the trace")
    delays_ms, played = np.array(tally.delays_ms), np.array(tally.played)
    in_order = np.argsort(delays_ms)
    up_to = np.searchsorted(np.cumsum(played[in_order]), 0.95 * played.sum())
    stretched = (
        last.inserted_samples_for_deceleration
        - first.inserted_samples_for_deceleration
        + last.removed_samples_for_acceleration
        - first.removed_samples_for_acceleration
    )
    per_cent = 100 / tally.put_out
    return SimulationResult(
        playout_delay_ms=float(np.average(delays_ms, weights=played)),
        playout_delay_p95_ms=float(delays_ms[in_order][min(up_to, len(in_order) - 1)]),
        target_delay_ms=float(np.mean(tally.targets_ms)),
        concealed_pct=(last.concealed_samples - first.concealed_samples) * per_cent,
        concealment_events=last.concealment_events - first.concealment_events,
        stretched_pct=stretched * per_cent,
        skipped_pct=(last.skipped_samples - first.skipped_samples) * per_cent,
        clock_skew_ppm=skew_ppm,
        timeline=timeline,
        episodes=episodes,
        target_changes=changes,
    )
