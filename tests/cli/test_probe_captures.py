"""The probe's report of captures: the same as live, at once; ours, and those of other programs."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from core.analysis.limits import Limits
from core.analysis.reports.examination import Examination
from core.analysis.reports.json_form import report_json
from core.cli.main import main
from core.cli.probe_schema import probe_schema
from core.recording.capture_writer import CaptureWriter
from tests.peers.faults import transcript

CAPTURES = Path(__file__).parents[1] / "captures"


def written(path: Path, fault: str, seconds: float) -> Path:
    with CaptureWriter(path) as writer:
        for seen in transcript(fault, seconds):
            writer.take(seen)
    return path


def probed(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    status = main(["probe", str(path), "--json", "-", *options])
    values: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(probe_schema()).validate(values)
    return status, values


@pytest.mark.parametrize("fault", ["clean", "1 % dropped", "300 ms stall every 10 s", "-40 LUFS"])
def test_a_capture_has_the_very_report_that_the_stream_had(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = Examination(Limits(max_late_pct=0.1, fail_on="warning"))
    for seen in transcript(fault, 15):
        live.take(seen)
    live.close()
    expected = report_json(live.report("x"))
    path = written(tmp_path / "x.pcapng", fault, 15)
    status, values = probed(path, capsys, "--max-late-pct", "0.1", "--fail-on", "warning")
    for part in ("findings", "checks", "series", "outcome", "verdict"):
        assert values[part] == expected[part], part
    assert values["analysis"] == {**expected["analysis"], "url": values["analysis"]["url"]}
    assert status == (0 if fault == "clean" else 1)
    assert (values["is_capture"], values["url"]) == (True, str(path))


def test_the_exit_status_is_2_where_a_capture_does_not_tell(capsys: pytest.CaptureFixture[str]) -> None:
    status, values = probed(CAPTURES / "gstreamer.pcapng", capsys, "--max-connect-ms", "100")
    assert (status, values["outcome"]) == (2, "not measurable")


@pytest.mark.parametrize("name", ["gstreamer.pcapng", "libavformat.pcap"])
def test_captures_of_other_programs_are_examined_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, values = probed(CAPTURES / name, capsys, "--max-loss-pct", "0", "--expect", "frame_ms=20")
    assert status == 0, values["checks"]
    assert values["analysis"]["completeness"]["packets"] > 50
    assert datetime.fromisoformat(values["began_at"]).year >= 2025
    assert values["analysis"]["sound"]["measured_s"] > 1


def test_only_the_beginning_of_a_capture_is_read_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "x.pcapng", "clean", 10)
    _, values = probed(path, capsys, "--duration", "3")
    assert values["analysis"]["observed_s"] == pytest.approx(3.0, abs=0.05)


def test_a_capture_is_told_in_the_terminal_and_on_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, page = written(tmp_path / "x.pcapng", "1 % dropped", 10), tmp_path / "x.html"
    assert main(["probe", str(path), "--html", str(page), "--max-loss-pct", "0"]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"FAILED: 1 of 1 check failed\n{path}, ")
    assert "How it played here" not in said.out  # it was not played
    assert "· capture" in page.read_text()


@pytest.mark.parametrize(
    ("target", "options", "line"),
    [
        ("/nowhere.pcapng", [], "/nowhere.pcapng cannot be read (no such file); name a pcapng, pcap or rtpdump file"),
        ("Makefile", [], "Makefile is no capture; expected pcapng, pcap or rtpdump"),
        ("tests", [], "tests is no regular file"),
        ("{capture}", ["--token", "x"], "--token is about listening, and"),
        ("{capture}", ["--buffer", "fixed:60"], "--buffer is about listening, and"),
        ("{capture}", ["--impair", "delay=5"], "--impair is about listening, and"),
        ("{capture}", ["--frame-ms", "20"], "--frame-ms is about listening, and"),
        ("{capture}", ["--ssrc", "5"], "holds no RTP stream 0x00000005"),
        ("{capture}", ["--json", "{capture}"], "is the capture itself"),
        ("localhost", [], "is not a WebSocket address"),
    ],
)
def test_what_cannot_be_examined_is_one_line_and_status_2(
    target: str, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = str(CAPTURES / "gstreamer.pcapng")
    before = Path(capture).read_bytes()
    status = main(["probe", *(part.format(capture=capture) for part in (target, *options))])
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert line in said.err
    assert len(said.err.splitlines()) == 1
    assert Path(capture).read_bytes() == before
