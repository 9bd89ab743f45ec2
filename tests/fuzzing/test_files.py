"""Whatever stands in a file: a result or one clear error, in bounded time and memory."""

from __future__ import annotations

import functools
import importlib.util
import random
import re
import struct
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing.files import READERS, Reader, damaged
from tests.support.processes import REPOSITORY

MAGICS = [
    b"\x0a\x0d\x0d\x0a",
    b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0" + b"\xff" * 8 + b"\x1c\0\0\0",
    b"\xd4\xc3\xb2\xa1",
    b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\xff\xff\0\0\x01\0\0\0",
    b"\xa1\xb2\x3c\x4d",
    b"#!rtpplay1.0 ",
    b"#!rtpplay1.0 127.0.0.1/5004\n" + bytes(16),
]


TEXTS = [
    b"",
    b"[server]\n",
    b"max_late_pct = ",
    b"[[stream]]\n",
    b'{"frame_ms": 20, "delays_ms": [',
    b"[" * 5_000,
    b"\xff",
]
OGG = [b"OggS", b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x02"]
STARTS = {"server TOML": TEXTS, "checks TOML": TEXTS, "trace JSON": TEXTS, "Ogg Opus": OGG}

each_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
relaxed = settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=2_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@each_reader
@relaxed
@given(data=st.data(), rest=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(folder: Path, reader: Reader, data: st.DataObject, rest: bytes) -> None:
    path = folder / "any"
    path.write_bytes(data.draw(st.sampled_from([b"", *STARTS.get(reader.name, MAGICS)])) + rest)
    assert reader.outcome(path) in ("read", "refused")


@each_reader
@relaxed
@given(seed=st.integers(0, 2**32))
def test_damaged_files_are_read_up_to_the_damage_or_refused(folder: Path, reader: Reader, seed: int) -> None:
    rng = random.Random(seed)
    path = folder / "damaged"
    path.write_bytes(damaged(rng.choice(list(_seeds(reader.name, folder).values())), rng))
    assert reader.outcome(path) in ("read", "refused")


@functools.cache
def _seeds(name: str, folder: Path) -> dict[str, bytes]:
    [reader] = [each for each in READERS if each.name == name]
    return reader.seeds(folder)


@each_reader
def test_undamaged_files_are_all_read(folder: Path, reader: Reader) -> None:
    for name, data in _seeds(reader.name, folder).items():
        path = folder / "whole"
        path.write_bytes(data)
        assert (name, reader.outcome(path)) == (name, "read")


@pytest.mark.parametrize(
    "start",
    [
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1) + struct.pack("<IIII", 0, 0, 2**32 - 1, 0),
        MAGICS[1] + struct.pack("<II", 6, 2**32 - 4),
        b"#!rtpplay1.0 " + b"x" * 100_000,
    ],
    ids=["pcap", "pcapng", "rtpdump"],
)
def test_a_length_of_gigabytes_takes_no_memory_and_no_time(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(4 << 30)  # a hole: nothing is on the disk
    tracemalloc.start()
    began_s = time.monotonic()
    try:
        assert READERS[0].outcome(path) == "refused"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    assert time.monotonic() - began_s < 5


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has wheels for Linux on x86-64 only")
@each_reader
def test_what_atheris_finds_of_new_paths_is_read_or_refused(tmp_path: Path, reader: Reader) -> None:
    """As many as one likes: ``python -m tests.benchmarks.fuzz_files --engine atheris``."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, data in enumerate(reader.seeds(tmp_path).values()):
        (corpus / str(number)).write_bytes(data)
    command = [
        *(sys.executable, "-m", "tests.fuzzing.atheris_target", reader.name, str(tmp_path / "case"), str(corpus)),
        *("-runs=300", "-seed=1", "-timeout=20", "-rss_limit_mb=600", f"-artifact_prefix={tmp_path}/"),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr[-3_000:]
    # It saw paths: else it would have tried nothing but noise.
    assert [int(count) for count in re.findall(r"cov: (\d+)", done.stderr)][-1] > 20
