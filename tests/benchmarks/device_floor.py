"""What this machine's sound path costs by itself: a callback that writes silence, in a process that does nothing else.

``python -m tests.benchmarks.device_floor --seconds 60 --device-latency 20``. Any xrun here is the machine's, and no
program that plays through the same device can have less.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np
import sounddevice

BLOCK_FRAMES = 240


def measure(seconds: float, latency_ms: float) -> dict[str, float]:
    """Xruns and intervals between callbacks of the default output; latency 0 means the device's own low one."""
    xruns = 0
    entered_ns: list[int] = []

    def callback(out: Any, frames: int, times: Any, status: Any) -> None:
        nonlocal xruns
        entered_ns.append(time.monotonic_ns())
        out.fill(0.0)
        xruns += bool(status.output_underflow)

    latency: float | str = latency_ms / 1000 if latency_ms else "low"
    with sounddevice.OutputStream(
        samplerate=48_000, blocksize=BLOCK_FRAMES, channels=2, dtype="float32", latency=latency, callback=callback
    ):
        cpu_before_s = time.process_time()
        time.sleep(seconds)
        cpu_s = time.process_time() - cpu_before_s
    intervals_ms = np.diff(entered_ns) / 1e6
    return {
        "callback interval p50": float(np.percentile(intervals_ms, 50)),
        "callback interval p99": float(np.percentile(intervals_ms, 99)),
        "callback interval max": float(intervals_ms.max()),
        "device xruns": float(xruns),
        "CPU": 100 * cpu_s / seconds,
    }


def main() -> int:
    """Print the figures as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--device-latency", type=float, default=20.0, metavar="MS")
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.seconds, chosen.device_latency)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
