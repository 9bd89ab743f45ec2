"""A capture in place of a server: the session hears the same, at the same distances, and tells the same of it."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from core.analysis.observation import Closed, Connected, Connecting, Observation, ObserverStall, Received, RoundTrip
from core.monitor.monitor import Monitor
from core.opus.media import MediaPacket
from core.playout.cause import UnderrunCause
from core.playout.settings import PlayoutSettings
from core.receiver.impairment.text import parse_impairment
from core.receiver.options import ListenOptions
from core.receiver.replay import Replay, replay_options
from core.receiver.session import ListeningSession
from core.receiver.status import ConnectionState
from core.recording.capture_reader import open_capture
from core.recording.capture_writer import CaptureWriter
from tests.receiver.harness import opus_packets, send_paced, serving
from tests.recording.real_captures import WHOLE, RealCapture
from tests.recording.transcripts import MS, stream

QUIET = ListenOptions("ws://127.0.0.1:9/", output="null", playout=PlayoutSettings(60))


class Listener:
    """A session on a capture, and what it told."""

    def __init__(self, path: Path, options: ListenOptions = QUIET) -> None:
        self.replay = Replay(open_capture(path))
        self.session = ListeningSession(replay_options(options, self.replay), Monitor())
        self.told: list[Observation] = []
        self.session.observe(self.told.append)

    async def hear_all(self, within_s: float = 20.0) -> Listener:
        await asyncio.wait_for(self.session.run(), within_s)
        return self

    @property
    def packets(self) -> list[MediaPacket]:
        return packets_of(self.told)


def packets_of(seen: list[Observation]) -> list[MediaPacket]:
    return [each.event for each in seen if isinstance(each, Received) and isinstance(each.event, MediaPacket)]


def written(path: Path, seen: list[Observation]) -> Path:
    with CaptureWriter(path) as writer:
        for each in seen:
            writer.take(each)
    return path


def distances_ns(packets: list[MediaPacket]) -> list[int]:
    return [later.arrival_ns - earlier.arrival_ns for earlier, later in itertools.pairwise(packets)]


async def test_what_a_session_tells_live_is_captured_and_told_again(tmp_path: Path) -> None:
    async def server(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(50))
        await connection.close(1000, "the end")

    live: list[Observation] = []
    async with serving(server) as url:
        session = ListeningSession(replace(QUIET, url=url), Monitor())
        session.observe(live.append)
        await asyncio.wait_for(session.run(), 10)
    assert [type(each) for each in live[:2]] == [Connecting, Connected]
    assert isinstance(live[-1], Closed)
    assert (live[-1].code, live[-1].reason) == (1000, "the end")
    assert any(isinstance(each, RoundTrip) for each in live)
    path = written(tmp_path / "a.pcapng", live)
    assert list(open_capture(path).observations()) == live
    again = await Listener(path).hear_all()
    assert [packet.payload for packet in again.packets] == [packet.payload for packet in packets_of(live)]
    assert distances_ns(again.packets) == distances_ns(packets_of(live))
    assert isinstance(again.told[-1], Closed)
    assert (again.told[-1].code, again.told[-1].reason) == (1000, "the end")


@pytest.mark.parametrize("real", WHOLE, ids=[each.name for each in WHOLE])
async def test_captures_of_real_programs_are_played_without_a_gap(real: RealCapture) -> None:
    listener = await Listener(real.path).hear_all()
    snapshot = listener.session.snapshot()
    assert snapshot.connection.state is ConnectionState.ENDED
    assert (snapshot.packets_received, snapshot.packets_lost, snapshot.underruns.episodes) == (real.packets, 0, 0)
    assert snapshot.concealed_samples == 0
    # Playout follows the sender's clock and stretches; what is heard is shorter by less than one packet all the same.
    assert snapshot.total_samples_received > (real.packets - 1) * real.packet_ms * 48


async def test_the_faults_of_the_capture_are_heard_again(tmp_path: Path) -> None:
    late = {number: max(0.0, 300.0 - 20 * (number - 50)) for number in range(50, 65)}
    listener = await Listener(
        written(tmp_path / "a.pcapng", stream(100, delays_ms=late, dropped=frozenset({80, 81})))
    ).hear_all()
    snapshot = listener.session.snapshot()
    assert snapshot.packets_lost == 2
    assert [episode.cause for episode in snapshot.episodes] == [UnderrunCause.NETWORK]


async def test_a_stall_of_the_capturing_machine_is_no_fault_of_the_network(tmp_path: Path) -> None:
    seen = stream(100, delays_ms={number: max(0.0, 300.0 - 20 * (number - 50)) for number in range(50, 65)})
    at = next(i for i, each in enumerate(seen) if each.at_ns > 6_200 * MS)
    seen.insert(at, ObserverStall(5_990 * MS, 6_300 * MS))
    listener = await Listener(written(tmp_path / "a.pcapng", seen)).hear_all()
    assert [episode.cause for episode in listener.session.snapshot().episodes] == [UnderrunCause.INTERPRETER]
    stalls = [each for each in listener.told if isinstance(each, ObserverStall)]
    assert [each.ended_ns - each.began_ns for each in stalls] == [310 * MS]


async def test_a_stall_of_the_replaying_machine_changes_nothing_in_what_the_capture_tells(tmp_path: Path) -> None:
    listener = Listener(written(tmp_path / "a.pcapng", stream(20)))
    listener.session.record_loop_lag(400.0)
    await listener.hear_all()
    assert [each for each in listener.told if isinstance(each, ObserverStall)] == []


async def test_a_reconnect_comes_when_it_came_then(tmp_path: Path) -> None:
    first, second = stream(30), stream(30, began_ns=6_500 * MS)
    first[-1] = Closed(5_600 * MS, 1012, "restart")
    listener = await Listener(written(tmp_path / "a.pcapng", [*first, *second])).hear_all()
    snapshot = listener.session.snapshot()
    assert snapshot.connection.reconnects == 1
    assert snapshot.packets_received == 60
    gap_ns = listener.packets[30].arrival_ns - listener.packets[29].arrival_ns
    assert gap_ns == 6_500 * MS - (5_000 + 29 * 20) * MS


async def test_the_network_lab_makes_a_capture_worse_too(tmp_path: Path) -> None:
    listener = await Listener(
        written(tmp_path / "a.pcapng", stream(100)),
        replace(QUIET, impairment=parse_impairment("jitter=uniform:40,seed=1")),
    ).hear_all()
    snapshot = listener.session.snapshot()
    assert snapshot.packets_received == 100
    assert (snapshot.jitter_ms or 0.0) > 3


async def test_one_can_jump_ahead_and_back(tmp_path: Path) -> None:
    listener = Listener(written(tmp_path / "a.pcapng", stream(3_000)))
    task = asyncio.create_task(listener.session.run())
    try:
        for position_s in (50.0, 10.0, 59.0):
            listener.replay.jump_to(position_s)
            await asyncio.sleep(0.6)
            assert listener.replay.position_s == pytest.approx(position_s + 0.5, abs=0.4)
            # 48 kHz timestamps of the stream that `stream` makes.
            media = listener.packets[-1].media_timestamp or 0
            assert (media - 2**32 + 9_600) / 48_000 == pytest.approx(position_s + 0.5, abs=0.4)
        await asyncio.wait_for(task, 5)
        assert listener.replay.is_over
    finally:
        listener.session.stop()
        with suppress(asyncio.CancelledError):
            await task
