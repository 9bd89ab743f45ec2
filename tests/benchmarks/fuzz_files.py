"""Damage capture files for as long as you like, and tell what came of it.

    python -m tests.benchmarks.fuzz_files --seconds 600 [--seed 1]

Mutations of valid files (`tests.recording.file_fuzz`), the same as in the tests; what fails is kept as a file. Atheris
is not used yet.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.recording.file_fuzz import damaged, read_all, seeds

SLOW_S = 1.0


def main() -> int:
    """Run, print the figures; exit status 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="fuzz_files", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return fuzz(Path(name), options.seconds, options.seed)


def fuzz(folder: Path, seconds: float, seed: int) -> int:
    """Exit status."""
    rng = random.Random(seed)
    files = seeds(folder)
    outcomes: Counter[tuple[str, str]] = Counter()
    slowest_s, failures = 0.0, 0
    before_mib = _peak_mib()
    began_s = time.monotonic()
    path = folder / "case"
    while time.monotonic() - began_s < seconds:
        kind = rng.choice(list(files))
        data = damaged(files[kind], rng)
        path.write_bytes(data)
        case_s = time.monotonic()
        try:
            outcome = read_all(path, rng.choice((None, None, 7)))
        except Exception as error:  # noqa: BLE001 - any is a finding
            failures += 1
            kept = Path(f"fuzz-failure-{failures}.bin")
            kept.write_bytes(data)
            print(f"{kind}: {type(error).__name__}: {error}; kept as {kept}", file=sys.stderr)
            outcome = "failed"
        slowest_s = max(slowest_s, time.monotonic() - case_s)
        outcomes[kind, outcome] += 1
    total = sum(outcomes.values())
    for kind in files:
        counts = ", ".join(f"{outcomes[kind, how]} {how}" for how in ("read", "refused", "failed"))
        print(f"{kind:36} {counts}")
    print(
        f"{total} files in {seconds:g} s (seed {seed}): {failures} failures, slowest {slowest_s * 1000:.0f} ms,"
        f" memory grew by {_peak_mib() - before_mib:.0f} MiB"
    )
    return 1 if failures or slowest_s > SLOW_S else 0


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
