"""Listens over a real socket and tells what it observes, as a live session does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import websockets
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core.analysis.observation import (
    Closed,
    Connected,
    Connecting,
    NotConnected,
    Observation,
    ObserverStall,
    Received,
)
from core.wire.control import SUBPROTOCOL
from core.wire.detect import DetectingDialect

LAG_STEP_S = 0.01
STALL_S = 0.03
"""An event loop that wakes up so much too late has read nothing meanwhile."""


async def observe(url: str, seconds: float, *, bare: bool = False) -> AsyncIterator[Observation]:
    """What happens within so many seconds of listening."""
    offered = () if bare else (SUBPROTOCOL,)
    yield Connecting(time.monotonic_ns(), url)
    try:
        socket = await connect(
            url, subprotocols=None if bare else [Subprotocol(SUBPROTOCOL)], compression=None, max_queue=None
        )
    except (OSError, websockets.WebSocketException) as error:
        yield NotConnected(time.monotonic_ns(), str(error))
        return
    yield Connected(time.monotonic_ns(), socket.subprotocol, offered)
    stalls: list[ObserverStall] = []
    watch = asyncio.create_task(_watch_the_loop(stalls))
    dialect = DetectingDialect(socket.subprotocol, "bare" if bare else "auto")
    ends_s = time.monotonic() + seconds
    try:
        while (left_s := ends_s - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(socket.recv(), left_s)
            except TimeoutError:
                break
            at_ns = time.monotonic_ns()
            while stalls:
                yield stalls.pop(0)
            for event in dialect.receive(message, at_ns):
                yield Received(at_ns, event)
        yield Closed(time.monotonic_ns(), 1000, by_observer=True)
    except websockets.ConnectionClosed as closed:
        code = None if closed.rcvd is None else closed.rcvd.code
        yield Closed(time.monotonic_ns(), code, "" if closed.rcvd is None else closed.rcvd.reason)
    finally:
        watch.cancel()
        await socket.close()


async def _watch_the_loop(stalls: list[ObserverStall]) -> None:
    while True:
        before_ns = time.monotonic_ns()
        await asyncio.sleep(LAG_STEP_S)
        late_ns = time.monotonic_ns() - before_ns - round(LAG_STEP_S * 1e9)
        if late_ns > STALL_S * 1e9:
            stalls.append(ObserverStall(before_ns, before_ns + round(LAG_STEP_S * 1e9) + late_ns))
