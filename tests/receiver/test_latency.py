"""The latency shown: that its parts make up the way from the microphone's sample to the ear, no more and no less."""

from __future__ import annotations

import pytest

from core.opus.encoder import Application
from core.playout.figures import IntervalTally
from core.playout.timeline import Timeline
from core.receiver.facts import latency_breakdown

MS = 1_000_000


def test_the_parts_add_up_to_capture_until_heard_and_the_codec_s_look_ahead() -> None:
    """A frame of 10 ms whose first sample is in the air at 100 ms, arrives at 113, is pulled at 118, heard 6 later."""
    captured_ms, arrived_ms, pulled_ms, device_ms = 100, 113, 118, 6.0
    timeline, tally = Timeline(), IntervalTally()
    timeline.append(0, arrived_ms * MS, (arrived_ms - captured_ms - 10) * MS)
    timeline.played(0, 120, pulled_ms * MS, tally)
    interval = tally.take(())
    shown = latency_breakdown(10.0, Application.LOWDELAY, interval.network_ms, 0.4, interval.buffer_ms, device_ms)
    assert (shown.frame, shown.codec, shown.network, shown.buffer, shown.device) == (10, 2.5, 3, 5, 6)
    assert shown.total == pytest.approx(pulled_ms + device_ms - captured_ms + 2.5)
    assert shown.kind == "measured"


def test_a_packet_that_begins_within_a_block_is_heard_so_much_later() -> None:
    timeline, tally = Timeline(), IntervalTally()
    timeline.append(60, 100 * MS, None)
    timeline.played(0, 120, 103 * MS, tally)
    assert tally.take(()).buffer_ms == pytest.approx(3 + 60 / 48)


def test_without_capture_times_the_network_is_half_the_round_trip_and_said_to_be_estimated() -> None:
    shown = latency_breakdown(20.0, None, None, 3.0, 40.0, 10.0)
    assert (shown.codec, shown.network, shown.total) == (6.5, 1.5, 78)
    assert shown.kind == "estimated"


@pytest.mark.parametrize("missing", range(3))
def test_a_sum_without_one_of_its_parts_is_not_shown(missing: int) -> None:
    parts: list[float | None] = [20.0, 40.0, 10.0]
    parts[missing] = None
    packet_ms, buffer_ms, device_ms = parts
    assert latency_breakdown(packet_ms, None, 1.0, None, buffer_ms, device_ms).total is None
