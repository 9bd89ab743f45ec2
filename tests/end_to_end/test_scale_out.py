"""Several servers behind a balancer: one may die, each may be restarted, and everybody hears on."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from core.receiver.status import ConnectionState
from tests.end_to_end.balancer import CONFIGURATION, Server, balanced
from tests.receiver.harness import Listening, listening
from tests.server.helpers import until
from tests.support.attempts import attempts
from tests.support.witnesses import contention

LISTENERS = 10
BACK_WITHIN_S = 2.0


def listeners_of(server: Server) -> int:
    """How many a server says it has."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/streams", timeout=5) as answer:
        streams = json.loads(answer.read())["streams"]
    return sum(stream["listeners"] for stream in streams)


def test_the_configuration_is_one_that_haproxy_takes() -> None:
    done = subprocess.run(
        ["/usr/sbin/haproxy", "-c", "-f", str(CONFIGURATION)], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def is_streaming(run: Listening) -> bool:
    """Whether it hears something."""
    return run.snapshot.connection.state is ConnectionState.STREAMING


def reconnects(runs: list[Listening]) -> int:
    """How often any of them has come back."""
    return sum(run.snapshot.connection.reconnects for run in runs)


async def all_listen(runs: list[Listening], timeout_s: float = 10.0) -> None:
    """Wait until every session hears something."""
    for run in runs:
        await run.until(lambda run=run: is_streaming(run), timeout_s)


async def seconds_until_back(run: Listening, since_s: float) -> float:
    """When a session that loses its connection about now hears something again, in seconds after ``since_s``."""
    before = run.snapshot.connection.reconnects
    await run.until(lambda: run.snapshot.connection.reconnects > before, 10)
    packets = run.snapshot.packets_received
    await run.until(lambda: run.snapshot.packets_received > packets, 10)
    return time.monotonic() - since_s


def complaints(runs: list[Listening]) -> list[str]:
    """Lines of the sessions' logs about failures for good, and about refusals by HTTP."""
    return [line for run in runs for line in run.log.splitlines() if line.startswith("error") or "HTTP" in line]


async def seconds_until_all_are_back(folder: Path) -> list[float]:
    """One of two servers is killed; after how many seconds each of its listeners hears something again, sorted."""
    async with balanced(folder) as balancer, AsyncExitStack() as stack:
        runs = [await stack.enter_async_context(listening(balancer.url)) for _ in range(LISTENERS)]
        await all_listen(runs)
        first, second = balancer.servers
        # Whoever came was sent to the one with fewer.
        shares = await asyncio.gather(*(asyncio.to_thread(listeners_of, server) for server in (first, second)))
        assert shares == [LISTENERS // 2, LISTENERS // 2]
        killed_s = time.monotonic()
        first.process.signal(signal.SIGKILL)
        await until(lambda: sum(not is_streaming(run) for run in runs) == shares[0])
        lost = [run for run in runs if not is_streaming(run)]
        took_s = sorted(await asyncio.gather(*(seconds_until_back(run, killed_s) for run in lost)))
        assert len(took_s) == shares[0]
        assert await asyncio.to_thread(listeners_of, second) == LISTENERS
        assert reconnects(runs) == shares[0]
        assert complaints(runs) == []
        return took_s


async def test_when_a_server_dies_its_listeners_are_back_within_two_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for attempt in attempts(3):
        with attempt:
            with contention() as seen:
                took_s = await seconds_until_all_are_back(tmp_path)
            attempt.disturbances += seen
            with capsys.disabled():
                print(f"\nback after SIGKILL, seconds: {', '.join(f'{each:.2f}' for each in took_s)}")
            assert took_s[-1] < BACK_WITHIN_S


async def test_both_servers_are_restarted_one_after_the_other_and_nobody_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        balanced(tmp_path, "--drain-s", "1", "--drain-code", "1012", "--trusted-proxy", "127.0.0.1") as balancer,
        AsyncExitStack() as stack,
    ):
        runs = [await stack.enter_async_context(listening(balancer.url)) for _ in range(LISTENERS)]
        await all_listen(runs)
        for server in balancer.servers:
            leaving = await asyncio.to_thread(listeners_of, server)
            assert leaving > 0
            before = reconnects(runs)
            server.process.signal(signal.SIGTERM)
            # Somebody who comes while it drains gets to the other one.
            async with listening(balancer.url) as late:
                await all_listen([late])
                assert complaints([late]) == []
            assert await asyncio.to_thread(server.process.wait) == 0
            (told,) = server.process.text("stderr").splitlines()
            assert "behind a proxy on 127.0.0.1: everybody whom it lets through can listen" in told
            await server.restart()
            await until(lambda all_back=before + leaving: reconnects(runs) == all_back)
            await all_listen(runs)
            # The balancer looks for a server that was down every half second; only then may the next one go.
            await asyncio.sleep(1.2)
        gaps_ms = sorted(run.snapshot.underruns.starved_ms for run in runs)
        with capsys.disabled():
            print(f"\nsilence through both restarts, each listener, ms: {', '.join(f'{each:.0f}' for each in gaps_ms)}")
        assert complaints(runs) == []
