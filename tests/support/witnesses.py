"""Who can say that a recording was disturbed by the machine, and not by what is recorded.

Found by stopping single parts for 60-150 ms, and by starving all of them: a device can lose a period inside the sound
server without an xrun, so the player cannot know; and the recorder can lose one without the sound server noticing.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import ChildProcess
from tests.support.sound_card import BYTES_PER_FRAME, SAMPLE_RATE_HZ, SoundCard, SoundCardError

_READY_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.005
_EDGE_S = 0.3
"""At both ends of a recording: long enough for several periods, of which one arrives in time on a busy machine, too."""

_PRESSURE = Path("/proc/pressure/cpu")
_CONTENDED_SHARE = 0.2
"""Of an idle machine's time, a test has its own programs wait for each other in much less."""

_DRIVER_COLUMNS = 4
_NODE_COLUMNS = 8
_STATUS_COLUMN = 6
_UNFINISHED = ("1", "2")
"""Triggered and not awake yet, or awake and not finished, when the cycle ended; 3 is finished, 4 inactive."""
_NODE_IN_A_PLOT = re.compile(r'title "(.+)/(\d+)"')


@contextmanager
def witnesses(card: SoundCard, wav: Path) -> Iterator[list[str]]:
    """Watch a card and the recording into ``wav`` while the body runs; to be entered inside of `SoundCard.record`.

    Gives a list that has, once the body has ended, a line for each witness that saw something. Empty: all was well.

    Raises:
        SoundCardError: the sound server could not be watched.
    """
    seen: list[str] = []
    growth = _Growth(wav)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "cycles"
        # It leaves its plots where it runs.
        with ChildProcess(["pw-profiler", "-o", str(log)], card.environment, folder=Path(folder)) as profiler:
            _wait_for_cycles(log, profiler)
            growth.start()
            try:
                yield seen
            finally:
                growth.end()
            profiler.interrupt()
            profiler.wait(_READY_WITHIN_S)
        plots = "".join(plot.read_text() for plot in Path(folder).glob("*.plot"))
        names = {number: name for name, number in _NODE_IN_A_PLOT.findall(plots)}
        if not any(name.startswith("recorder-") for name in names.values()):
            raise SoundCardError(f"pw-profiler did not see the recorder, only {sorted(names.values())}")
        seen += missed_cycles(log.read_text(), names)
    lost = lost_samples(growth.readings)
    if lost > card.period // 2:
        seen.append(f"the recorder lost {lost} samples")


@contextmanager
def contention() -> Iterator[list[str]]:
    """Watch whether programs have to wait for a processor while the body runs: a witness for claims about seconds.

    For nothing else: a program that loses sound because it waited a little has itself to blame. Gives a list as
    `witnesses` does; it stays empty where the kernel does not count.
    """
    seen: list[str] = []
    began_s, waited_s = time.monotonic(), _waited_s()
    yield seen
    share = (_waited_s() - waited_s) / (time.monotonic() - began_s)
    if share > _CONTENDED_SHARE:
        seen.append(f"some program waited for a processor in {share:.0%} of the time")


def missed_cycles(log: str, names: Mapping[str, str]) -> list[str]:
    """A line for each node that did not deliver in each cycle from its first to its last one.

    ``log`` is pw-profiler's: a line for each cycle, in it columns for the driver and then for each node by its id, of
    which ``names`` gives the name.
    """
    cycles = [_statuses(line) for line in log.splitlines()]
    lines = []
    for node in dict.fromkeys(node for cycle in cycles for node in cycle):
        present = [at for at, cycle in enumerate(cycles) if node in cycle]
        counts = Counter(cycle.get(node, "") for cycle in cycles[present[0] : present[-1] + 1])
        missed = counts[""] + sum(counts[status] for status in _UNFINISHED)
        if missed:
            lines.append(f"{names.get(node, node)!r} missed {missed} of {counts.total()} cycles of the sound server")
    return lines


def lost_samples(readings: list[tuple[float, int]]) -> int:
    """By how many samples a recording fell behind the clock for good; ``readings`` are (time in s, samples so far).

    The null sinks follow the system's clock, and a period can come late but never early: so the greatest advance over
    the clock in some time is what the recording is worth, and a lost period lowers it from then on.
    """
    advances = [(at_s, samples - at_s * SAMPLE_RATE_HZ) for at_s, samples in readings]
    if not advances:
        return 0
    first_s, last_s = advances[0][0] + _EDGE_S, advances[-1][0] - _EDGE_S
    at_first = max(advance for at_s, advance in advances if at_s <= first_s)
    at_last = max(advance for at_s, advance in advances if at_s >= last_s)
    return round(at_first - at_last)


class _Growth(threading.Thread):
    """Looks how long a recording is, again and again."""

    def __init__(self, wav: Path) -> None:
        super().__init__(name="growth", daemon=True)
        self._wav = wav
        self._has_ended = threading.Event()
        self.readings: list[tuple[float, int]] = []
        """When, in seconds, and how many samples."""

    def run(self) -> None:
        while not self._has_ended.wait(_LOOK_EVERY_S):
            # First the size: a stall between both makes one reading late, where otherwise it would make it early.
            samples = self._wav.stat().st_size // BYTES_PER_FRAME
            self.readings.append((time.monotonic(), samples))

    def end(self) -> None:
        self._has_ended.set()
        self.join()


def _waited_s() -> float:
    """For how long, since the machine was started, some program waited for a processor; 0 where it is not counted."""
    try:
        some = _PRESSURE.read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6


def _wait_for_cycles(log: Path, profiler: ChildProcess) -> None:
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while not (log.exists() and log.stat().st_size):
        if profiler.return_code is not None or time.monotonic() > deadline_s:
            raise SoundCardError(f"pw-profiler sees no cycle: {profiler.text()}")
        time.sleep(_LOOK_EVERY_S)


def _statuses(cycle: str) -> dict[str, str]:
    """Node -> status in one line of pw-profiler's log."""
    columns = [column.strip() for column in cycle.split("\t")]
    firsts = range(_DRIVER_COLUMNS, len(columns) - _NODE_COLUMNS + 1, _NODE_COLUMNS)
    return {columns[first]: columns[first + _STATUS_COLUMN] for first in firsts if columns[first]}
