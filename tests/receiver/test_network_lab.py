"""The network lab in a running session: real sockets, the null output."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from websockets.asyncio.server import ServerConnection

from core.playout.settings import PlayoutSettings
from core.receiver.impairment.settings import NO_IMPAIRMENT, Impairment
from core.receiver.impairment.stage import MAX_HELD_MESSAGES, ImpairedStage, Message
from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState
from tests.receiver.harness import listening, opus_packets, send_paced, serving


class Sink:
    """Where the stage delivers to."""

    def __init__(self, stage: ImpairedStage) -> None:
        self.stage = stage
        self.got: list[Message] = []
        self.at_ns: list[int] = []
        self.breaks = 0
        self.task = asyncio.create_task(stage.deliver(self._take, self._break_off))

    async def _take(self, message: Message, at_ns: int) -> None:
        self.got.append(message)
        self.at_ns.append(at_ns)

    def _break_off(self) -> None:
        self.breaks += 1

    async def hold(self, numbers: range, every_s: float = 0.0) -> None:
        for number in numbers:
            await self.stage.hold(b"%d" % number, time.monotonic_ns())
            await asyncio.sleep(every_s)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def numbered(numbers: range) -> list[bytes]:
    return [b"%d" % number for number in numbers]


async def test_messages_come_out_in_order_not_before_their_time_and_stamped_with_it() -> None:
    sink = Sink(ImpairedStage(Impairment(delay_ms=60)))
    began_ns = time.monotonic_ns()
    await sink.hold(range(10), 0.005)
    await sink.stage.drain()
    assert sink.got == numbered(range(10))
    assert sink.at_ns[0] >= began_ns + 60_000_000
    assert all(earlier <= later for earlier, later in pairwise(sink.at_ns))
    await sink.close()


async def test_another_impairment_keeps_the_order_and_loses_nothing() -> None:
    stage = ImpairedStage(Impairment(delay_ms=5_000))
    sink = Sink(stage)
    await sink.hold(range(20))
    stage.set(Impairment(delay_ms=30, jitter_ms=10))
    assert not stage.is_direct
    await sink.hold(range(20, 30))
    async with asyncio.timeout(3):
        await stage.drain()
    assert sink.got == numbered(range(30))
    await sink.close()


async def test_switched_off_it_lets_out_all_that_it_holds_before_anything_may_go_past() -> None:
    stage = ImpairedStage(Impairment(delay_ms=5_000))
    sink = Sink(stage)
    await sink.hold(range(100))
    stage.set(NO_IMPAIRMENT)
    assert not stage.is_direct
    async with asyncio.timeout(3):
        await stage.drain()
    assert sink.got == numbered(range(100))
    assert stage.is_direct
    await sink.close()


async def test_memory_is_bounded_the_reader_waits_instead() -> None:
    stage = ImpairedStage(Impairment(delay_ms=10_000))
    sink = Sink(stage)
    for number in range(MAX_HELD_MESSAGES):
        await stage.hold(b"%d" % number, time.monotonic_ns())
    reading = asyncio.create_task(stage.hold(b"one more", time.monotonic_ns()))
    await asyncio.sleep(0.05)
    assert not reading.done()
    stage.set(NO_IMPAIRMENT)
    async with asyncio.timeout(5):
        await reading
        await stage.drain()
    assert sink.got == [*numbered(range(MAX_HELD_MESSAGES)), b"one more"]
    await sink.close()


async def test_a_message_larger_than_the_bound_passes_alone() -> None:
    sink = Sink(ImpairedStage(Impairment(delay_ms=10)))
    async with asyncio.timeout(3):
        await sink.stage.hold(bytes(2_000_000), time.monotonic_ns())
        await sink.stage.hold("text", time.monotonic_ns())
        await sink.stage.drain()
    assert [len(message) for message in sink.got] == [2_000_000, 4]
    await sink.close()


async def test_a_disconnect_is_called_for_once_for_each_connection() -> None:
    stage = ImpairedStage(Impairment(disconnect_every_s=1))
    sink = Sink(stage)
    await asyncio.sleep(0.8)
    assert sink.breaks == 0
    await asyncio.sleep(0.5)
    assert sink.breaks == 1
    await sink.close()


async def test_a_disconnect_lets_go_of_a_reader_that_waits_and_loses_what_was_on_the_way() -> None:
    stage = ImpairedStage(Impairment(disconnect_every_s=1, delay_ms=10_000))
    sink = Sink(stage)
    for number in range(MAX_HELD_MESSAGES):
        await stage.hold(b"%d" % number, time.monotonic_ns())
    async with asyncio.timeout(3):
        await stage.hold(b"one more", time.monotonic_ns())
    assert sink.breaks == 1
    assert sink.got == []
    await sink.close()


# In a session


async def stream(connection: ServerConnection) -> None:
    await send_paced(connection, opus_packets(400))


def lab(url: str, impairment: Impairment) -> ListenOptions:
    return ListenOptions(url, playout=PlayoutSettings(60), impairment=impairment)


async def test_a_delay_shows_in_latency_and_round_trip_and_can_be_switched_off_while_it_plays() -> None:
    async with serving(stream) as url, listening(lab(url, Impairment(delay_ms=100))) as run:
        assert run.snapshot.impairment == Impairment(delay_ms=100)
        await run.until(lambda: run.snapshot.latency.network is not None)
        await run.until(lambda: run.snapshot.total_samples_received > 24_000)
        assert run.snapshot.round_trip_time_ms == pytest.approx(200, abs=40)
        assert run.snapshot.latency.network == pytest.approx(100, abs=20)
        assert "change: network lab: 100 ms delay" in run.log
        before = run.snapshot.packets_received
        run.session.set_impairment(NO_IMPAIRMENT)
        await run.until(lambda: run.snapshot.packets_received >= before + 20)
        assert run.snapshot.round_trip_time_ms == pytest.approx(0, abs=40)
        assert run.snapshot.packets_lost == run.snapshot.packets_malformed == 0
        assert run.snapshot.impairment is NO_IMPAIRMENT
        assert "change: network lab: off" in run.log


async def test_a_stall_can_be_set_while_it_plays_and_starves_playout() -> None:
    async with serving(stream) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.total_samples_received > 24_000)
        assert run.snapshot.underruns.episodes == 0
        run.session.set_impairment(Impairment(stall_every_s=0.6, stall_ms=400))
        run.session.set_impairment(Impairment(stall_every_s=0.6, stall_ms=400))
        assert run.log.count("network lab:") == 1
        await run.until(lambda: run.snapshot.underruns.episodes > 0)
        assert run.snapshot.packets_lost == 0


async def test_what_was_sent_before_the_server_closed_is_heard_to_the_end() -> None:
    async def short(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(40), frame_ms=2)

    async with serving(short) as url, listening(lab(url, Impairment(delay_ms=700))) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.ENDED)
        assert run.snapshot.packets_received == 40


async def test_what_was_sent_before_it_broke_off_is_still_delivered() -> None:
    async def short(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(40), frame_ms=2)
        await asyncio.sleep(0.2)
        connection.transport.abort()

    async with serving(short) as url, listening(lab(url, Impairment(delay_ms=2_300))) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
        assert run.snapshot.packets_received == 40
        assert "broke off" in str(run.snapshot.connection.reason)


async def test_a_disconnect_is_explained_and_the_connection_made_again() -> None:
    impairment = Impairment(disconnect_every_s=1, delay_ms=10)
    async with serving(stream) as url, listening(lab(url, impairment)) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
        assert "the network lab broke off the connection to ws://127.0.0.1" in str(run.snapshot.connection.reason)
        run.session.set_impairment(replace(impairment, disconnect_every_s=None))
        await run.until(lambda: run.snapshot.connection.reconnects == 1)
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)


async def test_a_lab_that_delays_for_seconds_casts_no_doubt_on_the_server() -> None:
    async with serving(stream) as url, listening(lab(url, Impairment(delay_ms=3_300))) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
        assert "sends no audio" not in run.log


@pytest.mark.parametrize("after_ms", [5, 60, 400])
async def test_a_session_can_be_stopped_while_messages_are_held(after_ms: float) -> None:
    async with serving(stream) as url, listening(lab(url, Impairment(delay_ms=5_000))) as run:
        await asyncio.sleep(after_ms / 1000)
        run.session.stop()
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.DISCONNECTED, timeout_s=3)
