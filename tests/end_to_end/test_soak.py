"""Hours of coming and going, in a minute: nothing grows. ``OPUSCOPE_SOAK_SECONDS=3600`` makes it hours."""

from __future__ import annotations

import os

import pytest

from tests.benchmarks.soak import RESTLESS, STALLED, soak

SECONDS = float(os.environ.get("OPUSCOPE_SOAK_SECONDS", "60"))
GROWTH_MIB = 6.0
"""Between the first and the last quarter: pools that still fill. A listener takes 30 KiB, so a hundred that were kept
would show."""


@pytest.mark.timeout(SECONDS + 60)
def test_nothing_grows_and_no_healthy_listener_misses_a_packet(capsys: pytest.CaptureFixture[str]) -> None:
    it = soak(SECONDS)
    growth_mib = it.growth("memory_mib")
    with capsys.disabled():
        print(f"\n{SECONDS:g} s, {it.after.connections} connections, {growth_mib:+.1f} MiB, stuck {it.after.stuck}")
    assert it.errors == ""
    assert it.lost == 0
    assert it.missing == 0
    assert min(it.shares) > 0.98
    assert max(it.shares) < 1.02
    # Those who do not read lost some, and were sent away; those who come and go did.
    assert it.after.dropped > 0
    assert it.after.stuck >= STALLED
    assert it.after.connections > 200 + RESTLESS * (SECONDS - 2)
    assert growth_mib < GROWTH_MIB
    # Who was cut comes again within the second: three tasks and a descriptor each.
    assert it.growth("tasks") <= 3 * STALLED
    assert it.growth("descriptors") <= STALLED
    # In the end everything is given back, exactly.
    assert (it.after.listeners, it.after.tasks, it.after.descriptors) == (0, it.before.tasks, it.before.descriptors)
