"""An origin, two relays of it, and a balancer before these: either may go, and everybody hears on."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.balancer import Balanced, Server, balanced
from tests.end_to_end.test_scale_out import (
    BACK_WITHIN_S,
    LISTENERS,
    all_listen,
    complaints,
    is_streaming,
    listeners_of,
    reconnects,
    seconds_until_back,
)
from tests.receiver.harness import Listening, listening
from tests.server.helpers import until
from tests.support.attempts import attempts
from tests.support.witnesses import contention

PAUSE_S = 2.0
"""What an origin that ends in order asks for at most."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Everything is up, and everybody hears."""

    origin: Server
    balancer: Balanced
    runs: list[Listening]

    async def shares(self) -> tuple[int, ...]:
        """Listeners of the origin and of each relay, as they say themselves."""
        servers = (self.origin, *self.balancer.servers)
        return tuple(await asyncio.gather(*(asyncio.to_thread(listeners_of, server) for server in servers)))


@asynccontextmanager
async def edges(folder: Path) -> AsyncIterator[Edges]:
    """Ten listeners that came through the balancer."""
    async with AsyncExitStack() as stack:
        origin = Server("--source", "sweep")
        # By then it may be another process than now.
        stack.callback(lambda: origin.process.stop())
        await origin.is_up()
        relayed = f"relay:ws://127.0.0.1:{origin.port}/streams/main"
        balancer = await stack.enter_async_context(balanced(folder, "--source", relayed))
        runs = [await stack.enter_async_context(listening(balancer.url)) for _ in range(LISTENERS)]
        await all_listen(runs)
        yield Edges(origin, balancer, runs)


async def seconds_until_all_are_back(folder: Path) -> list[float]:
    """One of the relays is killed; after how many seconds each of its listeners hears something again, sorted."""
    async with edges(folder) as it:
        # One connection of each relay, however many listen there.
        assert await it.shares() == (2, LISTENERS // 2, LISTENERS // 2)
        killed_s = time.monotonic()
        it.balancer.servers[0].process.signal(signal.SIGKILL)
        await until(lambda: sum(not is_streaming(run) for run in it.runs) == LISTENERS // 2)
        lost = [run for run in it.runs if not is_streaming(run)]
        took_s = sorted(await asyncio.gather(*(seconds_until_back(run, killed_s) for run in lost)))
        left = (it.origin, it.balancer.servers[1])
        assert [await asyncio.to_thread(listeners_of, each) for each in left] == [1, LISTENERS]
        assert reconnects(it.runs) == LISTENERS // 2
        assert complaints(it.runs) == []
        return took_s


async def test_when_a_relay_dies_its_listeners_are_back_within_two_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for attempt in attempts(3):
        with attempt:
            with contention() as seen:
                took_s = await seconds_until_all_are_back(tmp_path)
            attempt.disturbances += seen
            with capsys.disabled():
                print(f"\nback after SIGKILL of a relay, seconds: {', '.join(f'{each:.2f}' for each in took_s)}")
            assert took_s[-1] < BACK_WITHIN_S


async def seconds_until_heard_again(folder: Path, sent: signal.Signals) -> tuple[float, list[float]]:
    """The origin is ended and started again; when it is up, and each listener hears something, in seconds, sorted."""
    async with edges(folder) as it:
        went_s = time.monotonic()
        it.origin.process.signal(sent)
        await asyncio.to_thread(it.origin.process.wait)
        heard = [run.snapshot.packets_received for run in it.runs]
        await it.origin.restart()
        up_s = time.monotonic() - went_s
        again_s = sorted(
            await asyncio.gather(
                *(seconds_until_more(run, count, went_s) for run, count in zip(it.runs, heard, strict=True))
            )
        )
        # Nobody had to come back for it, and who listens is who listened.
        assert all(is_streaming(run) for run in it.runs)
        assert reconnects(it.runs) == 0
        assert await it.shares() == (2, LISTENERS // 2, LISTENERS // 2)
        assert complaints(it.runs) == []
        return up_s, again_s


async def seconds_until_more(run: Listening, count: int, since_s: float) -> float:
    """When a session has more than ``count`` packets and the few that may still have been on their way."""
    await run.until(lambda: run.snapshot.packets_received > count + 10, 15)
    return time.monotonic() - since_s


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
async def test_when_the_origin_is_restarted_listeners_stay_with_their_relays_and_hear_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: signal.Signals
) -> None:
    for attempt in attempts(3):
        with attempt:
            with contention() as seen:
                up_s, again_s = await seconds_until_heard_again(tmp_path, sent)
            attempt.disturbances += seen
            with capsys.disabled():
                print(f"\n{sent.name} of the origin: up again after {up_s:.2f} s, heard after", end=" ")
                print(f"{again_s[0]:.2f} to {again_s[-1]:.2f} s")
            # Pauses double, each drawn from its upper half: none is longer than twice all before it and half a second.
            assert again_s[-1] < max(PAUSE_S, 3 * up_s + 0.5) + 1
