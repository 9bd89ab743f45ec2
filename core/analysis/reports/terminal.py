"""A report for people who read a terminal: the verdict, then what is wrong, then the figures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.analysis.checks import CheckResult, Outcome
from core.analysis.findings import Severity
from core.analysis.reports.report import Report, place
from core.analysis.reports.summary import Row, needs_lines, rows
from core.analysis.results import Evidence

EVIDENCE_SHOWN: Final = 3
"""Of each finding and check, the newest; the other reports have more."""

LABEL_WIDTH: Final = 15


class Tone(Enum):
    """How a line is meant; whoever writes it may choose colours by that."""

    PLAIN = "plain"
    HEADING = "heading"
    GOOD = "good"
    BAD = "bad"
    DOUBTFUL = "doubtful"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Line:
    """A line: a part at its beginning that has a tone, and the rest."""

    head: str
    rest: str = ""
    tone: Tone = Tone.PLAIN


_OUTCOME_TONES: Final = {
    Outcome.PASS: Tone.GOOD,
    Outcome.FAIL: Tone.BAD,
    Outcome.NOT_MEASURABLE: Tone.DOUBTFUL,
}
_OUTCOME_WORDS: Final = {Outcome.PASS: "pass", Outcome.FAIL: "FAIL", Outcome.NOT_MEASURABLE: "no figure"}
_SEVERITY_TONES: Final = {Severity.ERROR: Tone.BAD, Severity.WARNING: Tone.DOUBTFUL, Severity.NOTE: Tone.QUIET}


def report_lines(report: Report, more: list[tuple[str, list[Row]]] | None = None) -> list[Line]:
    """All lines. ``more`` are further groups of figures, each with its heading, that come last."""
    analysis = report.analysis
    what = "captured" if report.is_capture else "observed"
    when = "" if report.began_at is None else f" from {report.began_at.astimezone().strftime('%Y-%m-%d %H:%M:%S')}"
    word, _, rest = report.verdict.partition(":")
    lines = [
        Line(f"{word.upper()}:", clean(rest), _OUTCOME_TONES[report.outcome] if report.is_checked else Tone.HEADING),
        Line(f"{clean(report.url)}, {analysis.observed_s:.1f} s {what}{when}", tone=Tone.QUIET),
        *_findings(report),
        *_checks(report),
    ]
    if analysis.completeness.packets:
        lines += [
            *_heading("What a listener needs"),
            *(Line(f"  {clean(each)}") for each in needs_lines(analysis.needs)),
        ]
    for heading, group in [("What was measured", rows(analysis)), *(more or [])]:
        if group:
            lines += [*_heading(heading), *(_row(label, text) for label, text in group)]
    return lines


def clean(text: str) -> str:
    """Without what a terminal would act on: a server's words may hold escape sequences."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _heading(text: str) -> list[Line]:
    return [Line(""), Line(text, tone=Tone.HEADING)]


def _row(label: str, text: str) -> Line:
    return Line(f"{label:{LABEL_WIDTH - 1}} ", clean(text))


def _findings(report: Report) -> list[Line]:
    lines = _heading("Findings")
    if not report.findings:
        seen = "nothing is wrong with what came" if report.analysis.completeness.packets else "none"
        return [*lines, Line(f"  {seen}")]
    for finding in report.findings:
        tone = _SEVERITY_TONES[finding.severity]
        lines.append(Line(f"  {finding.severity.value:10}", clean(finding.sentence), tone))
        lines += _evidence(finding.evidence)
    return lines


def _checks(report: Report) -> list[Line]:
    if not report.checks:
        return []
    lines = _heading("Checks")
    for check in report.checks:
        lines.append(_check(check))
        # The findings stand above, with theirs.
        lines += _evidence(check.evidence if check.name != "fail_on" else ())
    return lines


def _check(check: CheckResult) -> Line:
    word = _OUTCOME_WORDS[check.outcome]
    return Line(f"  {word:10}", clean(check.text), _OUTCOME_TONES[check.outcome])


def _evidence(evidence: tuple[Evidence, ...]) -> list[Line]:
    shown = evidence[-EVIDENCE_SHOWN:]
    lines = [Line(f"{'':12}{clean(place(each))}", tone=Tone.QUIET) for each in shown]
    left_out = len(evidence) - len(shown)
    return lines if not left_out else [*lines, Line(f"{'':12}and {left_out} earlier", tone=Tone.QUIET)]
