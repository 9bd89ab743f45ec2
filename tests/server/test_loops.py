"""Relays that lead back to themselves are told so, and nobody goes round and round."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.receiver.status import ConnectionState
from core.server.access.refusals import Reason
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig, one_stream
from core.server.loops import HEADER, MAX_IDS, chain, check_no_loop, ids_in, new_id
from core.wire.control import Bye
from tests.end_to_end.balancer import free_port
from tests.receiver.harness import listening
from tests.server.helpers import Heard, bare_client, hear, rtp_client, until
from tests.support.logs import told
from tests.support.processes import ChildProcess


@asynccontextmanager
async def ring(size: int) -> AsyncIterator[list[RunningServer]]:
    """Servers each of which relays the next one, and the last one the first."""
    ports = [free_port() for _ in range(size)]
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                serving(one_stream(f"relay:ws://127.0.0.1:{ports[(at + 1) % size]}/ws-audio", port=port))
            )
            for at, port in enumerate(ports)
        ]


def attempts_of(servers: list[RunningServer]) -> list[int]:
    return [server.stream.counters.upstream_attempts for server in servers]


async def all_heard(servers: list[RunningServer]) -> list[Heard]:
    """What a listener of each hears, up to the end of its connection."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(rtp_client(server.url)) for server in servers]
        heard = await asyncio.gather(*(hear(client, lambda heard: False) for client in clients))
        assert [client.close_code for client in clients] == [1008] * len(servers)
    return heard


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_who_enters_a_ring_of_relays_is_told_and_it_is_gone_round_once(
    size: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with ring(size) as servers:
        [heard] = await all_heard(servers[:1])
        [bye] = heard.of(Bye)
        assert bye.reason.endswith(f"a loop of relays: {servers[0].url} is relayed from itself")
        assert bye.retry_after_ms is None
        assert not heard.packets
        await asyncio.sleep(0.5)
        assert attempts_of(servers) == [1] * size
        assert sum(server.refusals.counts[Reason.LOOP] for server in servers) == 1
    assert len(told(caplog)) == size
    assert all("a loop of relays" in line for line in told(caplog, "source failed"))


@pytest.mark.parametrize("size", [2, 3])
async def test_who_enters_a_ring_everywhere_at_once_is_told_as_well(size: int) -> None:
    async with ring(size) as servers:
        async with asyncio.timeout(8):
            everybody = await all_heard(servers)
        for heard in everybody:
            assert "a loop of relays" in heard.of(Bye)[-1].reason
        assert max(attempts_of(servers)) <= size + 1


async def test_a_real_client_gives_up_with_the_reason() -> None:
    async with ring(2) as servers, listening(servers[0].url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        assert "a loop of relays" in str(run.snapshot.connection.reason)


async def test_a_stream_may_be_relayed_from_another_one_of_the_same_server() -> None:
    port = free_port()
    edge = StreamConfig("edge", f"relay:ws://127.0.0.1:{port}/streams/main")
    config = ServerConfig((StreamConfig(), edge), port=port)
    check_no_loop(config)
    async with serving(config) as server, bare_client(server.url.replace("/ws-audio", "/streams/edge")) as client:
        for _ in range(5):
            await client.recv()


async def test_new_relays_do_not_interrupt_what_plays_and_hardly_what_is_silent() -> None:
    async with serving(one_stream("push", port=0)) as origin, serving(one_stream(f"relay:{origin.url}", port=0)) as mid:

        async def come_and_go() -> None:
            async with bare_client(mid.url, additional_headers={HEADER: new_id()}):
                pass

        async with bare_client(mid.url):
            await until(lambda: origin.stream.listener_count == 1)
            for _ in range(5):
                await come_and_go()
            # Once at once, and once more after a second, at most.
            await asyncio.sleep(0.5)
            assert attempts_of([mid]) <= [2]
    async with serving(one_stream(port=0)) as origin, serving(one_stream(f"relay:{origin.url}", port=0)) as mid:
        async with bare_client(mid.url) as stays:
            await stays.recv()
            async with bare_client(mid.url, additional_headers={HEADER: new_id()}) as other:
                await other.recv()
        assert attempts_of([mid]) == [1]


@pytest.mark.parametrize(
    ("host", "urls"),
    [
        ("127.0.0.1", ["ws://127.0.0.1:7000/ws-audio"]),
        ("127.0.0.1", ["ws://localhost:7000/streams/a?frame_ms=20"]),
        ("0.0.0.0", ["ws://127.0.0.9:7000/streams/a"]),  # noqa: S104
        ("::", ["wss://[::1]:7000/ws-audio"]),
        ("radio.example", ["ws://RADIO.example:7000/ws-audio"]),
        ("127.0.0.1", ["ws://127.0.0.1:7000/streams/b", "ws://127.0.0.1:7000/streams/a"]),
        ("127.0.0.1", ["ws://127.0.0.1:7000/streams/b", "ws://127.0.0.1:7000/streams/b"]),
    ],
)
def test_what_the_configuration_tells_is_refused_at_the_start(host: str, urls: list[str]) -> None:
    streams = tuple(StreamConfig(name, f"relay:{url}") for name, url in zip("ab", urls, strict=False))
    with pytest.raises(
        ValueError, match=r"^stream '[ab]' would be relayed to itself \((a|b)( from [ab])+\); name"
    ) as no:
        check_no_loop(ServerConfig(streams, host, 7000))
    assert "\n" not in str(no.value)


@pytest.mark.parametrize(
    ("port", "url"),
    [
        (7000, "ws://127.0.0.1:7001/ws-audio"),
        (7000, "ws://127.0.0.1/ws-audio"),
        (7000, "ws://192.0.2.1:7000/ws-audio"),
        (7000, "ws://127.0.0.1:7000/streams/other"),
        (7000, "ws://127.0.0.1:7000/elsewhere"),
        (0, "ws://127.0.0.1:8765/ws-audio"),
    ],
)
def test_other_servers_and_streams_may_be_relayed(port: int, url: str) -> None:
    check_no_loop(ServerConfig((StreamConfig("a", f"relay:{url}"),), port=port))


def test_the_command_refuses_to_start_in_one_line() -> None:
    source = ("--source", "relay:ws://localhost:7000/ws-audio")
    with ChildProcess([sys.executable, "-m", "core.cli.main", "serve", "--port", "7000", *source]) as server:
        assert server.wait() == 2
        [line] = server.text("stderr").splitlines()
    assert line.startswith("opuscope: stream 'main' would be relayed to itself (main from main); name")


IDS = st.lists(st.text("0123456789abcdef", min_size=12, max_size=12), max_size=200).map(tuple)


@given(st.text())
def test_whatever_stands_in_the_header_is_ids_or_left_out(text: str) -> None:
    assert all(len(each) == 12 for each in ids_in({HEADER: text}))


@given(st.lists(IDS, max_size=4))
def test_a_chain_begins_with_its_relay_and_names_the_nearest_up_to_a_bound(behind: list[tuple[str, ...]]) -> None:
    own = new_id()
    made = chain(own, behind)
    assert made[0] == own
    assert len(made) == len(set(made)) <= MAX_IDS
    assert ids_in({HEADER: ", ".join(made)}) == made
    assert {way[0] for way in behind if way} <= set(made)
    if len(made) < MAX_IDS:
        assert set(made) == {own, *(each for way in behind for each in way)}
