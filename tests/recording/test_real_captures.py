"""RTP that FFmpeg and GStreamer sent and tcpdump and dumpcap caught: read whole, and judged as what it is."""

from __future__ import annotations

import pytest

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.diagnosis import findings_of
from core.analysis.findings import FindingKind
from core.analysis.observation import Received
from core.analysis.results import Analysis
from core.opus.media import MediaPacket
from core.recording.capture_reader import open_capture
from tests.recording.real_captures import NAMES, REAL, RealCapture

LOOK_AHEAD_MS = 6.5


def analysed(real: RealCapture) -> Analysis:
    analyzer = StreamAnalyzer()
    for seen in open_capture(real.path).observations():
        analyzer.take(seen)
    analysis = analyzer.result()
    analyzer.close()
    return analysis


@pytest.mark.parametrize("real", REAL, ids=NAMES)
def test_every_packet_is_read_with_its_number(real: RealCapture) -> None:
    capture = open_capture(real.path)
    assert (capture.is_ours, capture.packets, capture.notice) == (False, real.packets, None)
    assert capture.duration_s == pytest.approx(2.0, abs=0.05)
    events = [seen.event for seen in capture.observations() if isinstance(seen, Received)]
    packets = [event for event in events if isinstance(event, MediaPacket)]
    assert len(packets) == len(events) == real.packets
    numbers = [packet.sequence_number or 0 for packet in packets]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] + 1 == real.packets + real.missing
    times_ns = [packet.arrival_ns for packet in packets]
    assert times_ns == sorted(times_ns)


@pytest.mark.parametrize("real", REAL, ids=NAMES)
def test_the_analysis_finds_what_the_sender_was_told_to_send(real: RealCapture) -> None:
    analysis = analysed(real)
    assert analysis.content is not None
    assert analysis.content.packet_ms_pct == {real.packet_ms: 100}
    # The most frequent ones come first.
    assert next(iter(analysis.content.channels_pct)) == real.channels
    assert (analysis.completeness.packets, analysis.completeness.missing) == (real.packets, real.missing)
    assert (analysis.completeness.duplicates, analysis.completeness.reordered) == (0, 0)
    assert analysis.completeness.malformed == 0
    assert analysis.pacing is not None
    assert analysis.pacing.departure_interval_ms == pytest.approx(real.packet_ms, rel=0.05)


@pytest.mark.parametrize("real", REAL, ids=NAMES)
def test_nothing_is_found_that_is_not_there(real: RealCapture) -> None:
    analysis = analysed(real)
    found = {finding.kind for finding in findings_of(analysis)}
    expected = {FindingKind.MISSING_PACKETS} if real.missing else set()
    if real.has_early_timestamp:
        [fault] = analysis.completeness.newest_timestamp_faults
        assert (fault.packet, fault.length_ms) == (1, -LOOK_AHEAD_MS)
        found.discard(FindingKind.TIMESTAMPS)
    assert found == expected


def test_what_is_found_missing_is_where_it_was_left_out() -> None:
    [lossy] = [each for each in REAL if each.missing]
    [gap] = analysed(lossy).completeness.newest_gaps
    assert gap.packets == lossy.missing
    assert gap.at_s == pytest.approx(0.93, abs=0.05)
