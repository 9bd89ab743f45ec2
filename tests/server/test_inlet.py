"""The buffer between who pushes and who plays, by itself and in virtual time."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import websockets

from core.server.app import serving
from core.server.config import ServerConfig, StreamConfig
from core.server.inlet import Inlet, InletSource, OccupiedError
from tests.server.helpers import (
    RATE,
    VirtualTime,
    bare_client,
    tone,
    until,
)
from tests.server.pushing import RAW
from tests.server.test_operation import figures


def inlet_at(time: VirtualTime) -> Inlet:
    return Inlet(RATE, 1, time.clock)


async def test_the_buffer_holds_some_seconds_and_no_more() -> None:
    inlet = inlet_at(VirtualTime())
    inlet.heard(True)
    pushing = asyncio.create_task(inlet.put(tone(60)))
    await asyncio.sleep(0.01)
    assert not pushing.done()
    assert 4_000 <= inlet.buffered_ms <= 4_100
    pushing.cancel()


async def test_a_push_that_ends_within_a_frame_is_filled_up_with_silence() -> None:
    inlet = inlet_at(VirtualTime())
    source = InletSource(inlet)
    sound = tone(0.05)
    with inlet.pushing():
        await inlet.put(sound)
    blocks = [await source.read(480) for _ in range(3)]
    heard = np.concatenate([block.pcm for block in blocks if block is not None])
    assert np.array_equal(heard[:1_200], sound)
    assert not heard[1_200:].any()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await source.read(480)


async def test_unheard_sound_goes_by_as_fast_as_it_sounds() -> None:
    time = VirtualTime()
    inlet = inlet_at(time)
    await inlet.put(tone(1.0))
    time.now_ns += 400_000_000
    inlet.heard(True)
    assert inlet.buffered_ms == 600
    time.now_ns += 400_000_000
    inlet.heard(False)
    assert inlet.buffered_ms == 600


def test_the_place_is_given_back_whatever_happens() -> None:
    inlet = inlet_at(VirtualTime())

    def fail() -> None:
        with inlet.pushing():
            with pytest.raises(OccupiedError), inlet.pushing():
                pass
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not inlet.is_pushing


async def test_who_runs_it_sees_whether_somebody_pushes_and_how_much_waits() -> None:
    other = StreamConfig("other")
    config = ServerConfig((StreamConfig(source="push"), other), port=0)
    async with serving(config) as server, bare_client(server.url):
        assert (await figures(server.url))['opuscope_pushing{stream="main"}'] == 0
        async with websockets.connect(server.url.replace("/ws-audio", "/ingest/main") + RAW) as pusher:
            await pusher.send(tone(3.0).astype("<i2").tobytes())
            await until(lambda: server.endpoint._push_points["main"].inlet.buffered_ms > 2_000)
            told = await figures(server.url)
            assert told['opuscope_pushing{stream="main"}'] == 1
            assert 1 < told['opuscope_pushed_seconds{stream="main"}'] < 3
            assert not any(name.startswith("opuscope_push") and "other" in name for name in told)
