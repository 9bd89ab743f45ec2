"""How late playout is, against all pulls of the last 100 ms looked through again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.playout.level import LEVEL_SPAN_NS, PlayoutLevel

MS = 1_000_000

pulls = st.lists(st.tuples(st.integers(0, 60 * MS), st.integers(0, 300 * MS)), min_size=1, max_size=50)


def test_before_the_first_pull_nothing_is_known() -> None:
    assert PlayoutLevel().media_ns(0) is None


@given(pulls)
def test_the_delay_is_that_of_the_soonest_pull_of_the_last_100_ms(steps: list[tuple[int, int]]) -> None:
    level, past, now_ns = PlayoutLevel(), [], 0
    for pause_ns, delay_ns in steps:
        now_ns += pause_ns
        past.append((now_ns, delay_ns))
        level.pulled(now_ns, now_ns - delay_ns)
        soonest_ns = min(delay for at_ns, delay in past if at_ns >= now_ns - LEVEL_SPAN_NS)
        assert level.media_ns(now_ns) == now_ns - soonest_ns


@given(st.integers(1, 9), st.integers(0, 500))
def test_a_device_that_asks_for_several_blocks_at_once_has_the_level_of_its_last_block(
    burst: int, delay_ms: int
) -> None:
    level, block_ns = PlayoutLevel(), 10 * MS
    told = set()
    for period in range(20):
        now_ns = period * burst * block_ns
        for number in range(burst):
            level.pulled(now_ns, now_ns - delay_ms * MS + number * block_ns)
            media_ns = level.media_ns(now_ns)
            assert media_ns is not None
            if period:
                told.add(now_ns - media_ns)
    assert told == {delay_ms * MS - (burst - 1) * block_ns}


@given(pulls, st.integers(-400 * MS, 400 * MS))
def test_a_jump_counts_for_the_pulls_before_it_as_well(steps: list[tuple[int, int]], jump_ns: int) -> None:
    jumped, ahead, now_ns = PlayoutLevel(), PlayoutLevel(), 0
    for pause_ns, delay_ns in steps:
        now_ns += pause_ns
        jumped.pulled(now_ns, now_ns - delay_ns)
        ahead.pulled(now_ns, now_ns - delay_ns + jump_ns)
    jumped.shift(jump_ns)
    assert jumped.media_ns(now_ns) == ahead.media_ns(now_ns)


def test_a_jump_forth_and_back_leaves_the_level_where_it_was() -> None:
    level = PlayoutLevel()
    level.pulled(0, -60 * MS)
    level.shift(13 * MS)
    level.shift(-13 * MS)
    assert level.media_ns(0) == -60 * MS


def test_after_clear_only_new_pulls_count() -> None:
    level = PlayoutLevel()
    level.pulled(0, 0)
    level.shift(20 * MS)
    level.clear()
    assert level.media_ns(0) is None
    level.pulled(10 * MS, -50 * MS)
    assert level.media_ns(10 * MS) == -50 * MS
