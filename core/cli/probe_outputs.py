"""Where the probe's reports go, and what its exit status says."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from core.analysis.checks import Outcome
from core.analysis.reports.html import html_page
from core.analysis.reports.json_form import report_json
from core.analysis.reports.junit import junit_xml
from core.analysis.reports.report import Report
from core.analysis.reports.summary import Row
from core.analysis.reports.terminal import Tone, report_lines
from core.cli.common import EXIT_FAILED, EXIT_FINE, EXIT_USAGE, CommandError
from core.cli.whole_files import STDOUT, write_report

PLAYOUT_HEADING: Final = "How it played here"

_STATUSES: Final = {
    Outcome.PASS: EXIT_FINE,
    Outcome.FAIL: EXIT_FAILED,
    Outcome.NOT_MEASURABLE: EXIT_USAGE,
}
_STYLES: Final = {
    Tone.PLAIN: "",
    Tone.HEADING: "bold",
    Tone.GOOD: "bold green",
    Tone.BAD: "bold red",
    Tone.DOUBTFUL: "bold yellow",
    Tone.QUIET: "dim",
}


def exit_status(report: Report) -> int:
    """0: passed; 1: failed; 2: what was to be checked could not be measured."""
    return _STATUSES[report.outcome]


def give_out(
    options: argparse.Namespace,
    report: Report,
    playout: dict[str, Any] | None = None,
    playout_rows: list[Row] | None = None,
) -> int:
    """Write what ``--json``, ``--junit`` and ``--html`` name, and print the report unless one of them is printed.

    Args:
        options: of the command.
        report: what was examined.
        playout: what else goes into the JSON object: what our own playout met.
        playout_rows: the same for people.

    Returns:
        The exit status.

    Raises:
        CommandError: a file cannot be written after all; the others are.
    """
    more = [(PLAYOUT_HEADING, playout_rows or [])]
    forms: tuple[tuple[str | None, Callable[[], str]], ...] = (
        (options.json, lambda: json.dumps({**report_json(report), **(playout or {})}, indent=2) + "\n"),
        (options.junit, lambda: junit_xml(report)),
        (options.html, lambda: html_page(report, more)),
    )
    problems = []
    # What is printed comes last: whoever reads it may have seen enough before its end.
    for name, make in sorted(forms, key=lambda form: form[0] == STDOUT):
        if name is not None:
            try:
                write_report(name, make())
            except CommandError as error:
                problems.append(str(error))
    if all(name != STDOUT for name, _ in forms):
        _print(report, more)
    elif report.outcome is not Outcome.PASS and report.problem is None:
        print(f"opuscope: {report.verdict}", file=sys.stderr)
    if problems:
        raise CommandError("; ".join(problems))
    return exit_status(report)


def _print(report: Report, more: list[tuple[str, list[Row]]]) -> None:
    """In colour on a terminal only, as rich finds out (and NO_COLOR says)."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in report_lines(report, more):
        text = Text(line.head, style=_STYLES[line.tone])
        text.append(line.rest, style="default" if line.tone is Tone.QUIET else "not bold default")
        console.print(text, soft_wrap=True)
