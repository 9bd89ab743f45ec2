"""Origins that go away, come back, refuse, or send something else: listeners stay, or are told why."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from core.opus.encoder import EncoderSettings
from core.server.app import serving
from core.server.broadcast import RETRY_AFTER_RESTART_MS
from core.server.config import one_stream
from core.wire.control import Bye, Hello, State, StreamState, pack_control
from tests.receiver.harness import opus_packets
from tests.server.helpers import bare_client, hear, rtp_client
from tests.server.relays import TUNED, hasty, one_relay, origin_of, relay_of, relaying, rtp, steps, trustme_context


async def test_listeners_stay_while_the_origin_is_gone_and_hear_it_again() -> None:
    async with serving(one_stream("sweep", settings=TUNED, port=0)) as origin:
        port = int(origin.url.split(":")[2].split("/")[0])
        config = one_relay(origin.url)
        relay_context = serving(config)
        relay = await relay_context.__aenter__()
        hasty(relay)
        client_context = rtp_client(relay.url)
        client = await client_context.__aenter__()
        heard = await hear(client, lambda heard: len(heard.packets) == 30)
    # The origin has said when to come back, at the soonest in half a second.
    heard = await hear(client, lambda heard: State(StreamState.IDLE) in heard.control, heard)
    before = len(heard.packets)
    await asyncio.sleep(0.3)
    async with serving(one_stream("tone", port=port)):
        heard = await hear(client, lambda heard: len(heard.packets) == before + 30, heard)
    assert heard.of(State)[-2:] == [State(StreamState.IDLE), State(StreamState.PLAYING)]
    assert heard.of(Bye) == []
    assert set(steps(heard.packets, "sequence_number", 16)) == {1}
    pause = steps(heard.packets, "timestamp", 32)[before - 1]
    assert 0.9 * RETRY_AFTER_RESTART_MS < pause / 48 < 6_000
    assert heard.packets[before].marker
    # The new origin is another one, and the listeners are told.
    assert [hello.frame_ms for hello in heard.of(Hello)] == [10.0, 20.0]
    assert {hello.ssrc for hello in heard.of(Hello)} == {heard.packets[0].ssrc}
    await client_context.__aexit__(None, None, None)
    await relay_context.__aexit__(None, None, None)


async def test_an_origin_that_breaks_down_without_a_word_is_connected_to_again() -> None:
    connections = 0

    async def origin(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        for n, packet in enumerate(opus_packets(20)):
            await connection.send(rtp(n, 960 * n, packet))
        if connections < 4:
            await asyncio.sleep(0.1)
            connection.transport.abort()
        await connection.wait_closed()

    async with origin_of(origin) as url, relaying(url) as relay:
        hasty(relay)
        async with rtp_client(relay.url) as client:
            heard = await hear(client, lambda heard: len(heard.packets) == 80)
    assert connections == 4
    assert [state.state for state in heard.of(State)][-6:] == [StreamState.IDLE, StreamState.PLAYING] * 3
    assert set(steps(heard.packets, "sequence_number", 16)) == {1}
    assert [n for n, packet in enumerate(heard.packets) if packet.marker] == [0, 20, 40, 60]


async def test_a_relay_whose_origin_is_away_from_the_start_is_idle_and_then_plays() -> None:
    async with serving(one_stream(port=0)) as taken:
        port = int(taken.url.split(":")[2].split("/")[0])
    async with relaying(f"ws://127.0.0.1:{port}/ws-audio", settings=EncoderSettings(48_000, 2, 10.0)) as relay:
        hasty(relay)
        async with rtp_client(relay.url) as client:
            heard = await hear(client, lambda heard: len(heard.control) == 2)
            assert heard.control[0].frame_ms == 10.0  # type: ignore[union-attr]
            await hear(client, lambda heard: State(StreamState.IDLE) in heard.control, heard)
            async with serving(one_stream(port=port)):
                await hear(client, lambda heard: len(heard.packets) == 5, heard)
    assert heard.of(Hello)[-1].frame_ms == 20.0


async def test_the_end_of_the_origins_stream_is_the_end_here(tmp_path: Path) -> None:
    from tests.server.helpers import tone, write_wav

    path = write_wav(tmp_path / "short.wav", tone(0.4))
    async with (
        serving(one_stream(str(path), port=0)) as origin,
        relaying(origin.url) as relay,
        rtp_client(relay.url) as client,
    ):
        heard = await hear(client, lambda heard: False)
        assert client.close_code == 1000
    assert len(heard.packets) == 20
    assert heard.control[-2:] == [State(StreamState.ENDED), Bye("the source has ended")]


async def test_a_gap_upstream_is_a_gap_here_and_markers_are_passed_on() -> None:
    packets = opus_packets(60)
    sent = [n for n in range(60) if n not in (20, 21, 22, 40)]

    async def origin(connection: ServerConnection) -> None:
        for n in sent:
            await connection.send(rtp(65_500 + n, 2**32 - 10_000 + 960 * n, packets[n], marker=n == 30))
        await connection.wait_closed()

    async with origin_of(origin) as url, relaying(url) as relay, rtp_client(relay.url) as client:
        heard = await hear(client, lambda heard: len(heard.packets) == len(sent))
    assert [packet.payload for packet in heard.packets] == [packets[n] for n in sent]
    first = heard.packets[0]
    assert [(packet.sequence_number - first.sequence_number) & 0xFFFF for packet in heard.packets] == sent
    assert [(packet.timestamp - first.timestamp) % 2**32 for packet in heard.packets] == [960 * n for n in sent]
    assert [n for n, packet in zip(sent, heard.packets, strict=True) if packet.marker] == [0, 30]
    # Who doesn't say when it was captured is not made to have said it.
    assert {packet.capture_time_ntp for packet in heard.packets} == {None}
    assert heard.reports == []


async def test_an_origin_that_sends_bare_packets_can_be_relayed() -> None:
    packets = opus_packets(40, 60.0)

    async def origin(connection: ServerConnection) -> None:
        for packet in packets:
            await connection.send(packet)
        await connection.wait_closed()

    async with origin_of(origin) as url, relaying(url) as relay, rtp_client(relay.url) as client:
        heard = await hear(client, lambda heard: len(heard.packets) == 40)
    assert [packet.payload for packet in heard.packets] == list(packets)
    assert heard.of(Hello)[-1].frame_ms == 60.0
    assert set(steps(heard.packets, "timestamp", 32)) == {2_880}


async def test_what_is_no_opus_is_not_passed_on() -> None:
    packets = opus_packets(10)

    async def origin(connection: ServerConnection) -> None:
        for n, packet in enumerate(packets):
            await connection.send(rtp(n, 960 * n, b"" if n == 4 else packet))
        await connection.wait_closed()

    async with origin_of(origin) as url, relaying(url) as relay, rtp_client(relay.url) as client:
        heard = await hear(client, lambda heard: len(heard.packets) == 9)
        assert relay_of(relay).counters.upstream_malformed == 1
    assert sorted(steps(heard.packets, "sequence_number", 16))[-2:] == [1, 2]


@pytest.mark.parametrize("how", ["429", "bye"])
async def test_it_comes_back_when_it_was_asked_to(how: str) -> None:
    times: list[float] = []

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        times.append(asyncio.get_running_loop().time())
        if how == "bye" or len(times) > 1:
            return None
        response = connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "later\n")
        response.headers["Retry-After"] = "1"
        return response

    async def origin(connection: ServerConnection) -> None:
        if how == "bye" and len(times) == 1:
            await connection.send(pack_control(Hello("opus-rtp.v1", 1, 48_000, 1, 20.0, "audio")))
            await connection.send(pack_control(Bye("restart", 1_000)))
            return
        await connection.send(rtp(1, 1, opus_packets(3)[0], marker=True))
        await connection.wait_closed()

    options: dict[str, Any] = {"subprotocols": ["opus-rtp.v1"]}
    async with origin_of(origin, process_request=refuse, **options) as url, relaying(url) as relay:
        hasty(relay)
        async with bare_client(relay.url) as client:
            await client.recv()
    assert times[1] - times[0] >= 0.99


async def test_a_refusal_is_told_to_listeners_without_secrets() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "a token is needed\n")

    async def origin(connection: ServerConnection) -> None:
        raise AssertionError("nobody comes in")

    async with origin_of(origin, process_request=refuse) as url, relaying(url) as relay:
        async with rtp_client(relay.url) as client:
            heard = await hear(client, lambda heard: False)
            assert client.close_code == 1011
        assert relay.stream.counters.source_failures == 1
    (bye,) = heard.of(Bye)
    assert bye.retry_after_ms is not None
    assert "refused the relay (HTTP 401: a token is needed)" in bye.reason
    assert "secret" not in bye.reason


async def test_a_redirect_is_not_followed_since_the_token_is_for_one_server_only() -> None:
    async def elsewhere(connection: ServerConnection) -> None:
        raise AssertionError("nobody comes in")

    async with origin_of(elsewhere) as other:

        def redirect(connection: ServerConnection, request: Request) -> Response:
            response = connection.respond(HTTPStatus.FOUND, "there\n")
            response.headers["Location"] = other
            return response

        async with (
            origin_of(elsewhere, process_request=redirect) as url,
            relaying(url) as relay,
            rtp_client(relay.url) as client,
        ):
            heard = await hear(client, lambda heard: False)
    assert "refused the relay (HTTP 302: there)" in heard.of(Bye)[0].reason


async def test_the_token_and_the_authority_reach_upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = trustme_context(authority)
    monkeypatch.setenv("UPSTREAM", "correct-horse")
    brought: list[str | None] = []

    async def origin(connection: ServerConnection) -> None:
        assert connection.request is not None
        brought.append(connection.request.headers.get("Authorization"))
        for n, packet in enumerate(opus_packets(10)):
            await connection.send(rtp(n, 960 * n, packet))
        await connection.wait_closed()

    async with origin_of(origin, ssl=context) as url:
        async with (
            relaying(
                url,
                upstream_token_env="UPSTREAM",  # noqa: S106
                upstream_ca_file=tmp_path / "ca.pem",
            ) as relay,
            bare_client(relay.url) as client,
        ):
            await client.recv()
        assert brought == ["Bearer correct-horse"]
        async with relaying(url) as relay, rtp_client(relay.url) as client:
            heard = await hear(client, lambda heard: False)
        assert "is not trusted" in heard.of(Bye)[0].reason


async def test_who_is_sent_away_for_good_upstream_passes_that_on_and_does_not_call_it_an_end() -> None:
    async def origin(connection: ServerConnection) -> None:
        await connection.send(pack_control(Hello("opus-rtp.v1", 1, 48_000, 1, 20.0, "audio")))
        await connection.send(pack_control(Bye("the token has expired")))
        await connection.close(1008)

    options: dict[str, Any] = {"subprotocols": ["opus-rtp.v1"]}
    async with origin_of(origin, **options) as url, relaying(url) as relay, rtp_client(relay.url) as client:
        heard = await hear(client, lambda heard: False)
        assert client.close_code == 1008
        assert relay.stream.counters.upstream_attempts == 1
    (bye,) = heard.of(Bye)
    assert bye.reason.endswith(": the token has expired")
    assert bye.retry_after_ms is None
