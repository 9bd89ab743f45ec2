"""A guarded server, and real clients of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import websockets

from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig
from tests.receiver.harness import Listening, listening

STREAMS = (StreamConfig("main"), StreamConfig("voice"))


@asynccontextmanager
async def guarded(
    access: AccessSettings | None = None, limits: LimitSettings | None = None
) -> AsyncIterator[RunningServer]:
    config = ServerConfig(STREAMS, port=0, access=access or AccessSettings(), limits=limits or LimitSettings())
    async with serving(config) as server:
        yield server


@asynccontextmanager
async def session(
    server: RunningServer, bearer: str | None = None, path: str = "", **more: str
) -> AsyncIterator[Listening]:
    url = server.url.replace("/ws-audio", path) if path else server.url
    headers = tuple((name.replace("_", "-"), value) for name, value in more.items())
    async with listening(ListenOptions(url, token=bearer, headers=headers)) as run:
        yield run


def streams(run: Listening) -> Callable[[], bool]:
    return lambda: run.snapshot.connection.state is ConnectionState.STREAMING


def failed(run: Listening) -> Callable[[], bool]:
    return lambda: run.snapshot.connection.state is ConnectionState.FAILED


async def final(run: Listening, words: str) -> None:
    """The session gives up at once, with one line that says why."""
    await run.until(failed(run))
    reason = str(run.snapshot.connection.reason)
    assert words in reason
    assert "\n" not in reason
    assert run.log.count("connecting to") == 1


async def waiting(run: Listening, words: str, at_least_s: float) -> None:
    """The session says why, and will not come back before it may."""
    await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
    due_ns = run.snapshot.connection.next_attempt_at_ns
    assert due_ns is not None
    assert due_ns - time.monotonic_ns() > (at_least_s - 1.5) * 1e9
    assert words in str(run.snapshot.connection.reason)
    assert run.log.count("connecting to") == 1


async def refused(url: str, **options: object) -> websockets.http11.Response:
    with pytest.raises(websockets.InvalidStatus) as answer:
        await websockets.connect(url, **options)  # type: ignore[arg-type]
    return answer.value.response
