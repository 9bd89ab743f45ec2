"""The comparison as a command: tables on standard output, plots where one wants them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.playout_comparison import neteq, ours, players, speex, spread, table
from tests.traces.families import families
from tests.traces.trace import RECORDED, recorded


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.playout_comparison",
        description="Playout on arrival traces, side by side, in virtual time: the same figures on any machine.",
    )
    parser.add_argument("--plots", type=Path, metavar="DIR", help="also write delay against concealment as PNG here")
    parser.add_argument(
        "--families", type=int, default=0, metavar="N", help="also N random traces of each kind, and their spread"
    )
    parser.add_argument("--first-seed", type=int, default=0, metavar="SEED", help="of the random traces (0)")
    chosen = parser.parse_args(arguments)
    if speex.library() is None:
        print("libspeexdsp is not installed (Debian package libspeexdsp1), so it is left out", file=sys.stderr)
    everyone = players.players()
    drawn = everyone if chosen.plots is None else {**everyone, **ours.curve()}
    with players.processes() as pool:
        rows = players.compare((recorded(name) for name in RECORDED), drawn, pool)
        random_rows = players.compare(families(chosen.families, first_seed=chosen.first_seed), drawn, pool)
    shown = [row for row in rows if row.player in (neteq.NAME, *everyone)]
    print("playout on the recorded traces, 10 to 59.5 s:\n")
    print(table.details(shown))
    print()
    print(table.summary(shown))
    if random_rows:
        shown = [row for row in random_rows if row.player in everyone]
        print(f"\non random traces, {chosen.families} seeds of each kind from {chosen.first_seed} on:\n")
        print(spread.everyone(shown))
        print()
        print(spread.against_best(shown))
    if chosen.plots is not None:
        _draw(rows, random_rows, chosen.plots)
    return 0


def _draw(rows: Sequence[players.Row], random_rows: Sequence[players.Row], folder: Path) -> None:
    try:
        # Only who wants plots needs matplotlib.
        from tests.benchmarks.playout_comparison import plots
    except ModuleNotFoundError as missing:
        print(f"no plots: {missing.name} is not installed; get it with: pip install -e '.[test]'", file=sys.stderr)
        return
    for name, some, panel_of in (
        ("recorded.png", rows, lambda row: row.trace.name),
        ("families.png", random_rows, spread.kind_of),
    ):
        if some:
            plots.draw(some, folder / name, panel_of)
            print(f"\nplots: {folder / name}")
