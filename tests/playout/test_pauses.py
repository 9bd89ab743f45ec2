"""Sources that pause, and such as send ahead of time: neither is lateness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opus.media import MediaPacket
from core.playout.pace import ABOVE_TARGET_MS
from core.playout.settings import PlayoutMode
from core.playout.states import PlayoutState
from tests.playout.bench import CLOCK_ERROR_MS, FRAME, FRAME_MS, MS, Bench, goal_ms, paced, packet_at
from tests.support.examples import WHOLE_PLAYOUTS

NEAR_MS = ABOVE_TARGET_MS + CLOCK_ERROR_MS
ONE_SPLICE_MS = 20


def is_heard_whole(bench: Bench, since_ms: float, until_ms: float) -> bool:
    """Whether all media time between these was heard, but for what a cross-fade mixes."""
    media = bench.media_ms[bench.is_received]
    heard = np.sort(media[(media >= since_ms) & (media <= until_ms)])
    ends = np.concatenate(([since_ms], heard, [until_ms]))
    return bool(np.diff(ends).max() <= 20 + CLOCK_ERROR_MS)


def test_while_the_source_is_known_to_pause_a_dry_ring_is_no_underrun() -> None:
    bench = Bench.make(60).send(paced(50)).run(1_000)
    bench.buffer.set_source_playing(False, bench.now_ns)
    bench.run(3_000)
    assert bench.buffer.counters().underrun_episodes == 0
    assert bench.buffer.state is PlayoutState.IDLE
    bench.buffer.set_source_playing(True, bench.now_ns)
    bench.send(packet_at(1_000 + i * 20, 3_000 + i * 20) for i in range(250)).run(7_900)
    assert bench.buffer.counters().underrun_episodes == 0
    # The media times went on from before, so they stood still for two seconds that no packet is late by.
    assert np.abs(bench.delays_ms(5_000) - 2_000 - goal_ms(60)).max() <= NEAR_MS


@pytest.mark.parametrize("pause_s", [1, 2, 4, 7])
@pytest.mark.parametrize("mode", PlayoutMode)
@pytest.mark.parametrize("is_adaptive", [False, True])
def test_a_pause_on_a_bare_stream_is_neither_caught_up_with_nor_skipped(
    pause_s: float, mode: PlayoutMode, is_adaptive: bool
) -> None:
    pause_ms = pause_s * 1_000
    packets = paced(200) + [packet_at(i * 20, i * 20 + pause_ms) for i in range(200, 700)]
    bench = Bench.make(60, mode=mode, is_adaptive=is_adaptive).send(packets).run(4_000)
    before = bench.buffer.counters()
    target_ms = bench.buffer.target_delay_ms
    bench.run(13_900 + pause_ms)
    after = bench.buffer.counters()
    assert after.skipped_samples == 0
    assert after.removed_samples_for_acceleration - before.removed_samples_for_acceleration <= ONE_SPLICE_MS * 48
    # Nobody told that it would pause: one dropout. What came then came evenly, so it is no reason to wait longer.
    assert after.underrun_episodes == 1
    assert np.abs(bench.delays_ms(6_000 + pause_ms) - pause_ms - goal_ms(60 if not is_adaptive else 5)).max() <= 20
    assert bench.buffer.target_delay_ms <= target_ms
    assert is_heard_whole(bench, 0, 12_000)


@pytest.mark.parametrize("pause_s", [0.5, 1, 2, 7])
def test_utterances_that_are_sent_ahead_are_heard_whole(pause_s: float) -> None:
    packets: list[MediaPacket] = []
    for utterance in range(4):
        began_ms = utterance * (5_000 + pause_s * 1_000)
        # Five seconds of speech within 100 ms, as a speech synthesiser's server sends it.
        packets += [packet_at(utterance * 5_000 + i * 20, began_ms + i * 0.4) for i in range(250)]
    bench = Bench.make(60).send(packets).run(4 * (5_000 + pause_s * 1_000) + 200)
    assert bench.buffer.counters().skipped_samples == 0
    assert is_heard_whole(bench, 0, 20_000)


@pytest.mark.parametrize("pause_s", [0.5, 1, 2, 7])
def test_utterances_that_are_sent_ahead_are_played_at_their_own_pace(pause_s: float) -> None:
    packets: list[MediaPacket] = []
    for utterance in range(4):
        began_ms = utterance * (5_000 + pause_s * 1_000)
        packets += [packet_at(utterance * 5_000 + i * 20, began_ms + i * 0.4) for i in range(250)]
    counters = Bench.make(60).send(packets).run(4 * (5_000 + pause_s * 1_000) + 200).buffer.counters()
    # But for one splice while each burst comes: what a stall of up to half a second holds back looks alike at first.
    assert counters.removed_samples_for_acceleration <= 4 * 20 * 48
    assert counters.underrun_episodes <= 4


def ahead_by(lead_ms: float, count: int) -> list[MediaPacket]:
    """All that a server has for the next while comes at once, then it goes on at its pace."""
    return [packet_at(i * FRAME_MS, max(i * 0.05, i * FRAME_MS - lead_ms)) for i in range(count)]


@pytest.mark.parametrize("lead_ms", [700, 2_000, 5_000, 9_000])
def test_in_complete_mode_what_a_server_sends_ahead_is_kept(lead_ms: float) -> None:
    bench = Bench.make(60).send(ahead_by(lead_ms, 1_000)).run(9_900)
    counters = bench.buffer.counters()
    assert counters.skipped_samples == counters.removed_samples_for_acceleration == counters.underrun_episodes == 0
    assert bench.depths_ms[-1] == pytest.approx(lead_ms, abs=60 + 2 * FRAME_MS)


@pytest.mark.parametrize("lead_ms", [700, 2_000, 5_000])
def test_what_was_kept_bridges_a_stall_of_its_length(lead_ms: float) -> None:
    packets = ahead_by(lead_ms, 1_000)
    stall_end_ns = round((4_000 + 0.9 * lead_ms) * MS)
    held = [
        MediaPacket(p.payload, stall_end_ns if 4_000 * MS <= p.arrival_ns < stall_end_ns else p.arrival_ns)
        for p in packets
    ]
    bench = Bench.make(60).send(held).run(12_000)
    assert bench.buffer.counters().underrun_episodes == 0
    assert bench.buffer.counters().skipped_samples == 0


@pytest.mark.parametrize("lead_ms", [200, 500, 2_000, 5_000])
def test_in_live_mode_what_was_sent_ahead_is_skipped_down_to_the_goal(lead_ms: float) -> None:
    bench = Bench.live(60).send(ahead_by(lead_ms, 600)).run(6_000)
    # Its newest packet is what was sent last; how late playout is counts from there.
    assert np.abs(bench.delays_ms(500) + lead_ms - goal_ms(60)).max() <= 20
    assert bench.depths_ms[-1] <= 60 + 2 * FRAME_MS


@pytest.mark.parametrize("lead_ms", [200, 500])
def test_a_backlog_of_up_to_half_a_second_at_the_start_is_caught_up_with_in_complete_mode(lead_ms: float) -> None:
    bench = Bench.make(60).send(ahead_by(lead_ms, 1_000)).run(9_000)
    assert bench.buffer.counters().skipped_samples == 0
    assert np.abs(bench.delays_ms(4_000) + lead_ms - goal_ms(60)).max() <= NEAR_MS


def test_a_server_that_sends_more_ahead_than_the_bound_is_held_within_it() -> None:
    bench = Bench.make(60, max_depth_ms=1_000).send(ahead_by(5_000, 800)).run(9_000)
    assert max(bench.depths_ms) <= 1_000
    assert bench.buffer.counters().underrun_episodes == 0
    assert bench.buffer.counters().packets_discarded == pytest.approx(200, abs=5)


def with_timestamps(spans_ms: list[tuple[float, float]]) -> list[MediaPacket]:
    """Packets in sequence whose media times leave out what lies between these spans."""
    times = [at for begin, end in spans_ms for at in np.arange(begin, end, FRAME_MS).tolist()]
    return [
        packet_at(at, at, sequence_number=number, media_timestamp=round(at * 48)) for number, at in enumerate(times)
    ]


@pytest.mark.parametrize("pause_s", [0.1, 0.5, 1, 7])
@pytest.mark.parametrize("mode", PlayoutMode)
def test_a_pause_in_the_timestamps_is_not_filled_with_invented_audio_and_shifts_nothing(
    pause_s: float, mode: PlayoutMode
) -> None:
    again_ms = 3_000 + pause_s * 1_000
    bench = Bench.make(60, mode=mode).send(with_timestamps([(0, 3_000), (again_ms, again_ms + 4_000)]))
    bench.run(again_ms + 3_900)
    counters = bench.buffer.counters()
    # All that is concealed is the time in which nothing was there.
    assert counters.concealed_samples == counters.starved_samples
    assert counters.skipped_samples == 0
    assert counters.packets_lost == 0
    assert np.abs(bench.delays_ms(again_ms + 2_000) - goal_ms(60)).max() <= NEAR_MS
    assert is_heard_whole(bench, again_ms, again_ms + 3_800)


def test_media_times_that_jump_without_time_passing_are_played_on_without_a_gap() -> None:
    packets = [
        packet_at(i * 20, i * 20, sequence_number=i, media_timestamp=i * FRAME + (i >= 50) * 500 * FRAME)
        for i in range(100)
    ]
    bench = Bench.make(60).send(packets).run(1_900)
    counters = bench.buffer.counters()
    assert counters.concealed_samples == counters.skipped_samples == 0
    assert bench.buffer.state is PlayoutState.PLAYING


def test_a_long_gap_in_sequence_is_filled_for_no_longer_than_60_ms() -> None:
    packets = [p for p in with_timestamps([(0, 6_000)]) if not 3_000 * MS <= p.arrival_ns < 3_500 * MS]
    bench = Bench.make(60).send(packets).run(5_900)
    counters = bench.buffer.counters()
    assert counters.packets_lost == 25
    assert counters.concealed_samples - counters.starved_samples == 60 * 48
    assert np.abs(bench.delays_ms(5_000) - goal_ms(60)).max() <= NEAR_MS
    assert bench.buffer.counters().skipped_samples == 0


@WHOLE_PLAYOUTS
@given(
    spans=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=4),
    dropped=st.sets(st.integers(0, 160), max_size=8),
    mode=st.sampled_from(PlayoutMode),
)
def test_timestamps_with_pauses_and_gaps_are_played_at_their_times(
    spans: list[tuple[int, int]], dropped: set[int], mode: PlayoutMode
) -> None:
    edges, at = [], 0.0
    for length, pause in [*spans, (150, 0)]:
        edges.append((at, at + length * FRAME_MS))
        at += (length + pause) * FRAME_MS
    last_ms = edges[-1][0]
    packets = [
        p for i, p in enumerate(with_timestamps(edges)) if i == 0 or i not in dropped or p.arrival_ns >= last_ms * MS
    ]
    bench = Bench.make(60, mode=mode).send(packets).run(last_ms + 2_900)
    # In live mode a lost packet between two pauses may look like delay for a moment.
    assert bench.buffer.counters().skipped_samples <= (100 * 48 if mode is PlayoutMode.LIVE else 0)
    # Never what has not come, and at its time once it has come evenly for two seconds.
    assert (np.array(bench.positions_ms) - np.array(bench.starts_ms)).max() <= FRAME_MS + CLOCK_ERROR_MS
    assert np.abs(bench.delays_ms(last_ms + 2_000) - goal_ms(60)).max() <= 20
