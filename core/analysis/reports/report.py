"""A report: everything that any of its forms shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.analysis.checks import CheckResult, Outcome
from core.analysis.findings import Finding
from core.analysis.limits import Limits
from core.analysis.reports.series import Series
from core.analysis.results import Analysis, Evidence


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about one stream."""

    url: str
    """Without secrets; of a capture, its file."""
    began_at: datetime | None
    """When listening or capturing began; it has a time zone. ``None``: a capture that does not tell."""
    analysis: Analysis
    findings: tuple[Finding, ...]
    """The most important first."""
    limits: Limits
    checks: tuple[CheckResult, ...]
    series: Series
    problem: str | None = None
    """Why it failed whatever was measured, in one line: no connection, no audio. ``None``: it did not."""
    is_capture: bool = False
    """Whether it was read from a file rather than heard live."""

    @property
    def outcome(self) -> Outcome:
        """Of all: one failure is a failure; and what could not be measured has not passed."""
        outcomes = {check.outcome for check in self.checks}
        if self.problem is not None or Outcome.FAIL in outcomes:
            return Outcome.FAIL
        return Outcome.NOT_MEASURABLE if Outcome.NOT_MEASURABLE in outcomes else Outcome.PASS

    @property
    def is_checked(self) -> bool:
        """Whether there is something that it could fail by; if not, its outcome is that it can be read."""
        return bool(self.checks) or self.problem is not None

    @property
    def verdict(self) -> str:
        """One line for people that says how it went."""
        if self.problem is not None:
            return f"failed: {self.problem}"
        if not self.checks:
            what = "packets can be read" if self.is_capture else "it connected and played"
            return f"not checked: {what}; no limits were given, so nothing could fail"
        counts = {outcome: sum(check.outcome is outcome for check in self.checks) for outcome in Outcome}
        of_all, unmeasured = _checks(len(self.checks)), counts[Outcome.NOT_MEASURABLE]
        if counts[Outcome.FAIL]:
            beside = f", {unmeasured} could not be measured" if unmeasured else ""
            return f"failed: {counts[Outcome.FAIL]} of {of_all} failed{beside}"
        if unmeasured:
            beside = ", the others passed" if counts[Outcome.PASS] else ""
            return f"no verdict: {unmeasured} of {of_all} could not be measured{beside}"
        return "passed: the check passed" if len(self.checks) == 1 else f"passed: all {of_all} passed"


def _checks(count: int) -> str:
    return "1 check" if count == 1 else f"{count} checks"


_WIRE_NUMBERS: Final = 1 << 16
"""RTP's sequence numbers have 16 bits (RFC 3550 §5.1); here they are counted on."""


def place(evidence: Evidence) -> str:
    """When and where something was seen, in one line: ``at 12.4 s, packet 620, 5 packets: note``."""
    parts = [f"at {evidence.at_s:.1f} s"]
    if evidence.packet is not None:
        parts.append(f"packet {evidence.packet}")
    if evidence.sequence_number is not None:
        number = evidence.sequence_number
        wire = f" ({number % _WIRE_NUMBERS} on the wire)" if number >= _WIRE_NUMBERS else ""
        parts.append(f"sequence number {number}{wire}")
    if evidence.packets != 1:
        parts.append(f"{evidence.packets} packets")
    if evidence.length_ms is not None:
        length_ms = evidence.length_ms
        parts.append(f"{length_ms / 1000:.1f} s" if length_ms >= 10_000 else f"{length_ms:.0f} ms")
    note = f": {evidence.note}" if evidence.note else ""
    return ", ".join(parts) + note
