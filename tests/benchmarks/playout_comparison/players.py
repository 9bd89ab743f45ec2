"""Who is compared. One more player is one more entry here."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tests.benchmarks.playout_comparison import neteq, ours, speex
from tests.benchmarks.playout_comparison.driver import Player, player
from tests.benchmarks.playout_comparison.metrics import Figures
from tests.benchmarks.playout_comparison.references import CountBuffer, DropOldestFifo, FixedDelay
from tests.traces.trace import Trace


@dataclass(frozen=True, slots=True)
class Row:
    """One player on one trace."""

    trace: Trace
    player: str
    figures: Figures


def players() -> dict[str, Player]:
    """Name and function of each player, in the order of the tables; libspeexdsp's only where it is installed."""
    everyone: dict[str, Player] = {
        **ours.players(),
        "five-frame FIFO": player(DropOldestFifo),
        "fixed 100 ms": player(FixedDelay),
        "aiortc-like": player(CountBuffer),
    }
    if speex.library() is not None:
        everyone["libspeexdsp"] = player(speex.SpeexBuffer)
        everyone["libspeexdsp as in Mumble"] = player(speex.MumbleBuffer)
    return everyone


def compare(traces: Iterable[Trace], everyone: Mapping[str, Player], pool: Executor | None = None) -> list[Row]:
    """Every player on every trace, and NetEQ first where its figures are known; at once where a pool is given.

    Whom a pool of processes is given has to be a player that can be pickled.
    """
    all_traces = list(traces)
    tasks = [(trace, play) for trace in all_traces for play in everyone.values()]
    figures = (map if pool is None else pool.map)(_play, tasks)
    rows = []
    for trace in all_traces:
        known = neteq.figures(trace.name)
        if known is not None:
            rows.append(Row(trace, neteq.NAME, known))
        rows += [Row(trace, name, next(figures)) for name in everyone]
    return rows


@contextmanager
def processes() -> Iterator[Executor]:
    """A process for each core, started afresh: what else runs in this one is none of their business."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        yield pool


def _play(task: tuple[Trace, Player]) -> Figures:
    trace, play = task
    return play(trace)
