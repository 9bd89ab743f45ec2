"""What any program must spend: a callback that hands each captured block straight on to the speaker.

``python -m tests.benchmarks.pass_through --seconds 10``. No codec, no network, no jitter buffer; capture and playback
asked for the same latency as the preset for the lowest delay asks for.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import sounddevice

from core.audio.priority import let_audio_threads_in, raise_priority_of_this_thread, spare_what_is_loaded

LATENCY_MS = 5.0
BLOCK_FRAMES = 120


def pass_through(seconds: float) -> None:
    """Hand on the default input to the default output."""
    has_priority = False

    def callback(heard: Any, said: Any, frames: int, times: Any, status: Any) -> None:
        nonlocal has_priority
        if not has_priority:
            has_priority = True
            raise_priority_of_this_thread()
        said[:] = heard

    let_audio_threads_in()
    spare_what_is_loaded()
    with sounddevice.Stream(
        samplerate=48_000,
        blocksize=BLOCK_FRAMES,
        channels=1,
        dtype="float32",
        latency=LATENCY_MS / 1000,
        callback=callback,
    ):
        time.sleep(seconds)


def main() -> int:
    """Hand on for as long as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    pass_through(parser.parse_args().seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
