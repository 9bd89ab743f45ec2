"""An error that nobody thought of ends what it happened to, and nothing else."""

from __future__ import annotations

import logging

import pytest
import websockets

from core.server import supervision
from core.server.app import serving
from core.server.config import ServerConfig, StreamConfig
from core.server.listener import Listener
from core.server.pump import Pump
from tests.server.helpers import until, until_closed

CONFIG = ServerConfig(port=0, streams=(StreamConfig("a", "tone"), StreamConfig("b", "tone")))


class UnheardOfError(Exception):
    """Nobody thought of this one."""


@pytest.mark.provokes_errors
async def test_an_error_with_one_listener_cuts_that_one_and_is_logged_whole(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken: list[Listener] = []
    report = Listener.report

    def fail_for_the_first(self: Listener, now_ns: int) -> None:
        if not broken or self in broken:
            broken[:] = [self]
            raise UnheardOfError
        report(self, now_ns)

    async with serving(CONFIG) as server, websockets.connect(server.url) as first:
        await first.recv()
        async with websockets.connect(server.url) as second:
            await second.recv()
            monkeypatch.setattr(Listener, "report", fail_for_the_first)
            await until_closed(first)
            for _ in range(60):
                assert await second.recv()
            await until(lambda: server.counters.failed == 1)
            assert server.stream.listener_count == 1
    (error,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert error.exc_info is not None
    assert isinstance(error.exc_info[1], UnheardOfError)


@pytest.mark.provokes_errors
async def test_a_stream_that_breaks_is_started_anew_and_the_others_play_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "RESTART_S", 0.05)
    run = Pump.run
    broken: list[Pump] = []

    async def fail_once(self: Pump) -> None:
        if not broken:
            broken.append(self)
            raise UnheardOfError
        await run(self)

    async with serving(CONFIG) as server:
        other = server.url.replace("/ws-audio", "/streams/b")
        async with websockets.connect(other) as hears_b:
            await hears_b.recv()
            monkeypatch.setattr(Pump, "run", fail_once)
            async with websockets.connect(server.url) as hears_a:
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await hears_a.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1011
            async with websockets.connect(server.url) as hears_a:
                assert await hears_a.recv()
            for _ in range(20):
                assert await hears_b.recv()
        assert server.streams["a"].counters.failures == 1
        assert server.streams["b"].counters.failures == 0
