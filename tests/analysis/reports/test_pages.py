"""The forms of a report that people read: the terminal and the HTML page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from core.analysis.checks import CheckResult, Outcome
from core.analysis.limits import Limits, Loudness
from core.analysis.reports.html import html_page
from core.analysis.reports.plots import figures
from core.analysis.reports.report import Report, place
from core.analysis.reports.series import EMPTY
from core.analysis.reports.summary import needs_lines, rows
from core.analysis.reports.terminal import Tone, report_lines
from core.analysis.results import Evidence
from tests.analysis.reports.made import URL, report_of
from tests.peers.faults import FAULTS

LIMITS = Limits(max_late_pct=0.1, max_stall_ms=200, max_loss_pct=0, loudness=Loudness(-26, 3), min_bitrate_kbps=60)
STALLING = "300 ms stall every 10 s"
MORE = [("How it played here", [("underruns", "1 episode")])]


def text_of(report: Report) -> str:
    return "\n".join(line.head + line.rest for line in report_lines(report, MORE))


class Reader(HTMLParser):
    """What a browser would do: which tags are open, what is loaded, what is seen."""

    VOID = frozenset({"meta", "br"})
    MAY_STAY_OPEN = frozenset({"td", "th", "tr"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.seen = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]
        if tag not in self.VOID | self.MAY_STAY_OPEN:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.MAY_STAY_OPEN:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "title"):
            self.seen += f" {data}"

    def close(self) -> None:
        super().close()
        assert self._open == []


def page_of(report: Report) -> tuple[str, Reader]:
    page, reader = html_page(report, MORE), Reader()
    reader.feed(page)
    reader.close()
    return page, reader


# The terminal.


def test_the_terminal_says_the_verdict_first_then_what_is_wrong_then_the_checks() -> None:
    report = report_of(STALLING, LIMITS)
    text = text_of(report)
    order = ["FAILED: ", URL, "Findings", report.findings[0].sentence, "Checks", "What a listener needs"]
    order += ["What was measured", "How it played here"]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_each_check_stands_there_with_its_outcome_and_where_it_failed() -> None:
    report = report_of(STALLING, LIMITS, bare=True)
    lines = [line.head + line.rest for line in report_lines(report)]
    words = {Outcome.PASS: "pass", Outcome.FAIL: "FAIL", Outcome.NOT_MEASURABLE: "no figure"}
    assert {each.outcome for each in report.checks} == set(Outcome)
    for check in report.checks:
        [at] = [number for number, line in enumerate(lines) if line.endswith(check.text)]
        assert lines[at].split(check.text)[0].strip() == words[check.outcome]
        for evidence in check.evidence[-3:]:
            assert any(place(evidence) in line for line in lines[at + 1 : at + 4])


def test_a_clean_server_that_was_not_checked_is_said_to_be_well_but_not_passed() -> None:
    lines = report_lines(report_of("clean"))
    assert lines[0].head == "NOT CHECKED:"
    assert lines[0].tone is not Tone.GOOD
    assert "nothing is wrong with what came" in text_of(report_of("clean"))
    assert "Checks" not in text_of(report_of("clean"))


def test_escape_sequences_of_a_server_do_not_reach_the_terminal() -> None:
    nasty = "\x1b[2J\x07gone\n\u202eright to left"
    check = CheckResult("max_malformed", Outcome.FAIL, 1, 0, "", nasty, (Evidence(1.0, note=nasty),))
    report = replace(report_of("clean"), url=nasty, checks=(check,), problem=nasty)
    text = "\n".join(line.head + line.rest for line in report_lines(report))
    assert "gone" in text
    assert not set(text) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_every_fault_is_named_by_both_forms_with_its_figures(fault: str) -> None:
    report = report_of(fault)
    text, (_, page) = text_of(report), page_of(report)
    seen = " ".join(page.seen.split())
    for finding in report.findings:
        assert finding.sentence in text
        assert finding.sentence[1:] in seen
    for label, figure in rows(report.analysis):
        assert f"{label:14} {figure}" in text
        assert figure in seen


def test_evidence_says_when_and_which_packets() -> None:
    assert place(Evidence(12.44, 620, packets=5, length_ms=120.0)) == "at 12.4 s, packet 620, 5 packets, 120 ms"
    assert (
        place(Evidence(1.0, 3, 65_540, note="gone"))
        == "at 1.0 s, packet 3, sequence number 65540 (4 on the wire): gone"
    )
    assert place(Evidence(1.0, length_ms=12_345)) == "at 1.0 s, 12.3 s"


def test_what_a_listener_needs_is_told_in_sentences() -> None:
    needs = report_of(STALLING).analysis.needs
    assert needs is not None
    first, second, *_ = needs_lines(needs)
    assert first == (
        f"a buffer of {needs.buffer_ms_for_0_1_pct:.0f} ms for 0.1 % late packets,"
        f" a buffer of {needs.buffer_ms_for_1_pct:.0f} ms for 1 %"
    )
    assert second.startswith("what limits it: 1 stall")
    assert needs_lines(None) == ["no packet came, so nothing can be said"]
    assert "more than 2000 ms" in needs_lines(replace(needs, buffer_ms_for_0_1_pct=None))[0]


# The page.


@pytest.mark.parametrize("fault", list(FAULTS))
def test_the_page_needs_nothing_else_and_is_well_formed(fault: str) -> None:
    page, reader = page_of(report_of(fault, LIMITS))
    assert reader.addresses == []
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(reader.tags)
    assert not re.search(r"url\(|@import|https?://|//[a-z]", page.replace(URL, ""))
    assert "default-src 'none'" in page
    assert page.startswith("<!DOCTYPE html>")
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_the_page_says_verdict_findings_and_checks_with_evidence() -> None:
    report = report_of(STALLING, LIMITS)
    _, reader = page_of(report)
    seen = " ".join(reader.seen.split())
    order = ["Failed", URL, "Findings", "Stalls", "Checks", "What a listener needs", "Buffer needed"]
    order += ["Lateness of packets", "Bit rate", "Loudness", "How it played here"]
    at = 0
    for each in order:
        at = seen.index(each, at)
    for check in report.checks:
        assert check.name in seen
        for evidence in check.evidence:
            assert place(evidence) in seen


def test_no_outcome_is_told_by_colour_alone() -> None:
    _, reader = page_of(report_of(STALLING, LIMITS, bare=True))
    assert all(word in reader.seen for word in ("✗", "failed", "✓", "passed", "?", "not measurable"))


def test_what_a_server_says_is_text_on_the_page_and_nothing_more() -> None:
    nasty = '<script>alert("1")</script>\'><img src=x onerror=y>'
    report = report_of(STALLING, LIMITS)
    finding = replace(report.findings[0], sentence=nasty, evidence=(Evidence(1.0, note=nasty),))
    check = CheckResult("fail_on", Outcome.FAIL, nasty, nasty, nasty, nasty, (Evidence(1.0, note=nasty),))
    _, reader = page_of(replace(report, url=nasty, findings=(finding,), checks=(check,), problem=nasty))
    assert not {"script", "img"} & set(reader.tags)
    assert '<script>alert("1")' in reader.seen


@pytest.mark.parametrize(
    "report",
    [
        replace(report_of("clean"), series=EMPTY),
        report_of("clean", None, 0.01, problem="no audio"),
        report_of("silent", LIMITS, bare=True),
        report_of("clean", None, 0.2),
        replace(report_of("clean"), began_at=None, is_capture=True),
    ],
    ids=["no series", "no packet", "silent", "a moment", "a capture without a time"],
)
def test_what_there_is_little_of_makes_a_page_too(report: Report) -> None:
    page_of(report)
    assert report_lines(report)


# The plots.


def paths(svg: str, kind: str) -> list[list[float]]:
    """The numbers of each path of that class."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    assert root.tag == "svg"
    return [
        [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", path.get("d") or "")]
        for path in root.iter("path")
        if kind in (path.get("class") or "").split()
    ]


def test_there_are_four_plots_and_each_says_what_it_shows() -> None:
    made = figures(report_of(STALLING, LIMITS))
    assert [each.heading for each in made] == ["Buffer needed", "Lateness of packets", "Bit rate", "Loudness"]
    for figure in made:
        assert ElementTree.fromstring(figure.svg).get("aria-label")  # noqa: S314 - our own
        assert all(
            -5 <= number <= 780 for kind in ("line", "fill") for path in paths(figure.svg, kind) for number in path
        )
    assert [each.heading for each in figures(report_of("silent"))] == [
        "Buffer needed",
        "Lateness of packets",
        "Bit rate",
    ]


def test_a_stall_stands_out_of_the_lateness_and_is_flagged() -> None:
    calm, stalled = (figures(report_of(fault))[1].svg for fault in ("clean", STALLING))
    assert paths(calm, "flag") == []
    assert len(paths(stalled, "flag")) == 1
    assert "ms late" in stalled
    # In a plot of 0 to 400 ms the stall reaches three quarters of the height.
    [band] = paths(stalled, "late")
    assert min(band[1::5]) < 0.4 * 210 < max(band[1::5])


def test_a_limit_is_a_line_in_its_plot() -> None:
    with_limits, without = (figures(report_of(STALLING, limits)) for limits in (LIMITS, None))
    for number in (0, 2, 3):
        assert paths(with_limits[number].svg, "limit")
        assert not paths(without[number].svg, "limit")


def test_the_page_of_a_capture_says_when_it_was_captured() -> None:
    report = replace(report_of("clean"), is_capture=True, began_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    assert "2026-03-04 05:06:07 UTC" in page_of(report)[1].seen
    assert "captured from 2026-03-0" in text_of(report)
