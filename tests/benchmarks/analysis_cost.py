"""What analysing a stream costs: ``python -m tests.benchmarks.analysis_cost [--seconds 120]``.

Streams of 20 ms are taken in as fast as it goes; all times are processor time of the thread, so that other programs on
the machine are in none of them. A result is asked for once a second of the stream, as a watch does. The question is how
many streams one core can follow: at least 200 without decoding, 40 with it.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.diagnosis import findings_of
from core.analysis.observation import Observation
from tests.benchmarks.playout_comparison.table import markdown
from tests.peers.faults import transcript

WANTED: Final = {False: 200, True: 40}
"""Streams on one core, without decoding and with it."""

STREAMS: Final = ("clean", "5-packet bursts", "300 ms stall every 10 s", "1 % dropped")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one stream."""

    core_pct: float
    """Taking in, and a result and its findings once a second."""
    result_ms: float
    """One result with its findings, in the mean."""

    @property
    def streams(self) -> float:
        """How many of them fill a core."""
        return 100 / self.core_pct


def measure(observations: Sequence[Observation], seconds: float, *, with_sound: bool, every_s: float = 1.0) -> Cost:
    """Take in a transcript of so many seconds; a result is asked for every ``every_s``."""
    analyzer = StreamAnalyzer(with_sound=with_sound)
    began_ns, next_ns = observations[0].at_ns, round(every_s * 1e9)
    results, in_results = 0, 0
    began_cpu = time.thread_time_ns()
    for observation in observations:
        analyzer.take(observation)
        if observation.at_ns - began_ns >= next_ns:
            next_ns += round(every_s * 1e9)
            before_cpu = time.thread_time_ns()
            findings_of(analyzer.result())
            in_results += time.thread_time_ns() - before_cpu
            results += 1
    spent = time.thread_time_ns() - began_cpu
    analyzer.close()
    return Cost(100 * spent / (seconds * 1e9), in_results / max(results, 1) / 1e6)


def memory_mb(name: str, seconds: float, *, with_sound: bool, bare: bool) -> tuple[float, float]:
    """What Python and numpy hold for an analysis at half the time and at its end, in megabytes."""
    tracemalloc.start()
    try:
        list(transcript(name, 0.1, bare=bare))  # so that what the server keeps is in no figure
        before = tracemalloc.get_traced_memory()[0]
        analyzer = StreamAnalyzer(with_sound=with_sound)
        half = 0.0
        began_ns: int | None = None
        for observation in transcript(name, seconds, bare=bare):
            began_ns = observation.at_ns if began_ns is None else began_ns
            analyzer.take(observation)
            if not half and observation.at_ns - began_ns > seconds * 5e8:
                half = (tracemalloc.get_traced_memory()[0] - before) / 1e6
        end = (tracemalloc.get_traced_memory()[0] - before) / 1e6
        analyzer.close()
        return half, end
    finally:
        tracemalloc.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.analysis_cost")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each stream")
    chosen = parser.parse_args(arguments)
    lines = []
    for name in STREAMS:
        for bare in (False, True):
            observations = list(transcript(name, chosen.seconds, bare=bare))
            for with_sound in (False, True):
                cost = measure(observations, chosen.seconds, with_sound=with_sound)
                lines.append(
                    (
                        name,
                        "bare" if bare else "opus-rtp.v1",
                        "with" if with_sound else "without",
                        f"{cost.core_pct:.3f}",
                        f"{cost.streams:.0f}",
                        str(WANTED[with_sound]),
                        f"{cost.result_ms:.2f}",
                    )
                )
    print("what analysing one stream of 20 ms costs, a result once a second included:\n")
    heads = ("stream", "framing", "decoding", "core %", "streams a core", "wanted", "one result ms")
    print(markdown(heads, lines, left=3))
    for with_sound in (False, True):
        half, end = memory_mb("1 % dropped", chosen.seconds, with_sound=with_sound, bare=True)
        word = "with" if with_sound else "without"
        print(f"\nmemory {word} decoding: {half:.2f} MB after {chosen.seconds / 2:g} s, {end:.2f} MB at the end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
