"""A report: everything that any of its forms shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.analysis.checks import CheckResult, Outcome
from core.analysis.findings import Finding
from core.analysis.reports.series import Series
from core.analysis.results import Analysis, Evidence


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about one stream."""

    url: str
    """Without secrets."""
    began_at: datetime
    """When listening began; it has a time zone."""
    analysis: Analysis
    findings: tuple[Finding, ...]
    """The most important first."""
    checks: tuple[CheckResult, ...]
    series: Series
    is_strict: bool = False
    """Whether a check that could not be measured counts as failed."""
    problem: str | None = None
    """Why it failed whatever was measured, in one line: no connection, no audio, cut off. ``None``: it did not."""

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed; with ``is_strict`` also those that could not be measured."""
        bad = (Outcome.FAIL, Outcome.NOT_MEASURABLE) if self.is_strict else (Outcome.FAIL,)
        return tuple(check for check in self.checks if check.outcome in bad)

    @property
    def has_passed(self) -> bool:
        """Whether there was a stream to the end, and no check failed."""
        return self.problem is None and not self.failed

    @property
    def verdict(self) -> str:
        """One line for people that says how it went."""
        if self.problem is not None:
            return f"failed: {self.problem}"
        counts = {outcome: sum(check.outcome is outcome for check in self.checks) for outcome in Outcome}
        unmeasured = counts[Outcome.NOT_MEASURABLE]
        beside = f", {unmeasured} not measurable" if unmeasured else ""
        if self.failed:
            return f"failed: {counts[Outcome.FAIL]} of {_checks(len(self.checks))} failed{beside}"
        if not self.checks:
            return "passed: it connected and played; nothing was checked"
        if unmeasured == len(self.checks):
            return f"passed, but none of {_checks(unmeasured)} was measurable"
        return f"passed: {counts[Outcome.PASS]} of {_checks(len(self.checks))} passed{beside}"


def _checks(count: int) -> str:
    return "1 check" if count == 1 else f"{count} checks"


def place(evidence: Evidence) -> str:
    """When and where something was seen, in one line: ``at 12.4 s, packet 620 (number 65,301): 5 packets``."""
    parts = [f"at {evidence.at_s:.1f} s"]
    if evidence.packet is not None:
        parts.append(f"packet {evidence.packet}")
    if evidence.sequence_number is not None:
        parts.append(f"sequence number {evidence.sequence_number}")
    if evidence.packets != 1:
        parts.append(f"{evidence.packets} packets")
    if evidence.length_ms is not None:
        length_ms = evidence.length_ms
        parts.append(f"{length_ms / 1000:.1f} s long" if length_ms >= 10_000 else f"{length_ms:.0f} ms long")
    note = f": {evidence.note}" if evidence.note else ""
    return ", ".join(parts) + note
