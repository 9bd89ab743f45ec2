"""How many listeners one core carries: ``python -m tests.benchmarks.fan_out [--listeners 100,1000,2600]``.

The server that behaves as the strategy document's listing and ours, side by side: the same file, 24 kHz mono, 20 ms,
32 kbit/s, bare packets. The server is alone on one core, the load generator on the other. A few listeners, among the
first, the middle and the last to join, are measured exactly; the others are plain sockets that are emptied once a
second. A server carries a number of listeners if the measured ones get 95 % or more of real time, and the interval
between their packets deviates from 20 ms by less than 10 ms for 99 %.

On one machine the kernel does the receivers' part of each packet on the sender's core, more than half of all there is
to do. Where it may (as root, on Linux) the benchmark moves that to the generator's core, where other machines would do
it, and says so; afterwards all is as it was. What a packet costs is told apart: this program's own part, and the
system's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tests.benchmarks.fan_out_load import FRAME_MS
from tests.opus.sounds import voice_like
from tests.server.helpers import write_wav
from tests.support.processes import REPOSITORY, ChildProcess

SERVERS: Final = {
    "strategy": ("tests/peers/strategy_server.py", "--bitrate", "32000"),
    "ours": ("-m", "core.cli.main", "serve", "--bitrate", "32000", "--loop"),
}
_RATE: Final = 24_000
_SERVER_CORE: Final = 0
_GENERATOR_CORE: Final = 1
_STEERING: Final = Path("/sys/class/net/lo/queues/rx-0/rps_cpus")
"""Receive packet steering: the cores, as bits, that take what the loopback receives; 0: whoever sent it."""

_LEAST_SHARE: Final = 0.95
_MOST_DEVIATION_MS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one server with so many listeners."""

    listeners: int
    cpu_pct: float
    """Of the server's core, while all listen."""
    kernel_pct: float
    """The system's part of that: sending, for the most part."""
    rate: float
    """Packets of the measured listeners, relative to real time; the worst of them."""
    deviation_p99_ms: float
    pacing_p99_ms: float
    """Of the arrivals against a grid of 20 ms, from the quickest packet on."""
    memory_kib: float
    """Resident memory that each listener adds."""
    first_packet_ms: tuple[float, float]
    """From the upgrade to the first packet of those who come one by one beside the others: median, worst."""
    generator_pct: float
    """What the load generator took of its core: near 100, its figures mean nothing."""

    @property
    def is_carried(self) -> bool:
        """Whether the listeners got what they should."""
        return self.rate >= _LEAST_SHARE and self.deviation_p99_ms < _MOST_DEVIATION_MS

    @property
    def packet_us(self) -> tuple[float, float]:
        """What one packet of one listener costs: the program's part, and the system's."""
        a_second = self.listeners * 1_000 / FRAME_MS * min(self.rate, 1.0)
        return (self.cpu_pct - self.kernel_pct) * 1e4 / a_second, self.kernel_pct * 1e4 / a_second


def main() -> int:
    """Print a table; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", default="50,100,130,1000,2600", help="numbers, separated by commas")
    parser.add_argument("--server", choices=[*SERVERS, "both"], default="both")
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    with receiving_on_the_other_core() as is_moved:
        where = "the generator's core" if is_moved else "the server's core, as it could not be moved"
        print(f"the kernel's part for the receivers: on {where}")
        compare(chosen)
    return 0


@contextmanager
def receiving_on_the_other_core() -> Iterator[bool]:
    """Steer what the loopback receives to the generator's core; gives whether that could be done."""
    try:
        before = _STEERING.read_text()
        _STEERING.write_text(f"{1 << _GENERATOR_CORE:x}")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        _STEERING.write_text(before)


