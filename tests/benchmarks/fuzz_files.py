"""Every reader under fire: ``python -m tests.benchmarks.fuzz_files [--minutes 10] [--only captures]``.

Damaged copies of valid files, the same as in `tests/fuzzing/test_files.py`, and then atheris (libFuzzer), which keeps
whatever takes a new path through our code and goes on from there. The time is divided among readers and engines. What
fails is kept as a file. A file that takes a second, or makes the process grow beyond 600 MiB, counts as a failure.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import psutil

from tests.fuzzing.files import READERS, Reader, damaged
from tests.support.processes import REPOSITORY

SLOW_S: Final = 1.0
MOST_MIB: Final = 600
_ENGINES: Final = ("damage", "atheris")
_HANG_S: Final = 10
_LONGEST_BYTES: Final = 40_000


def main() -> int:
    """Print a table; exit status 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", choices=[each.name for each in READERS], action="append")
    parser.add_argument("--engine", choices=_ENGINES, action="append")
    parser.add_argument("--seed", type=int, default=None, help="of the damage; another one each time unless given")
    chosen = parser.parse_args()
    readers = [each for each in READERS if not chosen.only or each.name in chosen.only]
    engines = [each for each in _ENGINES if not chosen.engine or each in chosen.engine]
    if "atheris" in engines and importlib.util.find_spec("atheris") is None:
        print(
            "atheris is not installed (there are wheels for Linux, x86-64, Python 3.11 to 3.13); without it", flush=True
        )
        engines.remove("atheris")
    seconds = chosen.minutes * 60 / max(1, len(readers) * len(engines))
    print(f"{'':20}{'engine':10}{'files':>9}{'failed':>8}{'slowest':>10}{'+MiB':>7}", flush=True)
    failed = 0
    for reader in readers:
        for engine in engines:
            with tempfile.TemporaryDirectory() as name:
                if engine == "atheris":
                    failed += _report_atheris(reader, Path(name), seconds)
                else:
                    failed += _report_damage(reader, Path(name), seconds, chosen.seed)
    return 1 if failed else 0


def _report_damage(reader: Reader, folder: Path, seconds: float, seed: int | None) -> int:
    rng = random.Random(seed)
    files = list(reader.seeds(folder).values())
    outcomes: Counter[str] = Counter()
    slowest_s = 0.0
    path = folder / "case"
    process = psutil.Process()
    before = process.memory_info().rss
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        data = damaged(rng.choice(files), rng)
        path.write_bytes(data)
        began_s = time.monotonic()
        try:
            outcome = reader.outcome(path)
        except Exception as error:  # noqa: BLE001 - any is a finding
            outcome = "failed"
            print(f"{reader.name}: {type(error).__name__}: {error}; kept as {_keep(reader, data)}", file=sys.stderr)
        took_s = time.monotonic() - began_s
        slowest_s = max(slowest_s, took_s)
        if took_s > SLOW_S:
            outcome = "failed"
            print(f"{reader.name}: took {took_s:.1f} s; kept as {_keep(reader, data)}", file=sys.stderr)
        outcomes[outcome] += 1
    grown_mib = (process.memory_info().rss - before) / 2**20
    _line(reader, "damage", outcomes.total(), outcomes["failed"], f"{slowest_s * 1000:.0f} ms", f"{grown_mib:.0f}")
    print("    " + ", ".join(f"{name}: {count}" for name, count in outcomes.most_common()), flush=True)
    return outcomes["failed"]


def _report_atheris(reader: Reader, folder: Path, seconds: float) -> int:
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(reader.seeds(folder).values()):
        (corpus / str(number)).write_bytes(data)
    command = [
        *(sys.executable, "-m", "tests.fuzzing.atheris_target", reader.name, str(folder / "case"), str(corpus)),
        *(f"-max_total_time={round(seconds)}", f"-timeout={_HANG_S}", f"-rss_limit_mb={MOST_MIB}"),
        *(f"-max_len={_LONGEST_BYTES}", "-print_final_stats=1", f"-artifact_prefix={folder}/"),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", said))
    paths = re.findall(r"cov: (\d+)", said)
    has_failed = done.returncode != 0
    files, peak = int(stats.get("number_of_executed_units", 0)), stats.get("peak_rss_mb", "?")
    _line(reader, "atheris", files, int(has_failed), f"{stats.get('slowest_unit_time_sec', '?')} s", f"< {peak}")
    print(f"    paths: {paths[0]} at first, {paths[-1]} at last" if paths else "    no paths were seen", flush=True)
    if has_failed:
        kept = [_keep(reader, each.read_bytes()) for each in folder.glob("*-*") if each.is_file()]
        print(f"{said[-3_000:]}\nkept as {', '.join(kept) or 'nothing'}", file=sys.stderr)
    return int(has_failed)


def _line(reader: Reader, engine: str, files: int, failed: int, slowest: str, grown_mib: str) -> None:
    print(f"{reader.name:20}{engine:10}{files:9}{failed:8}{slowest:>10}{grown_mib:>7}", flush=True)


def _keep(reader: Reader, data: bytes) -> str:
    for number in range(1, 1_000):
        path = Path(f"fuzz-{reader.name.replace(' ', '-')}-{number}.bin")
        if not path.exists():
            path.write_bytes(data)
            return str(path)
    return "nothing: there are a thousand already"


if __name__ == "__main__":
    sys.exit(main())
