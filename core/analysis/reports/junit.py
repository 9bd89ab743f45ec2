"""A report as JUnit XML, which every CI shows: one test case for each check.

The form is the one that Jenkins' and GitLab's documentation describe (testsuites, testsuite, testcase, failure,
skipped, system-out); there is no standard.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

from core.analysis.checks import CheckResult, Outcome
from core.analysis.reports.report import Report, place

EVIDENCE_SHOWN: Final = 10

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 (section 2.2) has no way to write; a server's words may hold them."""


def junit_xml(report: Report) -> str:
    """The document. Besides the checks there is one case, ``stream``: that it connected, played, and was not cut."""
    listened_s = report.analysis.observed_s
    cases = [_stream_case(report), *(_case(report, check) for check in report.checks)]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{listened_s:.3f}",
    }
    root = ElementTree.Element("testsuites", counts)
    when = {} if report.began_at is None else {"timestamp": report.began_at.isoformat(timespec="seconds")}
    suite = ElementTree.SubElement(root, "testsuite", {"name": _clean(report.url), **when, **counts})
    suite.extend(cases)
    said = ElementTree.SubElement(suite, "system-out")
    said.text = _clean("\n".join(_findings(report)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _stream_case(report: Report) -> ElementTree.Element:
    case = _new_case(report, "stream")
    if report.problem is not None:
        _say(case, "failure", report.problem, "")
    return case


def _case(report: Report, check: CheckResult) -> ElementTree.Element:
    case = _new_case(report, check.name)
    if check.outcome is Outcome.FAIL:
        shown = [place(each) for each in check.evidence[-EVIDENCE_SHOWN:]]
        left_out = len(check.evidence) - len(shown)
        more = [f"and {left_out} earlier ones"] if left_out else []
        _say(case, "failure", check.text, "\n".join([*shown, *more]))
    elif check.outcome is Outcome.NOT_MEASURABLE:
        _say(case, "skipped", check.text, "")
    return case


def _new_case(report: Report, name: str) -> ElementTree.Element:
    # Where a CI groups by class it groups by stream.
    return ElementTree.Element("testcase", {"classname": f"opuscope.{_clean(report.url)}", "name": name, "time": "0"})


def _say(case: ElementTree.Element, kind: str, message: str, text: str) -> None:
    element = ElementTree.SubElement(case, kind, {"message": _clean(message)})
    if kind == "failure":
        element.set("type", "check")
    element.text = _clean(text) or None


def _findings(report: Report) -> list[str]:
    lines = [f"{each.severity.value} ({each.side.value}): {each.sentence}" for each in report.findings]
    return [report.verdict, *(lines or ["no findings"])]


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
