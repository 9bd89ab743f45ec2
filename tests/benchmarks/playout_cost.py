"""What the jitter buffer costs: ``python -m tests.benchmarks.playout_cost [--seconds 60]``.

A 48 kHz stereo stream of speech is pushed and pulled as fast as it goes, by the clock of an arrival trace. All times
are processor time of the thread, so that other programs on the machine are in none of them; shares are by the time
that the audio lasts.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import av
import numpy as np

from core.audio.sources.decoding import decode_pcm
from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings
from core.playout.trace import ArrivalTrace
from core.playout.what_if import WhatIfSpan
from tests.benchmarks.playout_comparison.table import markdown
from tests.support.processes import REPOSITORY
from tests.traces.families import drift, none
from tests.traces.trace import recorded

SITUATIONS: Final[dict[str, ArrivalTrace]] = {
    "steady": none(),
    "a clock 500 ppm off (resampling)": drift(1, ppm=500.0, jitter_ms=0.0),
    "Wi-Fi (time-scale modification)": recorded("d_wifi"),
}

SIZES_MS: Final = ((20.0, 10.0), (5.0, 5.0))
"""Packets, and what the device asks for."""

_SETTINGS = PlayoutSettings(is_adaptive=True, target_delay_ms=20.0)
_CURVES = 500


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one stream; shares in per cent of one core, times of one call in microseconds."""

    push_pct: float
    pull_pct: float
    pull_p50_us: float
    pull_p99_us: float
    pull_max_us: float
    stretched_pct: float
    what_if_us: float
    """Median of the curve over five minutes."""


@cache
def packets(frame_ms: float) -> list[bytes]:
    """The speech that comes with Opuscope, 48 kHz stereo, 96 kbit/s, made a little different left and right."""
    settings = EncoderSettings(48_000, 2, frame_ms, bitrate=96_000)
    path = REPOSITORY / "resources" / "demo" / "speech.flac"
    pcm = np.concatenate(list(decode_pcm(lambda: av.open(str(path)), path.name, 48_000, 2)))
    pcm[:, 1] = np.roll(pcm[:, 1], 20)
    encoder, frame = OpusEncoder(settings), settings.frame_samples
    try:
        return [encoder.encode(pcm[start : start + frame]) for start in range(0, len(pcm) - frame + 1, frame)]
    finally:
        encoder.close()


def measure(trace: ArrivalTrace, frame_ms: float, pull_ms: float, seconds: float = 60.0) -> Cost:
    """Play the trace, or as much of it as ``seconds`` are."""
    stream = packets(frame_ms)
    arrivals_ns = [round(at_ms * 1e6) for at_ms in trace.arrivals_ms(frame_ms)]
    pull_ns = round(pull_ms * 1e6)
    length_ns = min(round(seconds * 1e9), round(trace.duration_ms * 1e6))
    out = np.zeros((round(pull_ms * SAMPLES_PER_MS), 2), dtype=np.float32)
    buffer = JitterBuffer(_SETTINGS)
    push_cpu, pulls = 0, []
    next_packet = 0
    for now_ns in range(pull_ns // 2, length_ns, pull_ns):
        began_cpu = time.thread_time_ns()
        while next_packet < len(arrivals_ns) and arrivals_ns[next_packet] <= now_ns:
            buffer.push(MediaPacket(stream[next_packet % len(stream)], arrivals_ns[next_packet]))
            next_packet += 1
        pushed_cpu = time.thread_time_ns()
        buffer.pull(out, now_ns)
        pulls.append(time.thread_time_ns() - pushed_cpu)
        push_cpu += pushed_cpu - began_cpu
        if now_ns % 50_000_000 < pull_ns:
            buffer.take_interval()
    curves = []
    for _ in range(_CURVES):
        began_cpu = time.thread_time_ns()
        buffer.what_if(WhatIfSpan.LONG, length_ns)
        curves.append(time.thread_time_ns() - began_cpu)
    totals = buffer.counters()
    buffer.close()
    stretched = totals.inserted_samples_for_deceleration + totals.removed_samples_for_acceleration
    return Cost(
        push_pct=100 * push_cpu / length_ns,
        pull_pct=100 * sum(pulls) / length_ns,
        pull_p50_us=float(np.percentile(pulls, 50)) / 1e3,
        pull_p99_us=float(np.percentile(pulls, 99)) / 1e3,
        pull_max_us=max(pulls) / 1e3,
        stretched_pct=100 * stretched / (len(pulls) * len(out)),
        what_if_us=float(np.median(curves)) / 1e3,
    )


def memory_mb(settings: PlayoutSettings) -> float:
    """What a jitter buffer with these settings reserves, libopus' decoder left out; nothing is added while it runs."""
    tracemalloc.start()
    try:
        buffer = JitterBuffer(settings)
        reserved = tracemalloc.get_traced_memory()[0]
        buffer.close()
    finally:
        tracemalloc.stop()
    return reserved / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.playout_cost")
    parser.add_argument("--seconds", type=float, default=60.0, help="of audio for each line, at most 60")
    chosen = parser.parse_args(arguments)
    lines, curves_us = [], []
    for frame_ms, pull_ms in SIZES_MS:
        for name, trace in SITUATIONS.items():
            cost = measure(trace, frame_ms, pull_ms, chosen.seconds)
            curves_us.append(cost.what_if_us)
            shares = (cost.push_pct, cost.pull_pct, cost.push_pct + cost.pull_pct)
            times = (cost.pull_p50_us, cost.pull_p99_us, cost.pull_max_us)
            lines.append(
                (
                    f"{frame_ms:g} / {pull_ms:g}",
                    name,
                    *(f"{share:.2f}" for share in shares),
                    *(f"{time_us:.0f}" for time_us in times),
                    f"{cost.stretched_pct:.1f}",
                )
            )
    heads = ("packet / pull ms", "situation", "push %", "pull %", "core %", "pull p50 us", "p99 us", "max us")
    print("what one 48 kHz stereo stream costs, in per cent of one core:\n")
    print(markdown((*heads, "stretched %"), lines, left=2))
    print(f"\nwhat-if curve over five minutes: {np.median(curves_us):.0f} us")
    for depth_ms in (1_000.0, PlayoutSettings().max_depth_ms):
        settings = PlayoutSettings(max_depth_ms=depth_ms)
        print(f"memory at a largest depth of {depth_ms / 1000:g} s: {memory_mb(settings):.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
