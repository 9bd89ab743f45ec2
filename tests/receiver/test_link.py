"""An open connection: what counts as a sign of life."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection

from core.receiver import link as link_module
from core.receiver.failures import explain
from core.receiver.link import DEAD_AFTER_S, Link, SilentPathError
from core.wire.detect import DetectingDialect


class Socket:
    """Gives the messages it was given; answers pings or does not."""

    def __init__(self, answers: bool) -> None:
        self.answers = answers
        self.pings = 0
        self.messages: deque[bytes] = deque()

    async def ping(self) -> asyncio.Future[float]:
        self.pings += 1
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        if self.answers:
            answer.set_result(0.001)
        return answer

    async def recv(self) -> bytes:
        while not self.messages:  # noqa: ASYNC110 - the test's own time passes only while others run
            await asyncio.sleep(0)
        return self.messages.popleft()


class Clock:
    """Seconds that pass by themselves: with every sleep of the code under test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self._sleep = asyncio.sleep
        monkeypatch.setattr(link_module.asyncio, "sleep", self._pass)

    def __call__(self) -> int:
        return round(self.now_s * 1e9)

    async def _pass(self, seconds: float) -> None:
        self.now_s += seconds
        await self._sleep(0)


def linked(socket: Socket, clock: Clock) -> Link:
    return Link(
        cast(ClientConnection, cast(Any, socket)), DetectingDialect(None, "bare"), clock, DetectingDialect(None, "bare")
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def test_a_path_on_which_nothing_comes_any_more_is_given_up(clock: Clock) -> None:
    socket = Socket(answers=False)
    with pytest.raises(SilentPathError) as raised:
        await linked(socket, clock).keep_alive()
    assert DEAD_AFTER_S < clock.now_s - 100 < DEAD_AFTER_S + 3
    assert socket.pings == 1  # not one more for every two seconds of silence
    failure = explain(raised.value, "ws://there/ws-audio")
    assert failure.is_retryable
    assert "nothing came from ws://there/ws-audio for 15 s" in failure.reason


async def test_a_server_that_answers_pings_may_be_silent_for_as_long_as_it_likes(clock: Clock) -> None:
    socket = Socket(answers=True)
    task = asyncio.create_task(linked(socket, clock).keep_alive())
    while clock.now_s < 100 + 10 * DEAD_AFTER_S:
        assert not task.done()
        await clock._sleep(0)
    task.cancel()
    assert socket.pings > DEAD_AFTER_S


async def test_a_server_that_only_sends_and_never_reads_is_alive(clock: Clock) -> None:
    socket = Socket(answers=False)
    link = linked(socket, clock)

    async def read() -> None:
        async for _ in link.messages():
            pass

    reading, task = asyncio.create_task(read()), asyncio.create_task(link.keep_alive())
    while clock.now_s < 100 + 10 * DEAD_AFTER_S:
        assert not task.done()
        socket.messages.append(b"\xfc")
        await clock._sleep(0)
    reading.cancel()
    task.cancel()
