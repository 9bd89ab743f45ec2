"""Who is compared. One more player is one more entry here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.benchmarks.playout_comparison import neteq, speex
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
        "five-frame FIFO": player(DropOldestFifo),
        "fixed 100 ms": player(FixedDelay),
        "aiortc-like": player(CountBuffer),
    }
    if speex.library() is not None:
        everyone["libspeexdsp"] = player(speex.SpeexBuffer)
        everyone["libspeexdsp as in Mumble"] = player(speex.MumbleBuffer)
    return everyone


def compare(traces: Iterable[Trace], everyone: dict[str, Player]) -> list[Row]:
    """Every player on every trace, and NetEQ first where its figures are known."""
    rows = []
    for trace in traces:
        known = neteq.figures(trace.name)
        if known is not None:
            rows.append(Row(trace, neteq.NAME, known))
        rows += [Row(trace, name, play(trace)) for name, play in everyone.items()]
    return rows
