"""How a check ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.analysis.results import Evidence

NEVER: Final = "no packet came"


class Outcome(Enum):
    """Of one check."""

    PASS = "pass"  # noqa: S105 - a word, no password
    FAIL = "fail"
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check, as it ended."""

    name: str
    """The limit's key, as ``max_late_pct`` or ``expect.channels``."""
    outcome: Outcome
    measured: float | str | None
    limit: float | str
    unit: str
    text: str
    """One line for people: what was measured, against what, or why it could not be."""
    evidence: tuple[Evidence, ...] = ()
