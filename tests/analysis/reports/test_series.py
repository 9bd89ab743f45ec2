"""How a stream went over time: in fixed memory, without holes, whatever the time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.reports.late_places import LatePlaces
from core.analysis.reports.series import FIRST_POINT_S, MAX_POINTS, SeriesRecorder
from core.analysis.reports.svg import Axis, round_ticks, round_up
from core.analysis.results import MAX_EVIDENCE
from core.opus.media import MediaPacket
from tests.analysis.streams import voice


def recorded(seconds: float, interval_s: float = 0.02) -> SeriesRecorder:
    recorder = SeriesRecorder()
    for number in range(round(seconds / interval_s)):
        recorder.packet(number * interval_s, 100, number % 10, -20.0 - number % 3)
    return recorder


def test_a_minute_has_a_point_each_quarter_second_with_its_extremes() -> None:
    series = recorded(60).series(60.0)
    assert series.point_s == FIRST_POINT_S
    assert len(series.points) == 240
    assert all(point.loudness_lufs == -20 for point in series.points)
    assert {point.relative_delay_max_ms for point in series.points} == {9}
    assert sum(point.packets for point in series.points) == 3000
    assert sum(point.bitrate_kbps for point in series.points) / 240 == pytest.approx(40)


@pytest.mark.parametrize("hours", [0.5, 1, 24, 24 * 30])
def test_however_long_it_takes_there_are_no_more_points_and_nothing_is_lost(hours: float) -> None:
    recorder = recorded(hours * 3600, interval_s=hours * 0.4)
    series = recorder.series(hours * 3600)
    assert MAX_POINTS / 2 <= len(series.points) <= MAX_POINTS
    assert len(series.points) * series.point_s == pytest.approx(hours * 3600, rel=0.01)
    assert sum(point.packets for point in series.points) == pytest.approx(9000, abs=20)


def test_where_nothing_came_there_are_points_without_figures() -> None:
    recorder = recorded(1)
    recorder.packet(3.0, 100, 900.0, None)
    points = recorder.series(4.0).points
    assert [point.packets for point in points[4:12]] == [0] * 8
    assert points[5].relative_delay_max_ms is None
    assert points[12].relative_delay_max_ms == 900
    assert points[12].loudness_lufs is None
    assert [point.packets for point in points[13:]] == [0] * 3


def test_before_anything_came_there_is_one_empty_point() -> None:
    [point] = SeriesRecorder().series(0.0).points
    assert (point.packets, point.bitrate_kbps) == (0, 0.0)


@given(st.lists(st.floats(0, 1e5), max_size=50))
def test_whatever_the_times_all_packets_are_counted(times: list[float]) -> None:
    recorder = SeriesRecorder()
    for at_s in sorted(times):
        recorder.packet(at_s, 1, 0.0, None)
    # To the end of the last point, so that none is left out as a stub.
    series = recorder.series(max(times, default=0.0) + recorder.series(0.0).point_s)
    assert sum(point.packets for point in series.points) == len(times)
    assert len(series.points) <= MAX_POINTS


def test_packets_that_are_late_one_after_the_other_are_one_place() -> None:
    places = LatePlaces(60.0)
    for number, late_ms in enumerate([0, 60, 61, 100, 80, 10, 70]):
        places.packet(MediaPacket(voice(1)[0], 0, 1000 + number, None), number * 0.02, late_ms)
    first, second = places.newest()
    assert (first.packet, first.packets, first.sequence_number, first.length_ms) == (2, 3, 1002, 100)
    assert (second.packet, second.packets) == (6, 1)


def test_what_is_no_packet_has_no_number_and_memory_is_bounded() -> None:
    places = LatePlaces(0.0)
    places.packet(MediaPacket(b"", 0, None, None), 0.0, 500.0)
    for number in range(4 * MAX_EVIDENCE):
        places.packet(MediaPacket(voice(1)[0], 0, None, None), number * 0.02, float(number % 2))
    assert len(places.newest()) == MAX_EVIDENCE
    assert places.newest()[-1].packet == 4 * MAX_EVIDENCE - 1


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within_the_axis(low: float, span: float) -> None:
    ticks = round_ticks(low, low + span)
    assert len(ticks) <= 7
    assert all(low - span * 1e-3 <= tick <= low + span * 1.001 for tick in ticks)
    assert list(ticks) == sorted(ticks)


@given(st.floats(1e-6, 1e9))
def test_an_axis_ends_little_above_its_highest_value(value: float) -> None:
    assert value * (1 - 1e-6) <= round_up(value) <= 1.7 * value


@given(st.floats(allow_nan=False), st.booleans())
def test_whatever_is_drawn_lies_within_its_plot(value: float, is_log: bool) -> None:
    assert 0.0 <= Axis(0.01, 100.0, "x", is_log).share(value) <= 1.0
