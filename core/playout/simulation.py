"""The jitter buffer in virtual time: real packets, arriving as a trace says, played by a device that never errs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from core.opus.decoder import OpusDecoder, Pcm
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS
from core.playout.figures import PlayoutCounters, UnderrunEpisode
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings
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
    begin_ms, end_ms = (0.0, trace.duration_ms) if window_s is None else (window_s[0] * 1000, window_s[1] * 1000)
    block = round(block_ms * SAMPLES_PER_MS)
    out = np.zeros((block, 2), dtype=np.float32)
    tally = _Tally()
    timeline: list[TimelinePoint] = []
    episodes: list[UnderrunEpisode] = []
    changes: list[TargetChange] = []
    next_packet = 0
    with OpusDecoder() as decoder:
        buffer = JitterBuffer(settings, decoder)
        before = buffer.counters()
        for now_ms in _moments(block_ms, trace.duration_ms):
            while next_packet < len(arrivals_ms) and arrivals_ms[next_packet] <= now_ms:
                payload = packets[next_packet % len(packets)]
                buffer.push(MediaPacket(payload, round(arrivals_ms[next_packet] * _NS_PER_MS)))
                next_packet += 1
            buffer.pull(out, round(now_ms * _NS_PER_MS))
            if on_audio is not None:
                on_audio(out)
            after = buffer.counters()
            played = _played(after) - _played(before)
            delay_ms = now_ms + played / SAMPLES_PER_MS - buffer.media_position_ns / _NS_PER_MS
            if begin_ms <= now_ms < end_ms:
                tally.first = tally.first or before
                tally.last = after
                tally.put_out += block
                tally.targets_ms.append(buffer.target_delay_ms)
                if played:
                    tally.delays_ms.append(delay_ms)
                    tally.played.append(played)
            before = after
            if now_ms >= len(timeline) * TIMELINE_STEP_MS:
                timeline.append(TimelinePoint(now_ms / 1000, delay_ms, buffer.target_delay_ms, buffer.depth_ms))
                interval = buffer.take_interval()
                episodes += interval.episodes
                changes += interval.target_changes
        skew_ppm = buffer.clock_skew_ppm
    return _result(tally, skew_ppm, tuple(timeline), tuple(episodes), tuple(changes))


def _moments(block_ms: float, duration_ms: float) -> Iterator[float]:
    count = int((duration_ms - PHASE_MS) / block_ms) + 1
    return (PHASE_MS + number * block_ms for number in range(count))


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
