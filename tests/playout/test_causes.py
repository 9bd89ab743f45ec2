"""Every underrun has a cause, and it is the right one."""

from __future__ import annotations

import pytest

from core.opus.media import MediaPacket
from core.playout.cause import UnderrunCause
from core.playout.figures import UnderrunEpisode
from tests.playout.bench import FRAME, MS, Bench, paced, packet_at, stalled


def only_episode(bench: Bench) -> UnderrunEpisode:
    [episode] = bench.buffer.take_interval().episodes
    return episode


@pytest.mark.parametrize("stall_ms", [150, 400, 3_000])
def test_packets_that_came_late_for_no_other_reason_are_the_network(stall_ms: float) -> None:
    bench = Bench.make(60).send(paced(400, stalled(400, (2_000, stall_ms)))).run(7_000)
    assert only_episode(bench).cause is UnderrunCause.NETWORK


@pytest.mark.parametrize("dropped", [8, 20, 100])
@pytest.mark.parametrize("has_timestamps", [False, True])
def test_sequence_numbers_that_were_left_out_are_the_server(dropped: int, has_timestamps: bool) -> None:
    packets = []
    for i in range(500):
        known = {"sequence_number": i} | ({"media_timestamp": i * FRAME} if has_timestamps else {})
        if not 100 <= i < 100 + dropped:
            packets.append(packet_at(i * 20, i * 20, **known))
    bench = Bench.make(60).send(packets).run(9_000)
    assert only_episode(bench).cause is UnderrunCause.SERVER
    assert bench.buffer.counters().packets_lost == dropped


def test_a_single_packet_that_was_left_out_does_not_excuse_a_long_stall() -> None:
    packets = [
        MediaPacket(p.payload, p.arrival_ns, sequence_number=i)
        for i, p in enumerate(paced(400, stalled(400, (2_000, 500))))
        if i != 110
    ]
    assert only_episode(Bench.make(60).send(packets).run(7_000)).cause is UnderrunCause.NETWORK


def test_an_event_loop_that_did_not_run_is_the_interpreter_even_if_it_tells_so_afterwards() -> None:
    bench = Bench.make(60).send(paced(400, stalled(400, (2_000, 400)))).run(4_000)
    bench.buffer.note_loop_stall(2_000 * MS, 2_400 * MS)
    assert only_episode(bench).cause is UnderrunCause.INTERPRETER


@pytest.mark.parametrize(("began_ms", "ended_ms"), [(1_000, 1_500), (2_000, 2_150), (2_500, 3_000)])
def test_an_event_loop_that_did_not_run_at_another_time_is_not_to_blame(began_ms: int, ended_ms: int) -> None:
    bench = Bench.make(60).send(paced(400, stalled(400, (2_000, 400)))).run(4_000)
    bench.buffer.note_loop_stall(began_ms * MS, ended_ms * MS)
    assert only_episode(bench).cause is UnderrunCause.NETWORK


def test_a_device_that_asks_for_more_than_ever_is_to_blame_itself() -> None:
    bench = Bench.make(60).send(paced(400)).run(3_000)
    bench.run(3_001, burst=40)
    bench.run(6_000)
    assert only_episode(bench).cause is UnderrunCause.DEVICE


@pytest.mark.parametrize("told_ms", [1_800, 2_040])
def test_an_xrun_shortly_before_a_short_episode_is_the_device(told_ms: int) -> None:
    # The network is late as well, but by less than what the device lost.
    bench = Bench.make(60).send(paced(400, stalled(400, (2_000, 60)))).run(2_040)
    bench.buffer.note_device_xrun(told_ms * MS)
    bench.run(2_041, burst=30)
    bench.run(6_000)
    assert only_episode(bench).cause is UnderrunCause.DEVICE


def test_an_xrun_long_ago_does_not_excuse_the_network() -> None:
    bench = Bench.make(60)
    bench.buffer.note_device_xrun(1_000 * MS)
    bench.send(paced(400, stalled(400, (2_000, 400)))).run(4_000)
    assert only_episode(bench).cause is UnderrunCause.NETWORK


def test_packets_that_cannot_be_decoded_are_the_decoder() -> None:
    # Of 60 ms each; for want of better knowledge they count for the 20 ms of the one before.
    packets = paced(100) + [MediaPacket(b"\xff", (2_000 + i * 60) * MS) for i in range(10)]
    packets += [packet_at(2_600 + i * 20, 2_600 + i * 20) for i in range(100)]
    bench = Bench.make(20).send(packets).run(4_000)
    episodes = bench.buffer.take_interval().episodes
    assert len(episodes) >= 3
    assert {episode.cause for episode in episodes[:-1]} == {UnderrunCause.DECODER}


def test_an_episode_that_lasts_is_counted_and_told_with_its_cause_when_it_is_over() -> None:
    bench = Bench.make(60).send(paced(400, stalled(400, (2_000, 2_000)))).run(3_000)
    interval = bench.buffer.take_interval()
    assert interval.episodes_begun == bench.buffer.counters().underrun_episodes == 1
    assert interval.episodes == ()
    bench.run(5_000)
    interval = bench.buffer.take_interval()
    assert interval.episodes_begun == 0
    assert len(interval.episodes) == 1
