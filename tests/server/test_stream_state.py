"""What listeners are told of pauses, whenever they come."""

from __future__ import annotations

import asyncio

import pytest

from core.audio.sources import PcmBlock
from core.opus.encoder import EncoderSettings
from core.server import pump as pump_module
from core.server.broadcast import CloseCode
from core.server.packets import EncodedPacket
from core.server.stream import Stream
from core.wire.control import Bye, StreamState
from tests.server.helpers import HandFedSource, Recorder, tone, until


class Witness(Recorder):
    """An audience that joins as `Listener` does, and remembers what it last knew at each packet."""

    wants_lead = False

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.knows = stream.state
        self.knew: list[StreamState] = []
        stream.join(self, EncoderSettings())

    def deliver(self, packet: EncodedPacket) -> None:
        super().deliver(packet)
        self.knew.append(self.knows)

    def show_state(self, state: StreamState) -> None:
        self.knows = state

    def finish(self, bye: Bye, code: CloseCode) -> None:
        pass


@pytest.mark.parametrize("turns", range(8))
async def test_who_comes_while_an_idle_session_ends_knows_that_it_plays_when_it_plays(
    monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    monkeypatch.setattr(pump_module, "IDLE_AFTER_MS", 30)
    sources: list[HandFedSource] = []

    def open_source() -> HandFedSource:
        sources.append(HandFedSource(is_live=True))
        return sources[-1]

    stream = Stream(open_source, EncoderSettings())
    running = asyncio.create_task(stream.run())
    first = Witness(stream)
    await until(lambda: first.knows is StreamState.IDLE)
    stream.leave(first)
    for _ in range(turns):
        await asyncio.sleep(0)
    second = Witness(stream)
    for _ in range(5):
        await asyncio.sleep(0.002)
    # One of the two sessions is the second's.
    for source in sources:
        source.blocks.put_nowait(PcmBlock(tone(0.02), stream.clock.now_ns()))
    await until(lambda: bool(second.packets))
    assert second.knew[0] is StreamState.PLAYING
    running.cancel()
    await asyncio.wait({running})
