"""One reader for libFuzzer: ``python -m tests.fuzzing.atheris_target READER CASE CORPUS [libFuzzer's options]``.

A process of its own, because libFuzzer ends the one that it runs in. `tests/benchmarks/fuzz_files.py` starts it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

_ROOMS = ["core.recording", "core.wire", "core.opus.packet", "core.playout.trace", "core.server", "core.analysis"]


def main() -> None:
    """Never returns."""
    name, case, *rest = sys.argv[1:]
    # Only what is imported under it is watched for new paths.
    with atheris.instrument_imports(include=[*_ROOMS, "core.audio.sources", "tomllib", "json"]):
        from tests.fuzzing.files import READERS
    [reader] = [each for each in READERS if each.name == name]
    path = Path(case)

    def one_input(data: bytes) -> None:
        path.write_bytes(data)
        reader.outcome(path)

    atheris.Setup([sys.argv[0], *rest], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
