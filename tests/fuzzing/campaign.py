"""Inputs in great numbers for one entrance, and what came of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzzing.entrances import Entrance, all_at_once
from tests.fuzzing.requests import PUSHES
from tests.fuzzing.target import FaultError, Target


@dataclass(slots=True)
class Tally:
    """What one entrance was tried with."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """Only where they do not end it."""

    def __str__(self) -> str:
        """One line."""
        return f"{self.inputs} inputs: " + ", ".join(f"{name} {count}" for name, count in self.outcomes.most_common())


def try_many(entrance: Entrance, target: Target, batches: int, tally: Tally, *, goes_on: bool = False) -> None:
    """Send so many batches of inputs, all of a batch at once.

    Raises:
        FaultError: the server did what it must never do; hypothesis shows the batch. Not where it ``goes_on``, and then
            with other inputs each time.
    """
    others = {"database": None, "derandomize": False} if goes_on else {}
    with asyncio.Runner() as runner:

        @settings(
            max_examples=batches,
            deadline=None,
            # A shorter batch would not say more: what was sent before it may matter as well.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            **others,  # type: ignore[arg-type]
        )
        @given(st.lists(entrance.inputs, min_size=4, max_size=PUSHES))
        def batch(inputs: list[Any]) -> None:
            tally.inputs += len(inputs)
            try:
                tally.outcomes.update(runner.run(all_at_once(entrance, target, inputs)))
                target.check()
            except FaultError as fault:
                if not goes_on:
                    raise
                tally.faults.append(f"{fault}; one of {inputs!r}"[:4_000])

        batch()
