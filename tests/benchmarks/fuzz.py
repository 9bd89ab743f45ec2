"""The server under fire: ``python -m tests.benchmarks.fuzz [--minutes 10] [--only requests]``.

The inputs of `tests/server/test_fuzz.py`, other ones each time, for as long as one likes; the time is divided among the
ways in, each of which has a fresh server. Growth is that of the server's process, after everybody has gone, against its
size after the first inputs: what pools need comes early, what leaks comes with every input.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.soak import Look
from tests.fuzzing.campaign import Tally, try_many
from tests.fuzzing.entrances import ENTRANCES, Entrance
from tests.fuzzing.target import FaultError, target

_BATCHES: Final = 50
"""Between two looks at the time; the first ones are those after which growth counts."""


def attack(entrance: Entrance, seconds: float) -> tuple[Tally, Look, Look]:
    """Try one way in for so long; gives also the server's figures after the first inputs and at the end."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, target(Path(folder), has_tokens=entrance.has_tokens) as it:
        ends_s = time.monotonic() + seconds
        it.warmed_up()
        try_many(entrance, it, _BATCHES, tally, goes_on=True)
        before = after = it.settled()
        while time.monotonic() < ends_s:
            try_many(entrance, it, _BATCHES, tally, goes_on=True)
        try:
            after = it.settled()
            it.check()
        except FaultError as fault:
            tally.faults.append(str(fault))
        if not it.hears_on():
            tally.faults.append("a good listener hears nothing any more")
    return tally, before, after


def main() -> int:
    """Print a table; exit status 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", choices=[each.name for each in ENTRANCES], action="append")
    chosen = parser.parse_args()
    entrances = [each for each in ENTRANCES if not chosen.only or each.name in chosen.only]
    print(
        f"{'':14}{'inputs':>9}{'500s':>6}{'exceptions':>12}{'others':>8}{'MiB':>8}{'+MiB':>7}{'+tasks':>8}{'+files':>8}"
    )
    faults = []
    for entrance in entrances:
        tally, before, after = attack(entrance, chosen.minutes * 60 / len(entrances))
        crashes = sum(fault.startswith("answered 5") for fault in tally.faults)
        exceptions = sum(fault.startswith("the server complains") for fault in tally.faults)
        print(
            f"{entrance.name:14}{tally.inputs:9}{crashes:6}{exceptions:12}{len(tally.faults) - crashes - exceptions:8}"
            f"{before.memory_mib:8.1f}{after.memory_mib - before.memory_mib:7.1f}"
            f"{after.tasks - before.tasks:8}{after.descriptors - before.descriptors:8}"
        )
        print("    " + ", ".join(f"{name}: {count}" for name, count in tally.outcomes.most_common()), flush=True)
        faults += tally.faults
    for fault in faults[:10]:
        print(f"\n{fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
