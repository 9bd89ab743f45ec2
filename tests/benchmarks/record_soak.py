"""Does recording take more memory the longer it lasts?  python -m tests.benchmarks.record_soak --seconds 60

A server of our own, and a client of its own process that records the packets and the sound of one stream at once, in
files that rotate. What the process occupies is read once a second (psutil's resident set, and what it has for itself).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.processes import opuscope

SETTLE_S = 20.0
"""Buffers, statistics and the allocator's pools have come to their size; imports are done."""

_ROTATION_S = 5


@dataclass(frozen=True)
class Outcome:
    """Memory in MiB, once a second, after `SETTLE_S`."""

    memory_mib: list[float]
    descriptors: list[int]
    cpu_share: float
    files: int
    packets: int
    gaps: int
    unkept: int
    seconds: float
    """Of packets, as recorded."""
    errors: str

    @property
    def growth_mib(self) -> float:
        """The least of the last quarter against the least of the first."""
        quarter = max(1, len(self.memory_mib) // 4)
        return min(self.memory_mib[-quarter:]) - min(self.memory_mib[:quarter])


def soak(seconds: float) -> Outcome:
    """Record for so long after `SETTLE_S`; the files are thrown away.

    Raises:
        TimeoutError: server or client do not begin or end.
    """
    with tempfile.TemporaryDirectory() as folder, opuscope("serve", "--source", "tone", "--port", "0") as server:
        url = server.wait_for_line(r"listening on (\S+)", 30)[1]
        names = [str(Path(folder) / name) for name in ("soak.opus", "soak.flac", "soak.wav")]
        with opuscope("record", url, *names, "--rotate", f"{_ROTATION_S}s", "--json", "-") as client:
            process = psutil.Process(client.pid)
            time.sleep(SETTLE_S)
            memory_mib, descriptors = [], []
            began_s, busy_s = time.monotonic(), _cpu_s(process)
            while time.monotonic() < began_s + seconds:
                memory_mib.append(process.memory_full_info().uss / 2**20)
                descriptors.append(process.num_fds())
                time.sleep(1)
            cpu_share = (_cpu_s(process) - busy_s) / (time.monotonic() - began_s)
            client.interrupt()
            client.wait(20)
            [packets, *_] = json.loads(client.text("stdout"))["recordings"]
            return Outcome(
                memory_mib,
                descriptors,
                cpu_share,
                packets["files"],
                packets["packets"],
                packets["gaps"],
                packets["unkept"],
                packets["seconds"],
                client.text("stderr"),
            )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> int:
    """Print the figures; exit status 0 whatever they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    it = soak(parser.parse_args().seconds)
    first, *_, last = it.memory_mib
    lost = f"{it.gaps} gaps, {it.unkept} lost"
    print(f"{'memory MiB':14}{first:8.1f} at first, {last:.1f} at last, {it.growth_mib:+.2f} growth")
    print(f"{'descriptors':14}{min(it.descriptors):8} to {max(it.descriptors)}")
    print(f"{'CPU':14}{it.cpu_share:8.1%} of a core")
    print(f"{'recorded':14}{it.seconds:8.1f} s in {it.files} files, {it.packets} packets, {lost}")
    print(f"stderr: {it.errors or 'empty'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
