"""What the jitter buffer costs: ``python -m tests.benchmarks.playout_cost``.

One 48 kHz stereo stream of 20 ms packets is pushed and pulled in blocks of 5 ms, as fast as it goes; the time that
took is given as a share of the time that the audio lasts.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.media import MediaPacket
from core.playout.jitter_buffer import JitterBuffer

_BLOCK = 240
_BLOCK_NS = 5_000_000


def packets(frame_ms: float, seconds: float) -> list[bytes]:
    """Packets of music-like noise, 48 kHz stereo, 96 kbit/s."""
    settings = EncoderSettings(48_000, 2, frame_ms, bitrate=96_000)
    rng = np.random.default_rng(1)
    encoder = OpusEncoder(settings)
    samples = settings.frame_samples
    tone = np.sin(2 * np.pi * 330 * np.arange(samples) / 48_000)[:, np.newaxis] * 6_000
    made = [
        encoder.encode((tone + rng.normal(0, 500, (samples, 2))).astype(np.int16))
        for _ in range(round(seconds * 1000 / frame_ms))
    ]
    encoder.close()
    return made


def measure(frame_ms: float, seconds: float = 60.0) -> dict[str, float]:
    """Share of one core for push and pull in percent, and the time of a pull of 5 ms in microseconds."""
    buffer = JitterBuffer()
    push_ns, pull_ns = 0, []
    out = np.zeros((_BLOCK, 2), dtype=np.float32)
    waiting = iter(enumerate(packets(frame_ms, seconds)))
    due_ns, payload = 0, next(waiting)[1]
    for now_ns in range(0, round(seconds * 1e9), _BLOCK_NS):
        while payload is not None and due_ns <= now_ns:
            began_ns = time.perf_counter_ns()
            buffer.push(MediaPacket(payload, due_ns))
            push_ns += time.perf_counter_ns() - began_ns
            number, payload = next(waiting, (0, None))
            due_ns = round(number * frame_ms * 1e6)
        began_ns = time.perf_counter_ns()
        buffer.pull(out, now_ns)
        pull_ns.append(time.perf_counter_ns() - began_ns)
    buffer.close()
    return {
        "push, % of a core": push_ns / seconds / 1e7,
        "pull, % of a core": sum(pull_ns) / seconds / 1e7,
        "pull of 5 ms p50, us": float(np.percentile(pull_ns, 50)) / 1e3,
        "pull of 5 ms p99, us": float(np.percentile(pull_ns, 99)) / 1e3,
    }


def main() -> int:
    """Print the table."""
    columns = {frame_ms: measure(frame_ms) for frame_ms in (2.5, 10.0, 20.0, 60.0)}
    print(f"{'jitter buffer':24}" + "".join(f"{frame_ms:>9g} ms" for frame_ms in columns))
    for name in next(iter(columns.values())):
        print(f"{name:24}" + "".join(f"{figures[name]:12.2f}" for figures in columns.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
