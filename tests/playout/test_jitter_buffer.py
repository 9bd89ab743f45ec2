"""What the jitter buffer promises for an ordinary stream and for every other one, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opus.media import MediaPacket
from core.playout.jitter_buffer import JitterBuffer
from core.playout.pace import ABOVE_TARGET_MS
from core.playout.settings import PlayoutMode, PlayoutSettings, PlayoutSettingsError
from core.playout.states import PlayoutState
from tests.playout.bench import (
    BLOCK,
    BLOCK_MS,
    CELT,
    CLOCK_ERROR_MS,
    CONCEALED,
    FRAME,
    FRAME_MS,
    MS,
    TICK,
    Bench,
    ClockDecoder,
    goal_ms,
    paced,
    packet_at,
)
from tests.support.examples import WHOLE_PLAYOUTS


def test_before_the_first_packet_there_is_silence_and_no_underrun() -> None:
    bench = Bench.make().run(500)
    assert not bench.out.any()
    assert bench.buffer.counters().underrun_episodes == 0
    assert bench.buffer.state is PlayoutState.IDLE


@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20])
@pytest.mark.parametrize("target_ms", [0, 20, 60, 200, 1000])
def test_a_packet_without_delay_is_played_after_the_target_delay(target_ms: float, frame_ms: float) -> None:
    bench = Bench.make(target_ms).send(paced(round(3_000 / frame_ms), frame_ms=frame_ms)).run(2_500)
    delays = bench.delays_ms(target_ms + 20)
    assert delays.min() >= target_ms - 0.001
    # The device asks between two packets, and playout starts with the block that is nearest to the goal.
    assert delays.max() <= goal_ms(target_ms) + BLOCK_MS / 2 + 0.001
    assert bench.buffer.counters().underrun_episodes == 0


@pytest.mark.parametrize("block", [64, 240, 480, 960, 1024])
def test_playout_is_half_a_device_block_later_than_the_target(block: int) -> None:
    bench = Bench.make(60).send(paced(1_000)).run(19_000, block)
    # Resampling leaves an error of up to 3 ms alone, and brings a larger one down to half a millisecond within some
    # seconds; the clocks are the same, so it stays as it is then.
    assert bench.delay_ms(18_000) == pytest.approx(goal_ms(60, block), abs=3 + CLOCK_ERROR_MS)


def test_a_steady_stream_comes_out_sample_for_sample() -> None:
    bench = Bench.make(60).send(paced(500)).run(9_000)
    heard = bench.left[np.flatnonzero(bench.is_received)[0] + FRAME :]
    assert (np.diff(heard) == np.float32(TICK)).all()
    counters = bench.buffer.counters()
    assert counters.inserted_samples_for_deceleration == counters.removed_samples_for_acceleration == 0
    assert counters.skipped_samples == counters.concealed_samples == 0


def test_the_media_position_is_what_is_heard() -> None:
    jitter_ms = np.random.default_rng(2).exponential(40, 500)
    bench = Bench.make(60).send(paced(500, jitter_ms)).run(9_000)
    heard = np.array([block[-1, 0] for block in bench.blocks])
    is_received = np.array([(block[:, 1] == 1).all() for block in bench.blocks])
    media_ms = (heard[is_received].astype(np.float64) - 0.5) / TICK / 48
    # At a splice, which is no longer than 20 ms, two moments sound at once.
    assert np.abs(np.array(bench.positions_ms)[is_received] - media_ms).max() <= 20 + CLOCK_ERROR_MS
    assert np.median(np.abs(np.array(bench.positions_ms)[is_received] - media_ms)) <= CLOCK_ERROR_MS


def test_jitter_below_the_target_is_not_heard() -> None:
    jitter_ms = np.random.default_rng(1).uniform(0, 55, 1000)
    counters = Bench.make(60).send(paced(1000, jitter_ms)).run(19_000).buffer.counters()
    assert counters.underrun_episodes == 0
    assert counters.concealed_samples == 0


def test_missing_sequence_numbers_are_concealed_in_their_length() -> None:
    packets = [
        packet_at(i * FRAME_MS, i * FRAME_MS, sequence_number=i, media_timestamp=i * FRAME)
        for i in range(150)
        if i not in (50, 51)
    ]
    bench = Bench.make(60).send(packets).run(2_900)
    counters = bench.buffer.counters()
    assert counters.packets_lost == 2
    assert counters.concealed_samples == 2 * FRAME
    assert counters.underrun_episodes == 0
    # Nobody knows that they were left out before the next one comes: until then playout slows down as in a stall.
    inserted, removed = counters.inserted_samples_for_deceleration, counters.removed_samples_for_acceleration
    concealed = np.isclose(bench.left, CONCEALED, atol=1e-6).sum()
    assert 2 * FRAME - BLOCK <= concealed <= 2 * FRAME + inserted
    assert -removed / 48 <= bench.heard_at_ms(52 * 20) - bench.heard_at_ms(49 * 20) - 60 <= inserted / 48
    assert bench.delay_ms(2_800) == pytest.approx(goal_ms(60), abs=ABOVE_TARGET_MS)


def test_duplicates_and_stragglers_are_discarded() -> None:
    packets = [packet_at(n * 20, 20 * i, sequence_number=n) for i, n in enumerate([0, 1, 1, 2, 0, 3])]
    bench = Bench.make(0).send(packets).run(200)
    assert bench.buffer.counters().packets_discarded == 2
    heard = bench.media_ms[bench.is_received]
    assert np.diff(heard).min() >= -20 - CLOCK_ERROR_MS
    assert heard.max() == pytest.approx(80, abs=CLOCK_ERROR_MS)


@pytest.mark.parametrize("garbage", [b"", b"\xff\x00", bytes([3]), bytes([31 << 3 | 3, 0])])
@pytest.mark.parametrize("burst", [1, 4])
def test_garbage_is_counted_concealed_and_does_not_shift_the_delay(garbage: bytes, burst: int) -> None:
    packets = paced(400)
    packets[100] = MediaPacket(garbage, packets[100].arrival_ns)
    bench = Bench.make(60).send(packets).run(7_900, burst=burst)
    counters = bench.buffer.counters()
    assert counters.packets_malformed == 1
    assert counters.concealed_samples == FRAME
    assert counters.underrun_episodes == counters.skipped_samples == 0
    assert np.isclose(bench.left, CONCEALED, atol=1e-6).sum() == FRAME
    assert bench.heard_at_ms(101 * 20) - bench.heard_at_ms(99 * 20) == pytest.approx(40, abs=CLOCK_ERROR_MS)


def test_a_new_connection_resets_the_decoder_and_plays_out_what_was_left() -> None:
    decoder = ClockDecoder()
    bench = Bench(JitterBuffer(PlayoutSettings(60), decoder))  # type: ignore[arg-type]
    bench.send(paced(50)).run(1_000)
    bench.buffer.begin_stream()
    bench.send(packet_at(20_000 + i * 20, 1_500 + i * 20) for i in range(100)).run(2_400)
    assert decoder.resets == 1
    assert bench.heard_at_ms(49 * 20 + 19) < 1_100
    assert bench.buffer.counters().underrun_episodes == 1
    # As at the first start: the target first, then sound that needs no correction.
    assert bench.heard_at_ms(20_000) - 1_500 == pytest.approx(goal_ms(60), abs=BLOCK_MS)
    assert bench.buffer.counters().inserted_samples_for_deceleration == 0


def test_a_new_connection_that_follows_without_a_pause_is_no_underrun_and_leaves_none_to_be_waited_out() -> None:
    bench = Bench.make(60).send(paced(100)).run(1_990)
    bench.buffer.begin_stream()
    bench.send(packet_at(50_000 + i * 20, 2_000 + i * 20) for i in range(500)).run(8_000)
    assert bench.buffer.counters().underrun_episodes == 0
    assert bench.heard_at_ms(50_000) - 2_000 == pytest.approx(65, abs=2 * BLOCK_MS)


def test_a_stream_that_ends_while_it_fills_again_comes_to_its_end() -> None:
    bench = Bench.make(500).send(paced(10)).run(150)
    bench.buffer.begin_stream()
    bench.buffer.set_source_playing(False, bench.now_ns)
    bench.run(600)
    assert bench.buffer.state is PlayoutState.IDLE


def test_what_is_left_when_the_source_ends_is_played_to_the_end() -> None:
    bench = Bench.make(500).send(paced(10)).run(210)
    bench.buffer.set_source_playing(False, bench.now_ns)
    bench.run(600)
    assert np.nanmax(bench.media_ms) == pytest.approx(200, abs=CLOCK_ERROR_MS)
    assert bench.buffer.counters().underrun_episodes == 0


def test_wrong_depths_are_refused_with_what_would_be_accepted() -> None:
    with pytest.raises(PlayoutSettingsError, match="accepted: 0 to"):
        PlayoutSettings(-1)
    with pytest.raises(PlayoutSettingsError, match="accepted: 0 to 500"):
        PlayoutSettings(501, max_depth_ms=1_000)
    with pytest.raises(PlayoutSettingsError, match="480 ms or more"):
        PlayoutSettings(0, max_depth_ms=100)
    with pytest.raises(PlayoutSettingsError, match=r"a bias of 0.5 .*accepted: 1 to 5000"):
        PlayoutSettings(bias_ms_per_pct=0.5)
    with pytest.raises(PlayoutSettingsError, match=r"a smallest target of 300 .*accepted: 0 to 200"):
        PlayoutSettings(min_target_ms=300, max_target_ms=200)
    with pytest.raises(PlayoutSettingsError, match="a live bound of nan"):
        PlayoutSettings(live_bound_ms=float("nan"))
    buffer = JitterBuffer(PlayoutSettings(60), ClockDecoder())  # type: ignore[arg-type]
    with pytest.raises(PlayoutSettingsError, match="was fixed"):
        buffer.configure(PlayoutSettings(70, max_depth_ms=2_000), 0)
    assert buffer.settings.target_delay_ms == buffer.target_delay_ms == 60


gaps = st.lists(st.floats(0, 400), min_size=1, max_size=60)


@WHOLE_PLAYOUTS
@given(
    gaps_ms=gaps,
    mode=st.sampled_from(PlayoutMode),
    is_adaptive=st.booleans(),
    target_ms=st.sampled_from([0.0, 5.0, 60.0, 500.0]),
    frame_ms=st.sampled_from(list(CELT)),
    block=st.sampled_from([48, 64, 240, 256, 1024]),
    burst=st.sampled_from([1, 4, 9]),
    changes=st.lists(st.tuples(st.floats(0, 3_000), st.floats(0, 500)), max_size=5),
    junk=st.sets(st.integers(0, 59)),
)
def test_whatever_comes_samples_out_are_samples_asked_and_the_bound_holds(
    gaps_ms: list[float],
    mode: PlayoutMode,
    is_adaptive: bool,
    target_ms: float,
    frame_ms: float,
    block: int,
    burst: int,
    changes: list[tuple[float, float]],
    junk: set[int],
) -> None:
    bench = Bench.make(target_ms, max_depth_ms=1_000, mode=mode, is_adaptive=is_adaptive)
    at_ms = np.cumsum(gaps_ms)
    end_ms = min(float(at_ms[-1]) + 200, 4_000.0)
    bench.send(
        MediaPacket(b"\xff", round(at * MS)) if i in junk else packet_at(i * frame_ms, float(at), frame_ms)
        for i, at in enumerate(at_ms)
    )
    for change_ms, wanted_ms in sorted(changes):
        bench.run(min(change_ms, end_ms), block, burst)
        bench.set_target(wanted_ms)
    bench.run(end_ms, block, burst)
    assert max(bench.depths_ms) <= 1_000
    out = bench.out
    assert len(out) == len(bench.blocks) * block
    assert np.isfinite(out).all()
    # Interpolating rings where the stand-in's sound is a step.
    assert np.abs(out).max() <= 1.5
    media_ms = bench.media_ms
    # Whatever sounds was put in, or lies between two things put in, where they are cross-faded.
    assert np.nanmax(media_ms, initial=0) <= len(gaps_ms) * frame_ms + CLOCK_ERROR_MS
    assert np.nanmin(media_ms, initial=0) >= -CLOCK_ERROR_MS
    counters = bench.buffer.counters()
    put_in = len(gaps_ms) * FRAME + counters.inserted_samples_for_deceleration
    played = counters.total_samples_received - counters.starved_samples
    left_out = counters.skipped_samples + counters.removed_samples_for_acceleration
    assert counters.starved_samples <= counters.concealed_samples
    assert played <= put_in * 1.005 + BLOCK
    assert counters.total_samples_received <= len(out)
    assert left_out <= put_in


@WHOLE_PLAYOUTS
@given(
    st.lists(st.floats(0, 60) | st.floats(0, 600), min_size=50, max_size=120),
    st.sampled_from(PlayoutMode),
    st.sampled_from([0.0, 40.0, 200.0]),
)
def test_playout_goes_back_by_no_more_than_what_was_put_in(
    delays_ms: list[float], mode: PlayoutMode, target_ms: float
) -> None:
    bench = Bench.make(target_ms, mode=mode).send(paced(len(delays_ms), delays_ms)).run(len(delays_ms) * 20 + 500)
    positions = np.array(bench.positions_ms)
    counters = bench.buffer.counters()
    inserted_ms = counters.inserted_samples_for_deceleration / 48
    # What is put in is what was heard last, which lies before what was just skipped.
    turned_back_ms = inserted_ms + counters.skipped_samples / 48
    falls = -np.minimum(np.diff(positions), 0)
    # One splice for each block, a pause or some periods long, less the block that was played meanwhile.
    assert falls.max() <= 20
    assert falls.sum() <= inserted_ms + CLOCK_ERROR_MS
    heard = bench.media_ms[bench.is_received]
    assert (heard >= np.maximum.accumulate(heard) - turned_back_ms - CLOCK_ERROR_MS).all()
