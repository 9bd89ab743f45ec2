"""A server under load for a long time: ``python -m tests.benchmarks.soak [--seconds 3600]``.

Two hundred listeners: most read all there is, ten do not read at all (they are sent away, and come again), ten leave
and come back each second, half of them without a word. The server's own figures, once a second, tell whether anything
grows; every second healthy listener hears RTP, whose numbers tell whether a packet is missing.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
import urllib.request
from collections import defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tests.benchmarks.soak_clients import Listener, connect
from tests.support.processes import ChildProcess

HEALTHY: Final = 180
STALLED: Final = 10
RESTLESS: Final = 10

SETTLE_S: Final = 4.0
"""Until the first ones were sent away and all pools have their size; growth counts from here on."""

_LOOK_S: Final = 1.0
_SERVE: Final = (sys.executable, "-m", "core.cli.main", "serve", "--port", "0", "--bitrate", "64000")


@dataclass(frozen=True, slots=True)
class Look:
    """The server's figures at one moment."""

    at_s: float
    memory_mib: float
    descriptors: int
    tasks: int
    listeners: int
    stuck: int
    dropped: int
    connections: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    looks: list[Look]
    """Once a second, while all listen."""
    before: Look
    after: Look
    """Without a listener."""
    shares: list[float]
    """Of the packets that are made in that time, what each healthy listener got."""
    missing: int
    """Packets that healthy listeners missed by their numbers."""
    lost: int
    """Healthy listeners whose connection ended."""
    errors: str
    """What the server wrote to stderr."""

    def growth(self, name: str) -> float:
        """By how much a figure is more in the last quarter of the time than in the first; the least of each counts."""
        values = [getattr(look, name) for look in self.looks]
        quarter = max(1, len(values) // 4)
        return float(min(values[-quarter:]) - min(values[:quarter]))


def soak(seconds: float) -> Outcome:
    """Run a server and its listeners for so long after `SETTLE_S`.

    Raises:
        SoakError: somebody was refused.
    """
    with ExitStack() as stack:
        server = stack.enter_context(ChildProcess(_SERVE))
        url = server.wait_for_line(r"listening on (\S+)", 30)[1]
        look(url)  # The first one loads what makes the figures.
        before = look(url)
        crowd = _Crowd(url)
        stack.callback(crowd.disperse)
        crowd.run(SETTLE_S)
        crowd.read_all()
        counted_from = [listener.packets for listener in crowd.healthy]
        began_s = time.perf_counter()
        looks = crowd.run(seconds)
        crowd.read_all()
        # Of 20 ms each.
        made = (time.perf_counter() - began_s) * 50
        outcome = {
            "shares": [(each.packets - first) / made for each, first in zip(crowd.healthy, counted_from, strict=True)],
            "missing": sum(each.missing for each in crowd.healthy),
            "lost": sum(each.is_closed for each in crowd.healthy),
        }
        crowd.disperse()
        after = _until_empty(url)
        server.stop()
        return Outcome(looks=looks, before=before, after=after, errors=server.text("stderr"), **outcome)


class _Crowd:
    def __init__(self, url: str) -> None:
        self._url = url
        self.healthy = [connect(url, is_rtp=at % 2 == 1) for at in range(HEALTHY)]
        self._restless = [connect(url) for _ in range(RESTLESS)]
        self._stalled = [connect(url, reads=False) for _ in range(STALLED)]
        self._rounds = 0

    def run(self, seconds: float) -> list[Look]:
        """For so long all do what they do."""
        looks, began_s = [], time.perf_counter()
        next_look_s = began_s
        while (now_s := time.perf_counter()) < began_s + seconds:
            self.read_all()
            if now_s >= next_look_s:
                next_look_s += _LOOK_S
                looks.append(look(self._url))
                self._come_and_go()
            time.sleep(0.02)
        return looks

    def read_all(self) -> None:
        """Healthy ones, and those who come and go while they are here."""
        for listener in (*self.healthy, *self._restless):
            listener.read()

    def _come_and_go(self) -> None:
        for at, listener in enumerate(self._restless):
            listener.leave(politely=(at + self._rounds) % 2 == 0)
            self._restless[at] = connect(self._url, is_rtp=at % 3 == 0)
        for at, listener in enumerate(self._stalled):
            if _is_cut(listener):
                listener.leave(politely=False)
                self._stalled[at] = connect(self._url, reads=False)
        self._rounds += 1

    def disperse(self) -> None:
        """All go."""
        for listener in (*self.healthy, *self._restless, *self._stalled):
            with suppress(OSError):  # It may have gone before.
                listener.leave(politely=True)


def _is_cut(listener: Listener) -> bool:
    """Whether the server has given one up that does not read."""
    poll = select.poll()
    poll.register(listener.connection, 0)
    return bool(poll.poll(0))


def look(url: str) -> Look:
    """The figures now; of a server on this machine, all streams together."""
    with urllib.request.urlopen(f"http://{urlsplit(url).netloc}/metrics", timeout=10) as answer:
        lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    figures: defaultdict[str, float] = defaultdict(float)
    for name, _, value in (line.rpartition(" ") for line in lines):
        figures[name.partition("{")[0]] += float(value)
    return Look(
        at_s=time.monotonic(),
        memory_mib=figures["process_resident_memory_bytes"] / 2**20,
        descriptors=int(figures["process_open_fds"]),
        tasks=int(figures["opuscope_tasks"]),
        listeners=int(figures["opuscope_listeners"]),
        stuck=int(figures["opuscope_stuck_total"]),
        dropped=int(figures["opuscope_packets_dropped_total"]),
        connections=int(figures["opuscope_connections_total"]),
        cpu_s=figures["process_cpu_seconds_total"],
    )


def _until_empty(url: str) -> Look:
    ends_s = time.monotonic() + 10
    while True:
        now = look(url)
        if now.listeners == 0 or time.monotonic() > ends_s:
            # The last handlers end a turn later.
            time.sleep(0.3)
            return look(url)
        time.sleep(0.1)


def main() -> int:
    """Print the figures; exit status 0 whatever they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    it = soak(parser.parse_args().seconds)
    print(f"{'':12}{'memory MiB':>12}{'descriptors':>13}{'tasks':>8}{'listeners':>11}")
    for name, look in (("before", it.before), ("settled", it.looks[0]), ("end", it.looks[-1]), ("after", it.after)):
        print(f"{name:12}{look.memory_mib:12.1f}{look.descriptors:13}{look.tasks:8}{look.listeners:11}")
    print(f"{'growth':12}{it.growth('memory_mib'):12.1f}{it.growth('descriptors'):13.0f}{it.growth('tasks'):8.0f}")
    seconds = it.looks[-1].at_s - it.looks[0].at_s
    cpu = (it.looks[-1].cpu_s - it.looks[0].cpu_s) / seconds
    print(
        f"{it.after.connections} connections, {it.after.stuck} sent away as stuck, {it.after.dropped} packets dropped"
        f" for those; CPU {cpu:.0%} of a core\n"
        f"healthy: {it.lost} lost, {it.missing} packets missing, {min(it.shares):.2%} to {max(it.shares):.2%} of real"
        f" time\nstderr: {it.errors or 'empty'}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
