"""Whatever is sent to the server: an answer or none, no fault of ours, and nothing of it stays.

Some hundred inputs for each way in; configurations are tried in `test_config_file`. As many as one likes are tried by
``python -m tests.benchmarks.fuzz --minutes 60``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzzing.campaign import Tally, try_many
from tests.fuzzing.entrances import ENTRANCES, Entrance
from tests.fuzzing.target import target

BATCHES = 20
"""Of some eight inputs each."""

GROWTH_MIB = 12.0
"""Once every kind of input has come: pools that still fill, FFmpeg's above all."""


@pytest.mark.parametrize(
    "entrance", [each for each in ENTRANCES if each.needs_server], ids=lambda entrance: entrance.name
)
def test_nothing_that_is_sent_makes_it_fail_or_stays(
    entrance: Entrance, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    tally = Tally()
    with target(tmp_path, has_tokens=entrance.has_tokens) as it:
        try_many(entrance, it, 5, Tally())
        before = it.warmed_up()
        try_many(entrance, it, BATCHES, tally)
        after = it.settled()
        it.check()
        assert it.hears_on()
    record_property("inputs", tally.inputs)
    print(tally)
    assert tally.inputs >= 4 * BATCHES
    assert (after.listeners, after.tasks, after.descriptors) == (1, before.tasks, before.descriptors)
    assert after.memory_mib - before.memory_mib < GROWTH_MIB
