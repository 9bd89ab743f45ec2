"""The probe's verdict as a user or a CI gets it: exit statuses, reports in files, Ctrl-C, terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest

from core.cli.main import main
from core.cli.probe_schema import probe_schema
from tests.cli.test_commands import free_port, run
from tests.support.processes import REPOSITORY, ChildProcess, opuscope, python

LISTENING = r"listening on (\S+)"
SECONDS = ("--duration", "3")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with opuscope("serve", "--source", "tone", "--port", "0") as server:
        yield server.wait_for_line(LISTENING, 15)[1]


def faulty(name: str) -> ChildProcess:
    return python("tests/peers/faulty_server.py", "--port", "0", "--fault", name)


KEPT = ("--max-late-pct", "5", "--at-depth", "500ms", "--max-loss-pct", "0", "--expect", "frame_ms=20,channels=1")
BROKEN = ("--expect", "channels=2")
UNMEASURABLE = ("--dialect", "bare", "--max-loss-pct", "0")


@pytest.mark.parametrize(
    ("limits", "status", "verdict"),
    [
        ((), 0, "NOT CHECKED: it connected and played"),
        (KEPT, 0, "PASSED: all 4 checks passed"),
        ((*KEPT, "--expect", "channels=2"), 1, "FAILED: 1 of 3 checks failed"),
        (UNMEASURABLE, 2, "NO VERDICT: 1 of 1 check could not be measured"),
        ((*UNMEASURABLE, *BROKEN), 1, "FAILED: 1 of 2 checks failed, 1 could not be measured"),
    ],
    ids=["no limits", "kept", "broken", "not measurable", "broken and not measurable"],
)
def test_the_exit_status_says_passed_failed_or_no_verdict(
    url: str, limits: tuple[str, ...], status: int, verdict: str
) -> None:
    ended, out, errors = run("probe", url, *SECONDS, *limits)
    assert out.splitlines()[0].startswith(verdict)
    assert (ended, errors) == (status, [])
    assert "\x1b" not in out  # no colour where nobody watches


def test_a_server_that_is_not_there_has_failed_and_every_report_says_so(tmp_path: Path) -> None:
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    named = [part for kind, path in files.items() for part in (f"--{kind}", str(path))]
    status, out, [line] = run("probe", f"ws://127.0.0.1:{free_port()}/x", *named, "--max-loss-pct", "0")
    assert status == 1
    assert "nothing listens at" in line
    assert out.startswith("FAILED: nothing listens at")
    values = json.loads(files["json"].read_text())
    assert (values["outcome"], values["connected"]) == ("fail", False)
    assert "nothing listens at" in values["problem"]
    [suite] = junitparser.JUnitXml.fromfile(str(files["junit"]))
    assert [type(result) for case in suite for result in case.result] == [junitparser.Failure, junitparser.Skipped]
    assert "nothing listens at" in files["html"].read_text()


def test_a_run_gives_all_reports_and_the_json_is_as_its_schema_says(url: str, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    files["json"].write_text("an older report")
    named = [part for kind, path in files.items() for part in (f"--{kind}", str(path))]
    status, out, errors = run("probe", url, *SECONDS, *KEPT, *named)
    assert (status, errors) == (0, [])
    assert out.startswith("PASSED")
    values = json.loads(files["json"].read_text())
    schema = probe_schema()
    jsonschema.Draft202012Validator(schema).validate(values)
    # The live report has all that the schema tells of, and nothing else.
    assert set(values) == set(schema["properties"])
    assert values["outcome"] == "pass"
    assert values["analysis"]["completeness"]["packets"] == values["packets_received"]
    [suite] = junitparser.JUnitXml.fromfile(str(files["junit"]))
    assert (suite.tests, suite.failures, suite.skipped) == (5, 0, 0)
    assert "<h1>Passed</h1>" in files["html"].read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files.values())


def test_a_file_of_limits_is_what_is_checked_and_options_go_before_it(url: str, tmp_path: Path) -> None:
    limits = tmp_path / "stream.toml"
    limits.write_text("max_loss_pct = 0\nloudness = '-60±3'\n[expect]\nchannels = 2\nframe_ms = 20\n")
    _, out, _ = run("probe", url, *SECONDS, "--checks", str(limits), "--json", "-")
    assert {each["name"]: each["outcome"] for each in json.loads(out)["checks"]} == {
        "max_loss_pct": "pass",
        "loudness": "fail",
        "expect.frame_ms": "pass",
        "expect.channels": "fail",
    }
    options = ("--checks", str(limits), "--loudness", "-13±10", "--expect", "channels=1")
    status, _, errors = run("probe", url, *SECONDS, *options)
    assert (status, errors) == (0, [])


def test_a_failure_is_a_line_on_standard_error_where_standard_output_is_a_report(url: str) -> None:
    status, out, errors = run("probe", url, *SECONDS, *BROKEN, "--junit", "-")
    assert status == 1
    assert out.startswith("<?xml")
    assert errors == ["opuscope: failed: 1 of 1 check failed"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [("1 % dropped", "missing packets"), ("5-packet bursts", "sends in bursts"), ("silent", "silent")],
)
def test_a_faulty_server_fails_with_its_fault_named_first(fault: str, words: str) -> None:
    with faulty(fault) as server:
        address = server.wait_for_line(LISTENING, 60)[1]
        status, out, _ = run("probe", address, "--duration", "8", "--fail-on", "warning", "--json", "-")
    values = json.loads(out)
    assert (status, values["outcome"]) == (1, "fail")
    assert values["findings"][0]["kind"] == words
    [check] = values["checks"]
    assert check["text"].startswith(f"findings: {words}")


def test_ctrl_c_gives_the_report_so_far_with_the_exit_status_of_its_checks(url: str) -> None:
    for limits, status in ((KEPT, 0), (BROKEN, 1)):
        with opuscope("probe", url, "--duration", "600", *limits, "--json", "-") as process:
            time.sleep(3)  # nothing is on standard output before the end
            process.interrupt()
            assert process.wait(15) == status
            values = json.loads(process.text("stdout"))
        assert 0 < values["analysis"]["observed_s"] < 60
        assert values["checks"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--max-late-pct", "101"], "argument --max-late-pct: '101' is no share in per cent; accepted: 0 to 100"),
        (["--max-skew-ppm", "x"], "argument --max-skew-ppm: 'x' is not possible; accepted: a number"),
        (["--max-skew-ppm", "-1"], "max_skew_ppm -1 is not possible; accepted: 0 or more"),
        (["--max-silence", "2 years"], "argument --max-silence: '2 years': there is no unit 'years'"),
        (["--loudness", "loud"], "argument --loudness: 'loud' is not possible; expected a loudness like -23±3"),
        (["--expect", "frame=20"], "there is no key 'frame'; did you mean 'frame_ms'?"),
        (["--expect", "channels=3"], "channels 3 is not possible; accepted: 1, 2"),
        (["--expect", "channels"], "argument --expect: 'channels' is not possible; expected KEY=VALUE"),
        (["--fail-on", "note"], "fail_on 'note' is not possible; accepted: error, warning"),
        (["--min-bandwidth", "XB"], "min_bandwidth 'XB' is not possible; accepted: NB, MB, WB, SWB, FB"),
        (["--checks", "/nowhere.toml"], "/nowhere.toml: cannot be read (No such file or directory); name a TOML file"),
        (["--checks", "Makefile"], "Makefile: no TOML"),
        (["--json", "/nowhere/x"], "the report cannot be written to /nowhere/x (No such file or directory)"),
        (["--junit", "/nowhere/x"], "the report cannot be written to /nowhere/x"),
        (["--html", "tests"], "the report cannot be written to tests (is a directory); name another file"),
        (["--html", "-", "--json", "-"], "two reports would go to standard output; name another file"),
        (["--html", "x", "--json", "./x"], "two reports would go to x; name another file"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2_before_anything_is_asked(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Nothing listens there: had it been asked, that would be the line.
    try:
        status = main(["probe", f"ws://127.0.0.1:{free_port()}/", *arguments])
    except SystemExit as end:
        status = int(str(end.code))
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert line in said.err
    assert len(said.err.splitlines()) == 1


def test_a_wrong_key_in_a_file_of_limits_is_refused_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = tmp_path / "stream.toml"
    limits.write_text("max_late_percent = 1\n")
    assert main(["probe", "ws://127.0.0.1/", "--checks", str(limits)]) == 2
    line = capsys.readouterr().err
    assert f"{limits}: there is no key 'max_late_percent'; did you mean 'max_late_pct'?" in line


def test_files_are_written_even_if_nobody_reads_the_terminal_to_its_end(url: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    command = [sys.executable, "-m", "core.cli.main", "probe", url, *SECONDS, "--html", str(page)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(30)
    assert page.read_text().endswith("</html>\n")


def on_a_terminal(*arguments: str, environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and all that is seen of a command whose output and errors are one terminal."""
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "core.cli.main", *arguments]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=follower, stderr=follower, env={**os.environ, **environment}
    )
    os.close(follower)
    seen = b""
    try:
        while True:
            try:
                piece = os.read(leader, 65_536)
            except OSError:  # Linux tells the end of a terminal so
                break
            if not piece:
                break
            seen += piece
        status = process.wait(30)
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    return status, seen.decode()


def test_on_a_terminal_a_line_shows_the_progress_and_the_report_has_colour(url: str) -> None:
    given: dict[str, Any] = {"environment": {"TERM": "xterm", "NO_COLOR": ""}}
    status, seen = on_a_terminal("probe", url, *SECONDS, *KEPT, **given)
    assert status == 0
    progress, _, report = seen.partition("PASSED")
    assert progress.count("\r") >= 4
    assert "of 3 s  streaming" in progress
    assert "(Ctrl-C: report now)" in progress
    assert "\x1b[1;32m" in progress  # the colour of the verdict stands before it
    assert "\r" not in report.replace("\r\n", "")
    # The line is wiped away before the report.
    assert progress.rpartition("\r")[0].endswith(" " * 70)
    _, plain = on_a_terminal("probe", url, *SECONDS, *KEPT, environment={"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b[1;32m" not in plain
