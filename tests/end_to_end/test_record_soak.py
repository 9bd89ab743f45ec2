"""Hours of recording, in short: nothing grows. ``OPUSCOPE_SOAK_SECONDS=3600`` makes it hours."""

from __future__ import annotations

import os

import pytest

from tests.benchmarks.record_soak import SETTLE_S, soak

SECONDS = float(os.environ.get("OPUSCOPE_SOAK_SECONDS", "12"))
GROWTH_MIB = 3.0
"""Pools that still fill. In 12 s come 9.2 MB of sound, in WAV and in FLAC: kept, they would show."""


@pytest.mark.timeout(SECONDS + 90)
def test_a_recording_takes_no_more_memory_the_longer_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    it = soak(SECONDS)
    with capsys.disabled():
        print(f"\n{SECONDS:g} s recorded, {it.growth_mib:+.2f} MiB, {it.files} files")
    assert it.errors == ""
    assert it.growth_mib < GROWTH_MIB
    assert max(it.descriptors) - min(it.descriptors) <= 3
    assert (it.gaps, it.unkept) == (0, 0)
    assert it.files >= (SECONDS + SETTLE_S) // 5 - 1
    assert it.packets == pytest.approx(it.seconds * 50)
