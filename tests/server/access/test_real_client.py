"""How the real client takes each refusal and each goodbye of the real server: it says why, and waits as it was told.

Those for a token, an origin or a limit are in `test_refused_listeners` and `test_limits`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.audio.sources import SourceError
from core.opus.encoder import EncoderSettings
from core.receiver.status import ConnectionState
from core.server.access.refusals import Reason
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.adaptation import AdaptationSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, one_stream
from core.server.operation.settings import OperationSettings
from tests.receiver.harness import Listening, listening
from tests.server.access.listeners import STREAMS, final, guarded, session, streams, waiting
from tests.server.access.making import token, with_secret
from tests.server.helpers import ArraySource, until
from tests.support.processes import opuscope
from tests.support.slow_link import slow_link


def is_waiting(run: Listening) -> Callable[[], bool]:
    return lambda: run.snapshot.connection.state is ConnectionState.WAITING


def wait_s(run: Listening) -> float:
    """How long until its next attempt."""
    due_ns = run.snapshot.connection.next_attempt_at_ns
    assert due_ns is not None
    return (due_ns - time.monotonic_ns()) / 1e9


def port_of(server: RunningServer) -> int:
    return int(server.url.split(":")[2].split("/")[0])


# Not let in.


async def test_settings_in_the_address_without_the_right_to_them_are_final(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path)) as server:
        async with session(server, token(set=False), "/ws-audio?frame_ms=60") as run:
            await final(run, "(HTTP 403: the token gives no right to the settings in the address; leave them out)")
        assert server.refusals.counts == {Reason.SETTINGS_IN_ADDRESS: 1}


async def test_two_tokens_that_differ_are_final(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path)) as server:
        async with session(server, path=f"/ws-audio?token={token()}&token={token(sub='bob')}") as run:
            await final(run, "(HTTP 401: the request holds several tokens; send one)")
        assert server.refusals.counts == {Reason.BAD_TOKEN: 1}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/ws-audio?frame_ms=7", "(HTTP 400: frame_ms 7 is not possible; accepted: 2.5, 5, 10, 20, 40, 60)"),
        ("/ws-audio?framing=mp3", "(HTTP 400: framing 'mp3' is not possible; accepted: bare, rtp)"),
        ("/streams/none", "no stream at this path (HTTP 404); check the path"),
        ("/streams", "is a web page, not a WebSocket (HTTP 200)"),
    ],
)
async def test_an_address_that_cannot_be_is_final(path: str, words: str) -> None:
    async with guarded() as server, session(server, path=path) as run:
        await final(run, words)
        assert server.counters.connections == 0


async def test_a_server_that_drains_is_come_back_to_no_sooner_than_it_says() -> None:
    async with serving(ServerConfig(STREAMS, port=0, operation=OperationSettings(drain_s=60))) as server:
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0)
        async with session(server) as run:
            await waiting(run, "is busy (HTTP 503: the server is going away; try again)", 1)
            assert wait_s(run) > 0.7
        assert server.refusals.counts == {Reason.DRAINING: 1}
        draining.cancel()


async def test_who_was_told_to_wait_is_let_in_when_there_is_room() -> None:
    async with (
        guarded(limits=LimitSettings(max_listeners=1)) as server,
        session(server) as first,
        session(server) as second,
    ):
        await first.until(lambda: is_waiting(first)() or is_waiting(second)())
        inside, outside = (second, first) if is_waiting(first)() else (first, second)
        assert 9 < wait_s(outside) <= 30
        inside.session.stop()
        await until(lambda: server.stream.listener_count == 0)
        assert is_waiting(outside)()
        assert server.refusals.counts == {Reason.FULL: 1}
        outside.session.try_now()
        await outside.until(streams(outside))


@pytest.mark.parametrize(
    ("access", "limits", "line", "is_kept_waiting"),
    [
        (
            AccessSettings(allowed_origins=("https://x.example",), requires_origin=True),
            {},
            "(HTTP 403: only web",
            False,
        ),
        (AccessSettings(), {"max_listeners": 1}, "is busy (HTTP 503: all places are taken)", True),
    ],
)
async def test_the_probe_says_why_in_one_line_and_asks_once(
    access: AccessSettings, limits: dict[str, int], line: str, is_kept_waiting: bool
) -> None:
    async with guarded(access, LimitSettings(**limits)) as server:
        url = server.url
        async with listening(url) as other:
            if is_kept_waiting:
                await other.until(streams(other))
            else:
                await final(other, line)
            before = server.refusals.counts.total()
            with opuscope("probe", url, "--duration", "3", "--json", "-") as process:
                status = await asyncio.to_thread(process.wait, 20)
        assert status == 1
        [said] = process.text("stderr").splitlines()
        assert line in said
        assert json.loads(process.text("stdout"))["connected"] is False
        assert server.refusals.counts.total() == before + 1


# Sent away.


@pytest.mark.parametrize(("code", "words"), [(1001, "the server is going away"), (1012, "the server restarts")])
async def test_a_server_that_ends_is_come_back_to_when_it_said_and_heard_again(code: int, words: str) -> None:
    config = ServerConfig(STREAMS, port=0, operation=OperationSettings(drain_code=code))
    async with serving(config) as server:
        port = port_of(server)
        running = session(server)
        run = await running.__aenter__()
        await run.until(streams(run))
        ended_s = time.monotonic()
    try:
        await run.until(is_waiting(run))
        assert words in str(run.snapshot.connection.reason)
        async with serving(replace(config, port=port)) as again:
            await run.until(streams(run))
            assert time.monotonic() - ended_s > 0.5
            assert again.counters.connections == 1
    finally:
        await running.__aexit__(None, None, None)


async def test_who_does_not_read_is_told_so_and_comes_back_after_the_two_seconds_it_was_asked_for() -> None:
    config = one_stream(
        source="sweep",
        port=0,
        settings=EncoderSettings(48_000, 2, 10.0, bitrate=510_000),
        queue_ms=200,
        stuck_s=0.5,
        adaptation=AdaptationSettings(is_on=False),
    )
    async with serving(config) as server, slow_link(server.url, 4e6) as (url, link), listening(url) as run:
        await run.until(lambda: run.snapshot.packets_received > 20)
        link.bps = 2_000
        await until(lambda: server.counters.stuck == 1)
        link.bps = 4e6
        await run.until(is_waiting(run))
        assert "nothing was read for 0.5 s" in run.log
        assert wait_s(run) > 1
        await run.until(streams(run))
        assert server.counters.stuck == 1


async def test_a_source_that_fails_is_told_and_come_back_to_after_the_five_seconds_it_was_asked_for() -> None:
    def broken() -> ArraySource:
        raise SourceError("the input device is gone; plug it in again")

    async with serving(ServerConfig(port=0), broken) as server, session(server) as run:
        await run.until(is_waiting(run))
        assert "the input device is gone; plug it in again" in str(run.snapshot.connection.reason)
        assert wait_s(run) > 4
        assert server.stream.counters.source_failures == 1
