"""What the jitter buffer promises, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.opus.media import MediaPacket
from core.playout.jitter_buffer import JitterBuffer
from core.playout.states import PlayoutState
from core.playout.settings import PlayoutSettings, PlayoutSettingsError
from tests.playout.bench import BLOCK, CONCEALED, FRAME, Bench, CountingDecoder, counted_packet, paced

BLOCK_MS = BLOCK / 48


def paced_from(began_ms: float, count: int) -> list[MediaPacket]:
    return [counted_packet(i, began_ms + i * 20) for i in range(count)]


def test_before_the_first_packet_there_is_silence_and_no_underrun() -> None:
    bench = Bench.make().run(500)
    assert not bench.out.any()
    assert bench.buffer.counters().underrun_episodes == 0
    assert bench.buffer.state is PlayoutState.IDLE


@pytest.mark.parametrize("target_ms", [0, 20, 60, 200, 1000])
def test_a_packet_without_delay_is_played_after_the_target_delay(target_ms: float) -> None:
    bench = Bench.make(target_ms).send(paced(150)).run(2500)
    delays = [bench.played_at_ms(number) - number * 20 for number in range(20, 60)]
    assert min(delays) >= target_ms
    # One block more where the device asks between two packets.
    assert max(delays) <= target_ms + 2 * BLOCK_MS


def test_a_steady_stream_comes_out_without_gap_or_repeat() -> None:
    bench = Bench.make(60).send(paced(500)).run(9_000)
    heard = bench.out[np.flatnonzero(bench.out)[0] + FRAME :]
    assert (np.diff(heard) == 1).all()
    assert bench.buffer.counters().skipped_samples == 0


def test_jitter_below_the_target_is_not_heard() -> None:
    jitter_ms = np.random.default_rng(1).uniform(0, 55, 1000)
    bench = Bench.make(60).send(paced(1000, jitter_ms)).run(19_000)
    counters = bench.buffer.counters()
    assert counters.underrun_episodes == 0
    assert counters.concealed_samples == 0


def test_a_stall_longer_than_the_target_is_one_episode_of_its_excess() -> None:
    delays_ms = np.zeros(300)
    delays_ms[100:110] = 200 - np.arange(10) * 20  # nothing for 200 ms, then a burst, as TCP does
    bench = Bench.make(60).send(paced(300, delays_ms)).run(5_000)
    counters = bench.buffer.counters()
    assert counters.underrun_episodes == 1
    assert counters.starved_ms == pytest.approx(200 - 60, abs=2 * BLOCK_MS)
    [episode] = bench.buffer.take_interval().episodes
    assert episode.starved_ms == counters.starved_ms


def test_after_a_stall_playout_comes_back_to_the_target_delay() -> None:
    delays_ms = np.zeros(300)
    delays_ms[100:110] = 200 - np.arange(10) * 20
    bench = Bench.make(60).send(paced(300, delays_ms)).run(5_000)
    assert bench.played_at_ms(150) - 150 * 20 == pytest.approx(60, abs=10 + BLOCK_MS)


def test_a_burst_that_takes_its_time_is_cut_at_once_all_the_same() -> None:
    delays_ms = np.zeros(300)
    # 400 ms of nothing, then the packets come 2 ms apart: playout starts while they are still coming.
    delays_ms[100:120] = 400 - np.arange(20) * 18
    bench = Bench.make(60).send(paced(300, delays_ms)).run(2_000 + 400 + 40 + 20)
    # At once to within 50 ms, the rest when it has stood for a second.
    assert bench.buffer.depth_ms <= 60 + 20 + 50
    assert bench.run(3_700).buffer.depth_ms <= 60 + 20 + 10
    assert bench.buffer.counters().underrun_episodes == 1


def test_an_underrun_is_concealed_then_silent_then_cross_faded_back() -> None:
    delays_ms = np.zeros(200)
    delays_ms[100:] = 400
    bench = Bench.make(60).send(paced(200, delays_ms)).run(3_900)
    dry_at = (100 * 20 + 60) * 48
    starved = bench.out[dry_at + BLOCK : dry_at + 395 * 48]
    concealed = starved[: 90 * 48]
    assert concealed[0] == CONCEALED
    assert (np.diff(concealed) <= 0).all()
    assert not starved[110 * 48 : 300 * 48].any()
    counters = bench.buffer.counters()
    assert counters.concealed_samples - counters.silent_concealed_samples == 100 * 48


@pytest.mark.parametrize(("before_ms", "after_ms"), [(60, 200), (200, 60), (0, 1500), (1500, 0), (60, 65)])
def test_a_new_target_is_in_force_at_once_in_both_directions(before_ms: float, after_ms: float) -> None:
    bench = Bench.make(before_ms).send(paced(400)).run(3_000)
    bench.depth_ms(after_ms)
    bench.run(3_000 + max(0, after_ms - before_ms) + 20)
    change_at_ms = bench.now_ns / 1e6
    bench.run(7_500)
    number = int((change_at_ms - after_ms) // 20 + 2)
    assert bench.played_at_ms(number) - number * 20 == pytest.approx(after_ms, abs=2 * BLOCK_MS)
    assert bench.buffer.counters().underrun_episodes == 0


def test_raising_the_target_loses_no_audio() -> None:
    bench = Bench.make(60).send(paced(200)).run(1_500)
    bench.depth_ms(200)
    bench.run(3_900)
    heard = np.unique(bench.out)
    whole = heard[(heard >= FRAME) & (heard == np.round(heard))]
    missing = np.setdiff1d(np.arange(FRAME, 150 * FRAME), whole)
    # Only the 5 ms faded in again after the pause are scaled.
    assert len(missing) <= BLOCK
    assert bench.buffer.counters().skipped_samples == 0
    assert bench.buffer.counters().held_samples == pytest.approx(140 * 48, abs=2 * BLOCK)


def test_a_target_dragged_up_and_down_ends_where_it_was_left() -> None:
    bench = Bench.make(60).send(paced(500))
    for step, target_ms in enumerate([80, 120, 300, 310, 40, 500, 20, 90]):
        bench.run(1_000 + 30 * step)
        bench.depth_ms(target_ms)
    bench.run(4_000)
    assert bench.played_at_ms(170) - 170 * 20 == pytest.approx(90, abs=2 * BLOCK_MS)


def test_a_server_that_sends_seconds_ahead_is_held_at_the_target_and_within_the_bound() -> None:
    ahead = [counted_packet(i, max(0.0, i * 20.0 - 5_000)) for i in range(800)]
    bench = Bench.make(60, max_depth_ms=1_000).send(ahead).run(9_000)
    assert max(bench.depths_ms) <= 1_000
    assert bench.depths_ms[-1] == pytest.approx(60, abs=30)
    assert bench.buffer.counters().underrun_episodes == 0


def test_a_slow_server_underruns_now_and_then_and_is_counted() -> None:
    packets = [counted_packet(i, i * 21.0) for i in range(1_000)]  # 5 % slow, as sleep(0.02) paces
    bench = Bench.make(60).send(packets).run(20_900)
    counters = bench.buffer.counters()
    # 60 ms are used up in 60 / 0.05 ms; each refill waits for the target again.
    assert 10 <= counters.underrun_episodes <= 20
    assert counters.starved_ms == pytest.approx(20_900 * 0.05, rel=0.15)


def test_while_the_source_is_idle_a_dry_ring_is_no_underrun() -> None:
    bench = Bench.make(60).send(paced(50)).run(1_000)
    bench.buffer.set_source_playing(False, bench.now_ns)
    bench.run(3_000)
    assert bench.buffer.counters().underrun_episodes == 0
    assert bench.buffer.state is PlayoutState.IDLE
    bench.buffer.set_source_playing(True, bench.now_ns)
    bench.send([counted_packet(50 + i, 3_000 + i * 20) for i in range(50)]).run(3_900)
    assert bench.played_at_ms(60) - (3_000 + 10 * 20) == pytest.approx(60, abs=2 * BLOCK_MS)


def test_a_device_that_stalls_again_and_again_does_not_pile_up_delay() -> None:
    bench = Bench.make(60).send(paced(1_000)).run(1_000)
    for _ in range(40):
        bench.run(bench.now_ns / 1e6 + 150)
        bench.now_ns += 100_000_000  # the device does not ask for 100 ms
    bench.run(bench.now_ns / 1e6 + 300)
    assert max(bench.depths_ms) < 60 + 20 + 50 + 3 * 100
    assert bench.depths_ms[-1] < 60 + 20 + 50


@pytest.mark.parametrize("pause_s", [0.5, 1, 2, 7])
def test_utterances_that_are_sent_ahead_are_heard_whole(pause_s: float) -> None:
    packets = []
    for utterance in range(4):
        began_ms = utterance * (5_000 + pause_s * 1_000)
        # Five seconds of speech within 100 ms, as a speech synthesiser's server sends it.
        packets += [counted_packet(utterance * 250 + i, began_ms + i * 0.4) for i in range(250)]
    bench = Bench.make(60).send(packets).run(4 * (5_000 + pause_s * 1_000) + 200)
    assert bench.buffer.counters().skipped_samples == 0
    assert bench.out.max() == 1_000 * FRAME


@pytest.mark.parametrize(("target_ms", "burst"), [(0, 9), (40, 20), (60, 80), (20, 4)])
def test_a_device_that_asks_for_a_lot_at_once_gets_it(target_ms: float, burst: int) -> None:
    bench = Bench.make(target_ms).send(paced(1_000)).run(8_000, burst=burst)
    before = bench.buffer.counters()
    bench.run(19_000, burst=burst)
    after = bench.buffer.counters()
    assert after.starved_samples == before.starved_samples
    assert after.skipped_samples == before.skipped_samples


def test_the_buffer_that_a_device_fills_at_its_start_is_not_asked_for_again() -> None:
    bench = Bench.make(60).run(1, burst=40)  # 200 ms at once, then 20 ms each
    bench.now_ns = 30_000_000
    bench.run(500, burst=4)
    bench.send(paced_from(500, 400)).run(7_000, burst=4)
    assert bench.buffer.counters().skipped_samples == 0
    assert max(bench.depths_ms[-100:]) <= 60 + 2 * 20 + BLOCK_MS


@pytest.mark.parametrize("burst", [1, 4])
def test_garbage_does_not_shift_the_delay(burst: int) -> None:
    packets = paced(400)
    packets[100] = MediaPacket(b"\xff", packets[100].arrival_ns)
    bench = Bench.make(60).send(packets).run(7_900, burst=burst)
    assert bench.buffer.counters().skipped_samples == 0
    assert bench.played_at_ms(300) == bench.played_at_ms(50) + 250 * 20


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
    assert bench.out.max() == 10 * FRAME
    assert bench.buffer.counters().underrun_episodes == 0


def test_missing_sequence_numbers_are_concealed_in_their_length() -> None:
    packets = [
        counted_packet(i, i * 20.0, sequence_number=i, media_timestamp=i * FRAME)
        for i in range(100)
        if i not in (50, 51)
    ]
    bench = Bench.make(60).send(packets).run(1_900)
    counters = bench.buffer.counters()
    assert counters.packets_lost == 2
    assert counters.concealed_samples == 2 * FRAME
    assert (bench.out == CONCEALED).sum() == 2 * FRAME
    assert counters.underrun_episodes == 0
    assert bench.played_at_ms(60) - 60 * 20 == pytest.approx(60, abs=2 * BLOCK_MS)


def test_duplicates_and_stragglers_are_discarded() -> None:
    packets = [counted_packet(n, 20.0 * i, sequence_number=n) for i, n in enumerate([0, 1, 1, 2, 0, 3])]
    bench = Bench.make(0).send(packets).run(200)
    assert bench.buffer.counters().packets_discarded == 2
    assert bench.out.max() == 4 * FRAME


def test_a_pause_of_the_source_in_its_timestamps_is_not_filled_with_invented_audio() -> None:
    packets = [counted_packet(i, i * 20.0, sequence_number=i, media_timestamp=i * FRAME) for i in range(50)]
    packets += [
        counted_packet(i, i * 20.0, sequence_number=i, media_timestamp=(i + 500) * FRAME) for i in range(50, 100)
    ]
    bench = Bench.make(60).send(packets).run(1_900)
    assert bench.buffer.counters().concealed_samples == 0


@pytest.mark.parametrize("garbage", [b"", b"\xff\x00", bytes([3]), bytes([31 << 3 | 3, 0])])
def test_garbage_is_counted_concealed_and_survived(garbage: bytes) -> None:
    packets = paced(100)
    packets[50] = MediaPacket(garbage, packets[50].arrival_ns)
    bench = Bench.make(60).send(packets).run(1_900)
    counters = bench.buffer.counters()
    assert counters.packets_malformed == 1
    assert counters.concealed_samples == FRAME
    assert counters.underrun_episodes == 0
    assert bench.out.max() > 80 * FRAME


def test_a_new_connection_resets_the_decoder_and_plays_out_what_was_left() -> None:
    decoder = CountingDecoder()
    bench = Bench(JitterBuffer(PlayoutSettings(60), decoder))  # type: ignore[arg-type]
    bench.send(paced(50)).run(1_000)
    bench.buffer.begin_stream()
    bench.send([counted_packet(1_000 + i, 1_500 + 20 * i) for i in range(50)]).run(2_400)
    assert decoder.resets == 1
    assert bench.played_at_ms(49) < 1_100
    assert bench.played_at_ms(1_010) - (1_500 + 200) == pytest.approx(60, abs=2 * BLOCK_MS)
    assert bench.buffer.counters().underrun_episodes == 1


def test_wrong_depths_are_refused_with_what_would_be_accepted() -> None:
    with pytest.raises(PlayoutSettingsError, match="accepted: 0 to"):
        PlayoutSettings(-1)
    with pytest.raises(PlayoutSettingsError, match="accepted: 0 to 760"):
        PlayoutSettings(900, max_depth_ms=1_000)
    with pytest.raises(PlayoutSettingsError, match="240 ms or more"):
        PlayoutSettings(0, max_depth_ms=100)
    buffer = JitterBuffer(PlayoutSettings(60), CountingDecoder())  # type: ignore[arg-type]
    with pytest.raises(PlayoutSettingsError, match="was fixed"):
        buffer.configure(PlayoutSettings(70, max_depth_ms=2_000), 0)
    assert buffer.settings.target_delay_ms == 60


arrivals = st.lists(st.floats(0, 400), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(
    gaps_ms=arrivals,
    target_ms=st.sampled_from([0.0, 5.0, 60.0, 500.0, 760.0]),
    block=st.sampled_from([48, 64, 240, 256, 1024]),
    changes=st.lists(st.tuples(st.floats(0, 3_000), st.floats(0, 760)), max_size=5),
    junk=st.sets(st.integers(0, 59)),
)
def test_whatever_comes_samples_out_are_samples_asked_and_the_bound_holds(
    gaps_ms: list[float], target_ms: float, block: int, changes: list[tuple[float, float]], junk: set[int]
) -> None:
    bench = Bench.make(target_ms, max_depth_ms=1_000)
    at_ms = np.cumsum(gaps_ms)
    end_ms = min(float(at_ms[-1]) + 200, 4_000.0)
    bench.send(
        MediaPacket(b"\xff", round(t * 1e6)) if i in junk else counted_packet(i, float(t)) for i, t in enumerate(at_ms)
    )
    for change_ms, wanted_ms in sorted(changes):
        bench.run(min(change_ms, end_ms), block)
        bench.depth_ms(wanted_ms)
    bench.run(end_ms, block)
    assert max(bench.depths_ms) <= 1_000
    out = bench.out
    assert len(out) == len(bench.blocks) * block
    assert np.isfinite(out).all()
    # Whatever sounds was put in (or lies between two things put in, where they are cross-faded).
    assert out.min() >= 0
    assert out.max() <= len(gaps_ms) * FRAME
    counters = bench.buffer.counters()
    assert counters.starved_samples <= counters.concealed_samples <= counters.total_samples_received + 60 * FRAME


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 60), min_size=50, max_size=120))
def test_in_order_arrivals_never_come_out_of_order(delays_ms: list[float]) -> None:
    bench = Bench.make(40).send(paced(len(delays_ms), delays_ms)).run(len(delays_ms) * 20)
    out = bench.out
    # Two neighbours one apart are untouched audio; inside a cross-fade they are not.
    real = out[:-1][(np.diff(out) == 1) & (out[:-1] == np.round(out[:-1]))]
    assert (np.diff(real) > 0).all()
