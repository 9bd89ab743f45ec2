"""How fast playout goes in every situation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.playout.pace import LEAST_SKEW_PPM, MAX_ACCELERATION, NEARLY_DRY_SHARE, Pace, Situation
from core.playout.resampling import MAX_DEVIATION

LIMIT_MS = 30.0


def situation(lag_ms: float = 100, goal_ms: float = 100, overdue_ms: float = -10, depth_ms: float = 100) -> Situation:
    return Situation(10, depth_ms, lag_ms, goal_ms, overdue_ms, LIMIT_MS)


situations = st.builds(
    Situation,
    block_ms=st.floats(1, 100),
    depth_ms=st.floats(0, 3_000),
    lag_ms=st.floats(-3_000, 3_000),
    goal_ms=st.floats(0, 2_000),
    overdue_ms=st.floats(-3_000, 3_000),
    overdue_limit_ms=st.sampled_from([30.0, 60.0, 130.0, float("inf")]),
)


@given(st.lists(st.tuples(situations, st.floats(-150_000, 150_000)), min_size=1, max_size=20))
def test_whatever_happens_the_pace_stays_within_what_is_followed_well(steps: list[tuple[Situation, float]]) -> None:
    pace = Pace()
    for now, skew_ppm in steps:
        assert -NEARLY_DRY_SHARE <= pace.stretch(now, skew_ppm) <= MAX_ACCELERATION
        assert 1 - MAX_DEVIATION <= pace.ratio(now, skew_ppm) <= 1 + MAX_DEVIATION


@pytest.mark.parametrize("error_ms", [-2.0, -0.4, 0.0, 0.4, 2.0])
@pytest.mark.parametrize("skew_ppm", [0.0, LEAST_SKEW_PPM - 1, 1 - LEAST_SKEW_PPM])
def test_near_the_goal_and_with_equal_clocks_not_a_sample_is_touched(error_ms: float, skew_ppm: float) -> None:
    pace, now = Pace(), situation(lag_ms=100 + error_ms)
    assert pace.stretch(now, skew_ppm) == 0
    assert pace.ratio(now, skew_ppm) == 1


@pytest.mark.parametrize("excess_ms", [8, 50, 400, 2_000])
def test_above_the_goal_playout_is_at_least_25_per_cent_faster_until_the_goal(excess_ms: float) -> None:
    pace = Pace()
    assert pace.stretch(situation(lag_ms=100 + excess_ms), 0) >= 0.25
    assert pace.stretch(situation(lag_ms=100.1), 0) >= 0.25
    assert pace.stretch(situation(lag_ms=99.9), 0) == 0
    assert pace.stretch(situation(lag_ms=103), 0) == 0


def test_the_farther_above_the_goal_the_faster() -> None:
    shares = [Pace().stretch(situation(lag_ms=100 + excess_ms), 0) for excess_ms in range(10, 1_500, 10)]
    assert shares == sorted(shares)


@pytest.mark.parametrize("missing_ms", [8, 50, 200])
def test_below_the_goal_playout_is_slower(missing_ms: float) -> None:
    assert Pace().stretch(situation(lag_ms=100 - missing_ms), 0) < 0


def test_while_a_packet_is_overdue_playout_slows_down_and_more_so_when_nearly_dry() -> None:
    gentle = Pace().stretch(situation(lag_ms=200, goal_ms=200, overdue_ms=LIMIT_MS + 1, depth_ms=150), 0)
    urgent = Pace().stretch(situation(lag_ms=200, goal_ms=200, overdue_ms=LIMIT_MS + 1, depth_ms=30), 0)
    assert urgent < gentle < 0


def test_up_to_the_limit_an_overdue_packet_is_no_reason() -> None:
    assert Pace().stretch(situation(overdue_ms=LIMIT_MS - 1, depth_ms=70), 0) == 0


def test_with_more_to_play_than_the_goal_an_overdue_packet_is_no_reason() -> None:
    assert Pace().stretch(situation(overdue_ms=200, depth_ms=150), 0) == 0


def test_with_hardly_anything_to_play_any_overdue_packet_is_a_reason() -> None:
    assert Pace().stretch(situation(overdue_ms=1, depth_ms=10), 0) < 0


def test_what_seems_too_much_is_kept_while_a_packet_is_far_overdue() -> None:
    assert Pace().stretch(situation(lag_ms=400, overdue_ms=150, depth_ms=250), 0) == 0


@pytest.mark.parametrize("skew_ppm", [-500.0, -100.0, 100.0, 500.0, 4_000.0])
def test_a_skew_up_to_half_a_per_cent_is_followed_by_resampling_alone(skew_ppm: float) -> None:
    pace, now = Pace(), situation()
    assert pace.stretch(now, skew_ppm) == 0
    assert pace.ratio(now, skew_ppm) == pytest.approx(1 - skew_ppm * 1e-6)


@pytest.mark.parametrize("skew_ppm", [-50_000.0, -10_000.0, 10_000.0, 50_000.0])
def test_a_larger_skew_is_split_between_resampling_and_time_scale_modification(skew_ppm: float) -> None:
    pace, now = Pace(), situation()
    rate = pace.ratio(now, skew_ppm) - 1 + pace.stretch(now, skew_ppm)
    assert rate == pytest.approx(-skew_ppm * 1e-6)


@pytest.mark.parametrize("error_ms", [-6.0, -4.0, 4.0, 6.0])
def test_a_few_milliseconds_off_the_goal_are_made_up_for_by_resampling_until_it_is_reached(error_ms: float) -> None:
    pace = Pace()
    assert (pace.ratio(situation(lag_ms=100 + error_ms), 0) - 1) * error_ms > 0
    assert (pace.ratio(situation(lag_ms=100 + error_ms / 4), 0) - 1) * error_ms > 0
    assert pace.ratio(situation(lag_ms=100 + error_ms / 20), 0) == 1
    assert pace.ratio(situation(lag_ms=100 + error_ms / 4), 0) == 1


def test_after_a_restart_nothing_is_being_caught_up_with() -> None:
    pace = Pace()
    pace.stretch(situation(lag_ms=300), 0)
    pace.ratio(situation(lag_ms=300), 0)
    pace.restart()
    assert pace.stretch(situation(lag_ms=102), 0) == 0
    assert pace.ratio(situation(lag_ms=102), 0) == 1


def test_a_lag_with_too_little_to_play_is_a_base_that_is_out_of_date_and_not_caught_up_with() -> None:
    assert Pace().stretch(situation(lag_ms=160, overdue_ms=25, depth_ms=99), 0) == 0
    assert Pace().stretch(situation(lag_ms=160, overdue_ms=25, depth_ms=101), 0) > 0


def test_the_last_block_before_the_rest_is_too_short_for_a_splice_is_the_last_chance() -> None:
    assert Pace().stretch(situation(lag_ms=25, goal_ms=25, overdue_ms=13, depth_ms=14), 0) < 0
    assert Pace().stretch(situation(lag_ms=25, goal_ms=25, overdue_ms=13, depth_ms=16), 0) == 0
    assert Pace().stretch(situation(lag_ms=25, goal_ms=25, overdue_ms=12, depth_ms=14), 0) == 0
