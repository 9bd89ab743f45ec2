"""A session lets others observe what the server does."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection

from core.analysis.observation import Closed, Connected, Connecting, NotConnected, Observation, Received
from core.opus.media import MediaPacket
from core.playout.settings import PlayoutSettings
from core.receiver.impairment.text import parse_impairment
from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState
from tests.receiver.harness import Listening, listening, opus_packets, send_paced, serving

PACKETS = opus_packets(150)


async def stream(connection: ServerConnection) -> None:
    await send_paced(connection, PACKETS)


async def break_off(connection: ServerConnection) -> None:
    await send_paced(connection, PACKETS[:10])
    connection.transport.abort()


def options(url: str, impairment: str = "") -> ListenOptions:
    lab = {"impairment": parse_impairment(impairment)} if impairment else {}
    return ListenOptions(url, output="null", playout=PlayoutSettings(60), gives_up_early=True, **lab)  # type: ignore[arg-type]


def watched(run: Listening) -> list[Observation]:
    seen: list[Observation] = []
    run.session.observe(seen.append)
    return seen


def packets(seen: list[Observation]) -> list[Received]:
    return [each for each in seen if isinstance(each, Received) and isinstance(each.event, MediaPacket)]


async def test_what_happens_is_told_in_order_and_with_every_packet() -> None:
    async with serving(stream) as url:
        async with listening(options(url)) as run:
            seen = watched(run)
            await run.until(lambda: len(packets(seen)) > 20)
        assert [type(each) for each in seen[:3]] == [Connecting, Connected, Received]
        assert seen[-1] == Closed(seen[-1].at_ns, None, by_observer=True)
        payloads = [each.event.payload for each in packets(seen) if isinstance(each.event, MediaPacket)]
        assert payloads == list(PACKETS[: len(payloads)])
        times = [each.at_ns for each in packets(seen)]
        assert times == sorted(times)


async def test_packets_are_observed_as_they_were_read_and_not_as_the_network_lab_lets_them_through() -> None:
    async with serving(stream) as url, listening(options(url, "delay=400")) as run:
        seen = watched(run)
        await run.until(lambda: run.snapshot.packets_received > 5)
        connected = next(each for each in seen if isinstance(each, Connected))
        first = packets(seen)[0]
        assert first.at_ns - connected.at_ns < 200e6
        # Of which the session itself has only heard what is older than the delay.
        assert len(packets(seen)) - run.snapshot.packets_received >= 15


async def test_an_observer_that_fails_ends_alone_and_is_told_of() -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    def fail(seen: Observation) -> None:
        raise ValueError("of this observer")

    async with serving(stream) as url, listening(options(url)) as run:
        run.session.observe(fail)
        seen = watched(run)
        await run.until(lambda: len(packets(seen)) > 5 and run.snapshot.packets_received > 5)
    [failure] = failures
    assert str(failure["exception"]) == "of this observer"


async def test_a_server_that_breaks_off_is_no_doing_of_the_observer() -> None:
    async with serving(break_off) as url, listening(options(url)) as run:
        seen = watched(run)
        await run.until(lambda: any(isinstance(each, Closed) for each in seen))
        closed = next(each for each in seen if isinstance(each, Closed))
        assert (closed.code, closed.by_observer) == (None, False)
        assert len(packets(seen)) == 10


async def test_where_nobody_listens_the_attempt_is_told_as_failed() -> None:
    run = Listening(options("ws://127.0.0.1:9/ws-audio"))
    seen = watched(run)
    await run.session.run()
    assert [type(each) for each in seen] == [Connecting, NotConnected]
    assert "nothing listens" in seen[-1].reason  # type: ignore[union-attr]


async def test_where_it_stood_before_it_was_stopped_is_remembered() -> None:
    async with serving(stream) as url, listening(options(url)) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
        session = run.session
        assert session.state_before_stop is ConnectionState.STREAMING
    assert session.snapshot().connection.state is ConnectionState.DISCONNECTED
    assert session.state_before_stop is ConnectionState.STREAMING
