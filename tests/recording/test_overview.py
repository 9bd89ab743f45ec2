"""A capture at one look, as two of them are compared by."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.analysis.findings import FindingKind
from core.recording.capture_reader import open_capture
from core.recording.capture_writer import CaptureWriter
from core.recording.overview import LEAST_POINT_S, MAX_POINTS, Overview, overview_of
from tests.recording.foreign import frames, pcap, rtp_packets, save
from tests.recording.transcripts import stream


def overview(path: Path, count: int = 1_000, *, dropped: frozenset[int] = frozenset(), **stalls: float) -> Overview:
    """Of a stream whose packet ``at500`` comes, say, 300 ms late, with those after it in one burst."""
    delays = {
        number + after: max(0.0, late_ms - 20 * after)
        for name, late_ms in stalls.items()
        for number in [int(name.removeprefix("at"))]
        for after in range(int(late_ms / 20) + 1)
    }
    with CaptureWriter(path, replaces=True) as writer:
        for seen in stream(count, delays_ms=delays, dropped=dropped):
            writer.take(seen)
    return overview_of(open_capture(path))


def test_the_lateness_of_each_moment_is_that_of_its_latest_packet(tmp_path: Path) -> None:
    it = overview(tmp_path / "a.pcapng", at500=300.0)
    assert it.point_s == LEAST_POINT_S
    assert len(it.latest_ms) == pytest.approx(20 / LEAST_POINT_S, abs=1)
    # Packet 500 is due 10 s after the first one and comes at 10.3 s; nothing comes meanwhile.
    assert it.latest_ms[103] == pytest.approx(300, abs=6)
    assert it.latest_ms[100:103] == (None, None, None)
    assert [late for late in it.latest_ms[:100] if late is None or late > 1] == []
    assert it.most_ms == it.latest_ms[103]


def test_its_figures_findings_and_faults_are_those_of_the_analysis(tmp_path: Path) -> None:
    it = overview(tmp_path / "a.pcapng", dropped=frozenset(range(100, 120)), at500=400.0, at700=400.0)
    assert it.analysis.completeness.missing == 20
    assert [finding.kind for finding in it.findings][:2] == [FindingKind.MISSING_PACKETS, FindingKind.STALLS]
    assert [problem.text for problem in it.problems if "missing" in problem.text] == ["20 packets missing in sequence"]


def test_a_capture_without_a_fault_has_none(tmp_path: Path) -> None:
    it = overview(tmp_path / "a.pcapng")
    assert (it.findings, it.problems, it.most_ms) == ((), (), 0.0)


def test_a_long_capture_has_no_more_points_than_a_plot_can_show(tmp_path: Path) -> None:
    packets = frames(rtp_packets(40))
    far = [
        type(each)(each.at_ns + at * 3_600_000_000_000 // 40, each.link_type, each.data)
        for at, each in enumerate(packets)
    ]
    it = overview_of(open_capture(save(tmp_path / "a.pcap", pcap(far))))
    assert MAX_POINTS <= len(it.latest_ms) <= MAX_POINTS + 1
    assert it.latest_ms[-1] is not None
