"""Networks that hold packets back: what is heard of it, and how soon it is over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.playout.concealment import FADE_OUT_SAMPLES
from core.playout.jitter_buffer import REFILL_NS
from core.playout.pace import ABOVE_TARGET_MS
from core.playout.settings import PlayoutMode
from core.playout.states import PlayoutState
from tests.playout.bench import (
    BLOCK_MS,
    CLOCK_ERROR_MS,
    CONCEALED,
    FRAME_MS,
    MS,
    Bench,
    goal_ms,
    paced,
    packet_at,
    stalled,
)
from tests.support.examples import WHOLE_PLAYOUTS

STALL_AT_MS = 4_000.0


def after_stall(stall_ms: float, until_ms: float = 12_000, target_ms: float = 60, **more: object) -> Bench:
    packets = paced(round(until_ms / FRAME_MS) + 50, stalled(round(until_ms / FRAME_MS) + 50, (STALL_AT_MS, stall_ms)))
    return Bench.make(target_ms, **more).send(packets).run(until_ms)


@pytest.mark.parametrize("stall_ms", [120, 200, 400, 1_000])
def test_a_stall_longer_than_the_target_is_one_episode_of_less_than_its_excess(stall_ms: float) -> None:
    bench = after_stall(stall_ms)
    counters = bench.buffer.counters()
    excess_ms = stall_ms - 60
    slowed_ms = counters.inserted_samples_for_deceleration / 48
    assert slowed_ms >= 30
    if excess_ms < slowed_ms:
        assert counters.underrun_episodes == counters.starved_samples == 0
        return
    assert counters.underrun_episodes == 1
    assert counters.starved_ms == pytest.approx(excess_ms - slowed_ms, abs=2 * BLOCK_MS)
    [episode] = bench.buffer.take_interval().episodes
    assert episode.starved_ms == counters.starved_ms
    assert episode.began_ns / MS == pytest.approx(STALL_AT_MS + 60 + slowed_ms, abs=2 * BLOCK_MS)


@pytest.mark.parametrize("target_ms", [60, 100, 200, 400])
def test_a_stall_that_exceeds_the_target_by_half_is_not_heard_as_a_dropout(target_ms: float) -> None:
    bench = after_stall(1.5 * target_ms, target_ms=target_ms)
    assert bench.buffer.counters().concealed_samples == 0


def test_playout_goes_on_as_soon_as_there_is_something_to_play() -> None:
    bench = after_stall(400)
    times, is_received = bench.times_ms, bench.is_received
    since = times >= STALL_AT_MS + 400
    assert times[since & is_received][0] <= STALL_AT_MS + 400 + BLOCK_MS + 5


@pytest.mark.parametrize(
    ("mode", "stall_ms", "within_ms"),
    [
        (PlayoutMode.COMPLETE, 200, 1_000),
        (PlayoutMode.COMPLETE, 400, 2_000),
        (PlayoutMode.COMPLETE, 1_500, 4_000),
        (PlayoutMode.LIVE, 200, 500),
        (PlayoutMode.LIVE, 400, 500),
        (PlayoutMode.LIVE, 1_500, 500),
        (PlayoutMode.LIVE, 5_000, 500),
    ],
)
@pytest.mark.parametrize("target_ms", [20, 60, 200])
def test_after_a_stall_playout_is_back_in_time(
    mode: PlayoutMode, stall_ms: float, within_ms: float, target_ms: float
) -> None:
    bench = after_stall(stall_ms, 14_000, target_ms, mode=mode)
    back = bench.delays_ms(STALL_AT_MS + stall_ms + within_ms)
    assert np.abs(back - goal_ms(target_ms)).max() <= 20
    skipped = bench.buffer.counters().skipped_samples
    assert (skipped > 0) == (mode is PlayoutMode.LIVE and stall_ms > target_ms + 100)


def test_at_the_end_of_a_stall_that_was_bridged_playout_comes_back_to_the_goal_and_stays() -> None:
    bench = after_stall(100)
    assert bench.buffer.counters().underrun_episodes == 0
    assert np.abs(bench.delays_ms(STALL_AT_MS + 1_100) - goal_ms(60)).max() <= ABOVE_TARGET_MS


@pytest.mark.parametrize("mode", PlayoutMode)
@pytest.mark.parametrize("spacing_ms", [0.2, 2.0, 6.0])
@pytest.mark.parametrize(("stall_ms", "complete_within_ms"), [(400, 2_000), (1_500, 4_000)])
def test_a_burst_that_takes_its_time_is_caught_up_with_all_the_same(
    mode: PlayoutMode, spacing_ms: float, stall_ms: float, complete_within_ms: float
) -> None:
    delays_ms = np.zeros(600)
    # Nothing for a while, then the packets come some time apart until they have caught up.
    late = stall_ms - np.arange(400) * (20 - spacing_ms)
    delays_ms[100:500] = np.maximum(late, 0)
    bench = Bench.make(60, mode=mode).send(paced(600, delays_ms)).run(11_000)
    assert bench.buffer.counters().underrun_episodes == 1
    burst_ms = stall_ms / (20 - spacing_ms) * spacing_ms
    within_ms = burst_ms + (complete_within_ms if mode is PlayoutMode.COMPLETE else 500)
    assert np.abs(bench.delays_ms(2_000 + stall_ms + within_ms) - goal_ms(60)).max() <= 20
    assert (bench.buffer.counters().skipped_samples > 0) == (mode is PlayoutMode.LIVE)


def test_an_underrun_is_concealed_then_silent_then_cross_faded_back() -> None:
    bench = after_stall(600, 6_000)
    left = bench.left
    states = np.repeat([state is PlayoutState.STARVED for state in bench.states], 240)
    [episode] = bench.buffer.take_interval().episodes
    dry_at = round(episode.began_ns / MS * 48)
    starved = left[dry_at : dry_at + round(episode.starved_ms * 48)]
    assert states[dry_at + 240 : dry_at + len(starved) - 240].all()
    concealed = starved[:FADE_OUT_SAMPLES]
    assert (concealed[: 20 * 48] == CONCEALED).all()
    assert (np.diff(concealed) <= 0).all()
    assert concealed[90 * 48] > 0
    assert not starved[FADE_OUT_SAMPLES:].any()
    counters = bench.buffer.counters()
    assert counters.concealed_samples - counters.silent_concealed_samples == FADE_OUT_SAMPLES
    back = bench.out[dry_at + len(starved) :][: 10 * 48, 1]
    assert back[0] < 0.01
    # A fade of 5 ms, steepened where a splice of 2.5 ms lies in it.
    assert np.diff(back).max() < np.pi / 2 * (1 / 240 + 1 / 120)
    assert back[-1] == pytest.approx(1, abs=1e-5)


def test_an_underrun_soon_after_another_is_waited_out_until_the_target_is_there() -> None:
    # The rest of a stall dribbles in: packets that were played at once, one by one, would stutter.
    packets = [packet_at(i * 20, i * 20) for i in range(100)]
    packets += [packet_at(i * 20, 2_300 + (i - 100) * 100) for i in range(100, 106)]
    packets += [packet_at(i * 20, max(2_900 + (i - 106) * 0.1, i * 20)) for i in range(106, 400)]
    bench = Bench.make(60).send(packets).run(7_000)
    episodes = bench.buffer.take_interval().episodes
    assert len(episodes) == 3
    begins = [episode.began_ns for episode in episodes]
    assert begins[1] - begins[0] < 2 * REFILL_NS
    # The first ends with the first packet, the second one with the third packet after that.
    assert begins[0] / MS + episodes[0].starved_ms == pytest.approx(2_300, abs=BLOCK_MS)
    assert begins[1] / MS + episodes[1].starved_ms == pytest.approx(2_600, abs=BLOCK_MS)
    assert np.abs(bench.delays_ms(5_300) - goal_ms(60)).max() <= 20


def test_an_underrun_long_after_another_is_over_with_the_first_packet() -> None:
    bench = Bench.make(60).send(paced(600, stalled(600, (2_000, 300), (5_600, 300)))).run(10_000)
    ends_ms = [e.began_ns / MS + e.starved_ms for e in bench.buffer.take_interval().episodes]
    assert ends_ms == [pytest.approx(2_300, abs=BLOCK_MS), pytest.approx(5_900, abs=BLOCK_MS)]


@pytest.mark.parametrize("slow", [1.005, 1.01, 1.02, 1.05])
@pytest.mark.parametrize("target_ms", [60, 100])
def test_a_slow_server_plays_for_a_minute_without_an_episode_after_the_first_second(
    slow: float, target_ms: float
) -> None:
    packets = [packet_at(i * 20, i * 20 * slow) for i in range(3_000)]
    bench = Bench.make(target_ms).send(packets).run(59_900, 480)
    assert all(episode.began_ns < 1_000 * MS for episode in bench.buffer.take_interval().episodes)
    assert bench.states[-1] is PlayoutState.PLAYING
    # What the server does not send nobody can play: all of the difference is put in, none is silence.
    assert not np.isnan(bench.media_ms[bench.times_ms > 1_000]).any()
    assert bench.buffer.clock_skew_ppm == pytest.approx((1 - 1 / slow) * 1e6, abs=100)
    assert bench.buffer.media_position_ns / MS == pytest.approx(59_900 / slow - target_ms, abs=20)


@pytest.mark.parametrize("block", [240, 480])
@pytest.mark.parametrize("slow", [1.01, 1.05])
@pytest.mark.parametrize("seed", range(2))
def test_of_a_server_that_sleeps_unevenly_little_more_is_stretched_than_it_is_slow(
    slow: float, seed: int, block: int
) -> None:
    random = np.random.default_rng(seed)
    # Each sleep is a bit too long, and how much changes from second to second.
    moods = np.repeat(random.uniform(-0.15, 0.15, 40), 50)[:2_000]
    sent_ms = np.cumsum(20 * slow + moods + random.exponential(0.15, 2_000))
    packets = [packet_at(i * 20, at_ms) for i, at_ms in enumerate(sent_ms)]
    bench = Bench.make(40, is_adaptive=True).send(packets).run(int(sent_ms[-1]) - 100, block)
    counters = bench.buffer.counters()
    stretched = counters.inserted_samples_for_deceleration + counters.removed_samples_for_acceleration
    missing = (sent_ms[-1] - 40_000) / sent_ms[-1]
    assert stretched / counters.total_samples_received < missing + 0.01


@pytest.mark.parametrize("fast", [0.995, 0.98, 0.95])
@pytest.mark.parametrize("mode", PlayoutMode)
def test_a_server_that_is_too_fast_piles_up_nothing(fast: float, mode: PlayoutMode) -> None:
    packets = [packet_at(i * 20, i * 20 * fast) for i in range(1_600)]
    bench = Bench.make(60, mode=mode).send(packets).run(29_900)
    assert bench.depths_ms[-1] <= 60 + 20 + ABOVE_TARGET_MS + BLOCK_MS
    counters = bench.buffer.counters()
    assert counters.underrun_episodes == counters.skipped_samples == 0


@WHOLE_PLAYOUTS
@given(
    stalls=st.lists(st.tuples(st.floats(0, 6_000), st.floats(0, 2_500)), max_size=6),
    jitter=st.floats(0, 80),
    seed=st.integers(0, 1_000),
    target_ms=st.sampled_from([0.0, 20.0, 60.0, 300.0]),
    is_adaptive=st.booleans(),
    block=st.sampled_from([120, 240, 480, 1024]),
    burst=st.sampled_from([1, 4]),
)
@example(stalls=[(5763.0, 2218.0)], jitter=0.0, seed=0, target_ms=0.0, is_adaptive=False, block=120, burst=1)
def test_in_complete_mode_nothing_is_skipped_whatever_the_arrivals_are(
    stalls: list[tuple[float, float]],
    jitter: float,
    seed: int,
    target_ms: float,
    is_adaptive: bool,
    block: int,
    burst: int,
) -> None:
    delays_ms = stalled(400, *stalls) + np.random.default_rng(seed).uniform(0, jitter, 400)
    packets = paced(400, delays_ms)
    bench = Bench.make(target_ms, max_depth_ms=20_000, is_adaptive=is_adaptive).send(packets)
    bench.run(packets[-1].arrival_ns / MS + 1, block, burst)
    bench.buffer.set_source_playing(False, bench.now_ns)
    # Idle it may be before that, too: what has come last is not begun yet.
    bench.run(bench.now_ms + 9_000, block, burst)
    counters = bench.buffer.counters()
    assert counters.skipped_samples == counters.packets_discarded == 0
    assert bench.buffer.state is PlayoutState.IDLE
    heard = np.sort(bench.media_ms[bench.is_received])
    # All packets are heard; only what is faded over, from one to the next sound 20 ms later, is not heard by itself.
    assert heard[0] <= 20
    assert np.diff(heard).max() <= 20
    assert heard[-1] == pytest.approx(400 * FRAME_MS, abs=CLOCK_ERROR_MS)
    played = counters.total_samples_received - counters.starved_samples
    changed = counters.inserted_samples_for_deceleration - counters.removed_samples_for_acceleration
    assert played == pytest.approx(400 * FRAME_MS * 48 + changed, rel=0.005)


@WHOLE_PLAYOUTS
@given(
    stalls=st.lists(st.tuples(st.floats(1_000, 6_000), st.floats(0, 2_500)), max_size=4),
    target_ms=st.sampled_from([0.0, 20.0, 60.0, 300.0]),
    bound_ms=st.sampled_from([40.0, 100.0, 400.0]),
    block=st.sampled_from([120, 240, 480, 1024]),
)
def test_in_live_mode_the_delay_is_bounded_half_a_second_after_every_stall(
    stalls: list[tuple[float, float]], target_ms: float, bound_ms: float, block: int
) -> None:
    delays_ms = stalled(500, *stalls)
    bench = Bench.make(target_ms, mode=PlayoutMode.LIVE, live_bound_ms=bound_ms).send(paced(500, delays_ms))
    bench.run(9_900, block)
    times, media = bench.times_ms, bench.media_ms
    is_calm = ~np.isnan(media)
    for began_ms, length_ms in stalls:
        is_calm &= (times < began_ms) | (times > began_ms + length_ms + 500)
    # A block is decided about whole, and a late one may be as late as the bound allows.
    assert (times - media)[is_calm].max() <= goal_ms(target_ms, block) + bound_ms + 2 * block / 48
