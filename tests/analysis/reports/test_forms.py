"""The forms of a report that programs read: JSON as its schema says, JUnit XML as CIs read it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest

from core.analysis.checks import CheckResult, Outcome
from core.analysis.limits import Expected, Limits, Loudness
from core.analysis.reports.json_form import VERSION, plain, report_json
from core.analysis.reports.junit import junit_xml
from core.analysis.reports.report import Report
from core.analysis.results import Evidence
from core.cli.probe_schema import probe_schema, schema_text
from tests.analysis.reports.made import URL, report_of
from tests.peers.faults import FAULTS

MIXED = Limits(
    max_late_pct=0.1,
    max_loss_pct=0.1,
    max_skew_ppm=1.0,
    loudness=Loudness(-26, 3),
    fail_on="warning",
    expect=Expected(frame_ms=20.0),
)


def kept_schema() -> dict[str, Any]:
    text = resources.files("resources.reports").joinpath("report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def validate(values: object) -> None:
    schema = kept_schema()
    jsonschema.Draft202012Validator(schema).validate(values)


def with_checks(report: Report, *outcomes: Outcome) -> Report:
    made = tuple(CheckResult(f"check_{n}", each, 1.0, 2.0, "ms", f"text {n}") for n, each in enumerate(outcomes))
    return replace(report, checks=made)


PASS, FAIL, UNMEASURED = Outcome.PASS, Outcome.FAIL, Outcome.NOT_MEASURABLE


@pytest.mark.parametrize(
    ("outcomes", "whole", "verdict"),
    [
        ((), PASS, "not checked: it connected and played; no limits were given, so nothing could fail"),
        ((PASS,), PASS, "passed: the check passed"),
        ((PASS, PASS), PASS, "passed: all 2 checks passed"),
        ((PASS, UNMEASURED), UNMEASURED, "no verdict: 1 of 2 checks could not be measured, the others passed"),
        ((UNMEASURED,), UNMEASURED, "no verdict: 1 of 1 check could not be measured"),
        ((PASS, FAIL), FAIL, "failed: 1 of 2 checks failed"),
        ((FAIL, UNMEASURED), FAIL, "failed: 1 of 2 checks failed, 1 could not be measured"),
    ],
)
def test_one_failure_fails_all_and_what_was_not_measured_has_not_passed(
    outcomes: tuple[Outcome, ...], whole: Outcome, verdict: str
) -> None:
    report = with_checks(report_of("clean"), *outcomes)
    assert report.outcome is whole
    assert report.verdict == verdict


def test_a_stream_that_was_not_heard_has_failed_whatever_was_checked() -> None:
    report = replace(with_checks(report_of("clean"), PASS), problem="nothing listens there")
    assert report.outcome is FAIL
    assert report.verdict == "failed: nothing listens there"


def test_the_kept_schema_is_the_one_that_the_report_is_made_by() -> None:
    kept = resources.files("resources.reports").joinpath("report.schema.json").read_text(encoding="utf-8")
    assert kept == schema_text(), "python -m core.cli.probe_schema > resources/reports/report.schema.json"
    assert kept_schema() == probe_schema()
    jsonschema.Draft202012Validator.check_schema(kept_schema())


@pytest.mark.parametrize("bare", [False, True], ids=["rtp", "bare"])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_the_json_of_every_fault_is_as_the_schema_says(fault: str, bare: bool) -> None:
    if bare and not FAULTS[fault].is_told_bare:
        pytest.skip("the fault makes no sense without opus-rtp.v1")
    values = report_json(report_of(fault, MIXED, bare=bare))
    text = json.dumps(values, allow_nan=False)
    validate(json.loads(text))
    assert values["schema_version"] == VERSION
    assert datetime.fromisoformat(values["began_at"]).tzinfo is not None
    # Everything that is written is described.
    assert set(values) <= set(kept_schema()["properties"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: values.pop("checks"),
        lambda values: values.update(schema_version=VERSION + 1),
        lambda values: values.update(outcome="perhaps"),
        lambda values: values.update(began_at=5),
        lambda values: values["checks"][0].update(outcome="passed"),
        lambda values: values["analysis"]["pacing"].pop("stalls"),
        lambda values: values["findings"][0]["evidence"][0].update(at_s="soon"),
    ],
)
def test_the_schema_refuses_what_is_no_report(damage: Any) -> None:
    values = json.loads(json.dumps(report_json(report_of("1 % dropped", MIXED))))
    validate(values)
    damage(values)
    with pytest.raises(jsonschema.ValidationError):
        validate(values)


def test_what_json_does_not_know_is_null_and_floats_are_short() -> None:
    assert plain((float("nan"), float("inf"), 1 / 3, True, {Outcome.PASS: 1, 2.5: None})) == [
        None,
        None,
        0.3333333,
        True,
        {"pass": 1, "2.5": None},
    ]


def read(report: Report, tmp_path: Path) -> junitparser.TestSuite:
    path = tmp_path / "report.xml"
    path.write_text(junit_xml(report), encoding="utf-8")
    [suite] = junitparser.JUnitXml.fromfile(str(path))
    assert isinstance(suite, junitparser.TestSuite)
    return suite


def test_junit_has_a_case_for_the_stream_and_for_each_check(tmp_path: Path) -> None:
    report = report_of("1 % dropped", MIXED)
    suite = read(report, tmp_path)
    results = {case.name: [type(each) for each in case.result] for case in suite}
    failure, skipped = [junitparser.Failure], [junitparser.Skipped]
    kinds: dict[Outcome, list[Any]] = {PASS: [], FAIL: failure, UNMEASURED: skipped}
    assert results == {"stream": [], **{check.name: kinds[check.outcome] for check in report.checks}}
    assert {PASS, FAIL, UNMEASURED} == {check.outcome for check in report.checks}
    assert (suite.tests, suite.errors) == (len(report.checks) + 1, 0)
    assert suite.failures == sum(each == failure for each in results.values())
    assert suite.skipped == sum(each == skipped for each in results.values())
    assert suite.name == URL
    assert suite.time == pytest.approx(report.analysis.observed_s, abs=0.001)


def test_a_failure_in_junit_has_the_words_and_the_places(tmp_path: Path) -> None:
    report = report_of("1 % dropped", MIXED)
    [loss] = [check for check in report.checks if check.name == "max_loss_pct"]
    [case] = [case for case in read(report, tmp_path) if case.name == "max_loss_pct"]
    [result] = case.result
    assert result.message == loss.text
    assert f"packet {loss.evidence[-1].packet}" in result.text


def test_a_stream_that_failed_is_the_first_case(tmp_path: Path) -> None:
    [stream, *_] = read(replace(report_of("clean", MIXED), problem="nothing listens there"), tmp_path)
    assert (stream.name, stream.result[0].message) == ("stream", "nothing listens there")


# testsuites/testsuite/testcase of the schema that Jenkins publishes (junit-10.xsd of its xUnit plugin): which
# attributes and children there may be.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled", "skipped"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "classname", "time", "assertions", "status"},
    "failure": {"message", "type"},
    "skipped": {"message", "type"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    "failure": set(),
    "skipped": set(),
    "system-out": set(),
}


def test_junit_has_only_elements_and_attributes_that_ci_servers_know() -> None:
    root = ElementTree.fromstring(junit_xml(report_of("1 % dropped", MIXED)))  # noqa: S314 - our own
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
        assert {child.tag for child in element} <= CHILDREN[element.tag], element.tag


def test_words_of_a_server_that_xml_cannot_hold_do_not_break_it(tmp_path: Path) -> None:
    nasty = 'a\x00\x1b[31m<b>&"\ud800\ufffe ]]> \N{SNOWMAN}'
    evidence = (Evidence(1.0, note=nasty),)
    check = CheckResult("max_malformed", FAIL, 1, 0, "", nasty, evidence)
    report = replace(report_of("clean"), url=nasty, checks=(check,), problem=nasty)
    suite = read(report, tmp_path)
    assert [case.result[0].message for case in suite] == [suite.name] * 2
    assert "<b>" in suite.name
    assert "\x00" not in suite.name
