"""Whatever stands in a file: a result or one clear error, in bounded time and memory."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recording.file_fuzz import damaged, read_all, seeds

MAGICS = [
    b"\x0a\x0d\x0d\x0a",
    b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0" + b"\xff" * 8 + b"\x1c\0\0\0",
    b"\xd4\xc3\xb2\xa1",
    b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\xff\xff\0\0\x01\0\0\0",
    b"\xa1\xb2\x3c\x4d",
    b"#!rtpplay1.0 ",
    b"#!rtpplay1.0 127.0.0.1/5004\n" + bytes(16),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def valid(folder: Path) -> dict[str, bytes]:
    return seeds(folder)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2_000)
@given(start=st.sampled_from([b"", *MAGICS]), rest=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(folder: Path, start: bytes, rest: bytes) -> None:
    path = folder / "any"
    path.write_bytes(start + rest)
    assert read_all(path) in ("read", "refused")


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2_000)
@given(number=st.integers(0, 7), seed=st.integers(0, 2**32))
def test_damaged_files_are_read_up_to_the_damage_or_refused(
    folder: Path, valid: dict[str, bytes], number: int, seed: int
) -> None:
    path = folder / "damaged"
    path.write_bytes(damaged(list(valid.values())[number], random.Random(seed)))
    assert read_all(path, ssrc=7 if seed % 5 == 0 else None) in ("read", "refused")


def test_undamaged_files_are_all_read(folder: Path, valid: dict[str, bytes]) -> None:
    for name, data in valid.items():
        path = folder / "whole"
        path.write_bytes(data)
        assert (name, read_all(path)) == (name, "read")


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
        assert read_all(path) == "refused"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    assert time.monotonic() - began_s < 5
