"""Deadlines, pauses and clocks, in virtual time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from core.audio.sources import PcmBlock
from core.audio.sources.signals import tone as tone_source
from core.opus.encoder import EncoderSettings
from core.server import pump as pump_module
from core.server.broadcast import StreamCounters
from core.server.clock import ServerClock
from core.server.encoding import EncoderPool
from core.server.pump import Pump
from tests.server.helpers import RATE, HandFedSource, Recorder, VirtualTime, tone, until

DEFAULT = EncoderSettings()


async def pumped(
    time: VirtualTime, seconds: float, settings: EncoderSettings = DEFAULT
) -> tuple[Recorder, StreamCounters]:
    """What a listener of the tone gets within ``seconds`` of virtual time."""
    pool: EncoderPool[Recorder] = EncoderPool(RATE)
    listener = Recorder(lambda: time.now_ns)
    pool.join(listener, settings)
    counters = StreamCounters()
    end_ns = time.now_ns + round(seconds * 1e9)
    pump = Pump(tone_source(RATE, 1), pool, time.clock, lambda is_idle: None, counters)
    running = asyncio.create_task(pump.run())
    while time.now_ns < end_ns:  # noqa: ASYNC110 - virtual time passes in the other task
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    pool.close()
    return listener, counters


async def test_no_drift_over_three_minutes_of_late_wake_ups() -> None:
    chance = random.Random(1)
    time = VirtualTime(lambda: chance.randrange(0, 8_000_000))
    start_ns = time.now_ns
    listener, counters = await pumped(time, 180)
    # The first packet is due at once.
    lateness_ns = [
        delivered - (start_ns + number * 20_000_000) for number, delivered in enumerate(listener.delivered_ns)
    ]
    assert min(lateness_ns) >= 0
    assert max(lateness_ns) < 8_000_000
    assert abs(len(listener.packets) - 180 * 50 - 1) <= 1
    assert counters.reanchored == 0


async def test_a_late_loop_catches_up_in_order() -> None:
    stalls = iter([0] * 10 + [300_000_000] + [0] * 1_000)
    time = VirtualTime(lambda: next(stalls))
    start_ns = time.now_ns
    listener, counters = await pumped(time, 2)
    assert counters.reanchored == 0
    # Eleven packets in time, the first at once, then the stall, then a burst at one moment, then in time again.
    assert listener.delivered_ns[11] == listener.delivered_ns[25] == start_ns + 11 * 20_000_000 + 300_000_000
    assert listener.delivered_ns[40] == start_ns + 40 * 20_000_000
    assert [packet.media_time for packet in listener.packets] == [n * 960 for n in range(len(listener.packets))]


async def test_more_than_a_second_behind_moves_the_deadlines() -> None:
    stalls = iter([0] * 10 + [5_000_000_000] + [0] * 1_000)
    time = VirtualTime(lambda: next(stalls))
    start_ns = time.now_ns
    listener, counters = await pumped(time, 7)
    assert counters.reanchored == 1
    assert listener.delivered_ns[12] - listener.delivered_ns[11] == 20_000_000
    # Capture times follow; media time goes on without a hole, since no sound was left out.
    assert listener.packets[13].capture_time_ns == start_ns + 12 * 20_000_000 + 5_000_000_000
    assert listener.packets[13].media_time == 13 * 960


async def test_capture_time_is_the_deadline_minus_the_frame() -> None:
    time = VirtualTime()
    listener, _ = await pumped(time, 1, replace(DEFAULT, frame_ms=60))
    for packet, delivered_ns in zip(listener.packets, listener.delivered_ns, strict=True):
        assert packet.capture_time_ns == delivered_ns - 60_000_000


class Watched:
    """A pump on a hand-fed source, and what its listener sees."""

    def __init__(self, *, is_live: bool, settings: EncoderSettings = DEFAULT) -> None:
        self.time = VirtualTime()
        self.source = HandFedSource(is_live=is_live)
        self.pool: EncoderPool[Recorder] = EncoderPool(RATE)
        self.listener = Recorder(lambda: self.time.now_ns)
        self.pool.join(self.listener, settings)
        self.idle: list[bool] = []
        self.pump = Pump(self.source, self.pool, self.time.clock, self.idle.append, StreamCounters())


async def test_a_live_source_sets_the_pace_and_brings_its_own_capture_times() -> None:
    watched = Watched(is_live=True)
    for number in range(5):
        watched.source.blocks.put_nowait(PcmBlock(tone(0.02), 7_000_000_000 + number * 20_000_000))
    watched.source.blocks.put_nowait(None)
    before_ns = watched.time.now_ns
    await watched.pump.run()
    assert watched.time.now_ns == before_ns
    assert [packet.capture_time_ns for packet in watched.listener.packets] == [
        7_000_000_000 + number * 20_000_000 for number in range(5)
    ]


async def test_a_stalled_source_is_idle_and_leaves_its_pause_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pump_module, "IDLE_AFTER_MS", 30)
    watched = Watched(is_live=True, settings=replace(DEFAULT, frame_ms=20))
    running = asyncio.create_task(watched.pump.run())
    watched.source.blocks.put_nowait(PcmBlock(tone(0.02), 1_000_000_000))
    watched.source.blocks.put_nowait(PcmBlock(tone(0.02), 1_020_000_000))
    await until(lambda: watched.idle == [True])
    watched.source.blocks.put_nowait(PcmBlock(tone(0.02), 1_540_000_000))
    watched.source.blocks.put_nowait(None)
    await running
    assert watched.idle == [True, False]
    assert [packet.media_time // 48 for packet in watched.listener.packets] == [0, 20, 540]


async def test_a_paced_source_that_was_overdue_goes_on_at_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "IDLE_AFTER_MS", 30)
    watched = Watched(is_live=False)
    running = asyncio.create_task(watched.pump.run())
    start_ns = watched.time.now_ns
    watched.source.blocks.put_nowait(PcmBlock(tone(0.02)))
    await until(lambda: watched.idle == [True])
    watched.time.now_ns = start_ns + 700_000_000
    watched.source.blocks.put_nowait(PcmBlock(tone(0.02)))
    watched.source.blocks.put_nowait(PcmBlock(tone(0.01)))
    await running
    assert [packet.media_time // 48 for packet in watched.listener.packets] == [0, 700, 720]
    assert [(at - start_ns) // 1_000_000 for at in watched.listener.delivered_ns] == [20, 720, 730]


def test_a_step_of_the_wall_clock_moves_no_capture_time() -> None:
    wall_ns = [1_700_000_000_000_000_000]
    now_ns = [5_000_000_000]
    clock = ServerClock(lambda: now_ns[0], lambda: wall_ns[0])
    before = clock.unix_ns(6_000_000_000)
    wall_ns[0] += 3_600_000_000_000
    assert clock.unix_ns(6_000_000_000) == before == 1_700_000_001_000_000_000