def compare(chosen: argparse.Namespace) -> None:
    """Print the table."""
    print(
        f"{'server':10}{'listeners':>10}{'carried':>9}{'rate':>8}{'deviation p99':>15}{'pacing p99':>12}{'CPU':>8}"
        f"{'us a packet':>14}"
        f"{'KiB each':>10}{'first packet':>18}{'generator':>11}"
    )
    for name in SERVERS if chosen.server == "both" else (chosen.server,):
        for listeners in (int(number) for number in chosen.listeners.split(",")):
            figures = measure(name, listeners, chosen.seconds)
            first_ms, worst_ms = figures.first_packet_ms
            own_us, kernel_us = figures.packet_us
            print(
                f"{name:10}{listeners:10}{'yes' if figures.is_carried else 'no':>9}{figures.rate:8.1%}"
                f"{figures.deviation_p99_ms:12.1f} ms{figures.pacing_p99_ms:9.1f} ms{figures.cpu_pct:6.0f} %"
                f"{own_us:8.1f} +{kernel_us:4.1f}"
                f"{figures.memory_kib:10.1f}{first_ms:8.1f}{worst_ms:7.1f} ms{figures.generator_pct:9.0f} %",
                flush=True,
            )
            if figures.rate < 0.5:
                break


def measure(server: str, listeners: int, seconds: float) -> Figures:
    """One server, one number of listeners."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = write_wav(folder / "voice.wav", voice_like(_RATE, seconds + 60), _RATE)
        command = [sys.executable, *SERVERS[server], "--source", str(path), "--port", "0"]
        peer = stack.enter_context(ChildProcess(["taskset", "-c", str(_SERVER_CORE), *command]))
        url = peer.wait_for_line(r"listening on (\S+)", 30)[1]
        time.sleep(1.0)
        memory_before = _memory_kib(peer.pid)
        arguments = ["--url", url, "--listeners", str(listeners), "--seconds", str(seconds)]
        load = subprocess.Popen(
            ["taskset", "-c", str(_GENERATOR_CORE), sys.executable, "-m", "tests.benchmarks.fan_out_load", *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(load.kill)
        assert load.stdout is not None
        assert load.stdout.readline().strip() == "listening", "the load generator could not connect"
        memory_after = _memory_kib(peer.pid)
        cpu_before_s, began_s = _cpu_s(peer.pid), time.perf_counter()
        generator_before_s = sum(_cpu_s(load.pid))
        assert load.stdout.readline().strip() == "done"
        took_s = time.perf_counter() - began_s
        user_pct, kernel_pct = (
            100 * (after - before) / took_s for before, after in zip(cpu_before_s, _cpu_s(peer.pid), strict=True)
        )
        generator_pct = 100 * (sum(_cpu_s(load.pid)) - generator_before_s) / took_s
        heard = json.loads(load.stdout.readline())
    intervals_ms = np.concatenate([np.diff(times) for times in heard["arrivals_ms"]])
    return Figures(
        listeners=listeners,
        cpu_pct=user_pct + kernel_pct,
        kernel_pct=kernel_pct,
        rate=min(len(times) for times in heard["arrivals_ms"]) * FRAME_MS / (heard["seconds"] * 1e3),
        deviation_p99_ms=float(np.percentile(np.abs(intervals_ms - FRAME_MS), 99)),
        pacing_p99_ms=max(_pacing_p99_ms(np.array(times)) for times in heard["arrivals_ms"]),
        memory_kib=(memory_after - memory_before) / listeners,
        first_packet_ms=(float(np.median(heard["first_packet_ms"])), max(heard["first_packet_ms"])),
        generator_pct=generator_pct,
    )


def _pacing_p99_ms(arrivals_ms: np.ndarray) -> float:
    lateness = arrivals_ms - FRAME_MS * np.arange(len(arrivals_ms))
    return float(np.percentile(lateness - lateness.min(), 99))


def _memory_kib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def _cpu_s(pid: int) -> tuple[float, float]:
    """Its own time so far, and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / ticks, int(fields[12]) / ticks


if __name__ == "__main__":
    sys.exit(main())
