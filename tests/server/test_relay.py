"""A relay in front of an origin: the very packets, its own numbers, and listeners who stay when the origin goes."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
import websockets
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket
from websockets.http11 import Request, Response

from core.opus.encoder import Application, EncoderSettings
from core.opus.media import MediaPacket
from core.opus.packet import parse_packet
from core.server.app import RunningServer, serving
from core.server.broadcast import RETRY_AFTER_RESTART_MS
from core.server.config import ServerConfig, StreamConfig, one_stream
from core.server.facts import StreamFacts
from core.server.frames import text_frame
from core.server.framing import RtpListener
from core.server.packets import EncodedPacket
from core.server.relay import RelayStream
from core.server.streams import check_source
from core.server.timeline import Timeline
from core.server.upstream import Upstream
from core.wire.attempts import Backoff
from core.wire.control import Bye, Config, Hello, Set, State, StreamState, pack_control
from core.wire.detect import DetectingDialect
from core.wire.rtcp import unix_ns_from_ntp
from core.wire.rtp import RtpPacket, pack_rtp
from tests.receiver.harness import listening, opus_packets
from tests.server.helpers import Recorder, bare_client, everything, hear, rtp_client, until

TUNED = EncoderSettings(48_000, 2, 10.0, Application.LOWDELAY, bitrate=96_000)


@asynccontextmanager
async def relaying(url: str, **stream: Any) -> AsyncIterator[RunningServer]:
    async with serving(one_relay(url, **stream)) as server:
        yield server


def one_relay(url: str, **stream: Any) -> ServerConfig:
    return ServerConfig((StreamConfig(source=f"relay:{url}", **stream),), port=0)


def relay_of(server: RunningServer) -> RelayStream:
    assert isinstance(server.stream, RelayStream)
    return server.stream


def hasty(server: RunningServer) -> None:
    """Tries again soon, so that a test need not wait."""
    relay_of(server)._backoff = Quick()


class Quick(Backoff):
    """Waits as long as it was asked to, else hardly."""

    def next_wait_s(self, asked_for_s: float | None = None) -> float:
        super().next_wait_s(asked_for_s)
        return 0.05 if asked_for_s is None else asked_for_s


def overlap(one: list[bytes], other: list[bytes]) -> int:
    """How many packets of ``one`` stand at the beginning of ``other``, or the other way round; all must be alike."""
    for first, second in ((one, other), (other, one)):
        if second[0] in first:
            at = first.index(second[0])
            count = min(len(first) - at, len(second))
            assert first[at : at + count] == second[:count]
            return count
    return 0


def steps(packets: list[RtpPacket], field: str, bits: int) -> list[int]:
    values = [getattr(packet, field) for packet in packets]
    return [(b - a) % (1 << bits) for a, b in itertools.pairwise(values)]


async def test_payloads_are_those_of_the_origin_byte_for_byte() -> None:
    async with (
        serving(one_stream("sweep", settings=TUNED, port=0)) as origin,
        relaying(origin.url) as relay,
        rtp_client(origin.url) as direct,
        rtp_client(relay.url) as through,
    ):
        near, far = await asyncio.gather(
            hear(direct, lambda heard: len(heard.packets) == 150),
            hear(through, lambda heard: len(heard.packets) == 150),
        )
        assert relay.stream.state is StreamState.PLAYING
    assert overlap([p.payload for p in near.packets], [p.payload for p in far.packets]) > 50
    assert set(steps(far.packets, "sequence_number", 16)) == {1}
    assert set(steps(far.packets, "timestamp", 32)) == {480}
    hello = far.of(Hello)[0]
    assert (hello.sample_rate, hello.channels, hello.frame_ms, hello.application, hello.bitrate, hello.limits) == (
        48_000,
        2,
        10.0,
        "lowdelay",
        96_000,
        {},
    )
    assert far.order[0] == "Hello"
    assert hello.ssrc != near.of(Hello)[0].ssrc
    # The same packet was captured at the same time, whoever tells; the clocks here are the same one.
    known = {p.payload: p.capture_time_ntp for p in near.packets}
    shared = [p for p in far.packets if p.capture_time_ntp and known.get(p.payload)]
    assert shared
    offs_ms = [(unix_ns_from_ntp(p.capture_time_ntp) - unix_ns_from_ntp(known[p.payload])) / 1e6 for p in shared]
    assert sorted(map(abs, offs_ms))[len(offs_ms) // 2] < 5


async def test_bare_listeners_of_a_relay_get_the_same_packets_and_a_lead() -> None:
    async with (
        serving(one_stream("sweep", port=0)) as origin,
        relaying(origin.url, lead_ms=1_000.0) as relay,
        bare_client(relay.url) as first,
    ):
        early = [await first.recv() for _ in range(60)]
        async with bare_client(relay.url) as second:
            began_s = asyncio.get_running_loop().time()
            late = [await second.recv() for _ in range(50)]
            assert asyncio.get_running_loop().time() - began_s < 0.7
            early += [await first.recv() for _ in range(20)]
    assert overlap(early, late) == 50  # type: ignore[arg-type]


async def test_upstream_is_open_only_while_somebody_listens() -> None:
    async with serving(one_stream(port=0)) as origin, relaying(origin.url) as relay:
        assert origin.stream.listener_count == 0
        async with bare_client(relay.url) as one, bare_client(relay.url) as two:
            await one.recv()
            await two.recv()
            assert origin.stream.listener_count == 1
        await until(lambda: origin.stream.listener_count == 0)


async def test_two_relays_in_a_chain_pass_on_the_same_packets() -> None:
    async with (
        serving(one_stream("sweep", settings=TUNED, port=0)) as origin,
        relaying(origin.url) as middle,
        relaying(middle.url) as edge,
        bare_client(origin.url) as direct,
        rtp_client(edge.url) as through,
    ):
        far = await hear(through, lambda heard: len(heard.packets) == 60)
        near = [await direct.recv() for _ in range(150)]
    assert overlap(near, [p.payload for p in far.packets]) > 20  # type: ignore[arg-type]
    assert far.of(Hello)[-1].frame_ms == 10.0
    assert far.of(Hello)[-1].sample_rate == 48_000


async def test_settings_cannot_be_changed_and_every_way_to_ask_is_told_so() -> None:
    async with serving(one_stream(settings=TUNED, port=0)) as origin, relaying(origin.url) as relay:
        async with rtp_client(relay.url) as client:
            heard = await hear(client, lambda heard: len(heard.packets) == 3)
            await client.send(pack_control(Set(frame_ms=60.0)))
            heard = await hear(client, lambda heard: bool(heard.of(Config)), heard)
            (answer,) = heard.of(Config)
            assert answer.refused == "this stream is relayed as it comes; ask its origin"
            assert (answer.frame_ms, answer.application, answer.bitrate) == (10.0, "lowdelay", 96_000)
        async with aiohttp.ClientSession() as http:
            upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
            url = relay.url.replace("ws:", "http:")
            async with http.get(f"{url}?frame_ms=10&token=x", headers=upgrade) as response:
                assert response.status == 400
                assert await response.text() == (
                    "frame_ms cannot be chosen here: this stream is relayed as it comes; ask its origin\n"
                )
            listed = await (await http.get(url.replace("/ws-audio", "/streams"))).json()
            assert listed["streams"][0]["frame_ms"] == 10.0


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
    async with relaying(f"ws://127.0.0.1:{port}/ws-audio", settings=TUNED) as relay:
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


Handler = Callable[[ServerConnection], Any]


@asynccontextmanager
async def origin_of(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """An origin that does what a test says."""
    async with serve_websocket(handler, "127.0.0.1", 0, compression=None, **options) as server:
        scheme = "wss" if "ssl" in options else "ws"
        yield f"{scheme}://localhost:{next(iter(server.sockets)).getsockname()[1]}/x?token=secret"


def rtp(number: int, timestamp: int, payload: bytes, **more: Any) -> bytes:
    return pack_rtp(RtpPacket(111, number, timestamp, 7, more.pop("marker", False), payload, **more))


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


def trustme_context(authority: trustme.CA) -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_a_real_client_listens_through_a_relay_and_sees_that_nothing_can_be_set() -> None:
    async with (
        serving(one_stream("sweep", settings=TUNED, port=0)) as origin,
        relaying(origin.url) as relay,
        listening(relay.url) as client,
    ):
        await client.until(lambda: client.snapshot.packets_received > 100)
        snapshot = client.snapshot
    assert snapshot.packets_lost == 0
    assert snapshot.frame_size.unavailable_because == "the server does not offer other frame sizes"
    assert snapshot.encoder.unavailable_because == "the server does not offer to change its encoder"
    assert snapshot.application.unavailable_because == "the server does not offer another application"
    assert (snapshot.encoder.bitrate, snapshot.encoder.application) == (96_000, "lowdelay")


@pytest.mark.parametrize(
    "url", ["", "http://x/", "ws://", "ws://x:0/", "ws://x:99999/", "ws://[::1/", "ws://a b/", "x", "ws://x\n/"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="cannot be relayed; accepted: relay:ws://HOST") as refused:
        check_source(StreamConfig(source=f"relay:{url}"))
    assert "\n" not in str(refused.value)


# The timeline by itself.

PACKET = opus_packets(1)[0]
INFO = parse_packet(PACKET)


def media(number: int, timestamp: int, arrival_ms: int, captured_ms: int | None = None) -> MediaPacket:
    captured_ns = None if captured_ms is None else captured_ms * 1_000_000
    return MediaPacket(PACKET, arrival_ms * 1_000_000, number, timestamp, captured_ns)


def test_after_another_connection_numbers_go_on_and_media_time_leaves_out_the_pause() -> None:
    for captured in (None, 0):
        timeline = Timeline()
        timeline.begin()
        first = timeline.place(media(7, 1_000, 100, captured), INFO)
        timeline.begin()
        # It ended at 100 ms; this one, 20 ms long, came at 1,120.
        captured_ms = None if captured is None else 1_020
        second = timeline.place(media(40_000, 5, 1_120, captured_ms), INFO)
        assert (second.number - first.number) & 0xFFFF == 1
        assert second.media_time - first.media_time == 960 + 48_000
        assert first.begins_talk
        assert second.begins_talk
        assert second.capture_time_ns == (None if captured is None else 1_020_000_000)


class Framed(Recorder):
    """An audience whose packets become RTP."""

    wants_lead = False

    def __init__(self, relay: RelayStream) -> None:
        super().__init__()
        self._rtp = RtpListener(relay.rtp, relay.clock)
        self.facts: list[StreamFacts] = []

    def deliver(self, packet: EncodedPacket) -> None:
        assert self.facts
        self._rtp.frame(packet)
        self._rtp.sender_report()

    def show_facts(self, facts: StreamFacts) -> None:
        self.facts.append(facts)
        text_frame(pack_control(facts.hello(1, {})))

    def show_state(self, state: StreamState) -> None:
        pass


UINT = [st.integers(0, 2**bits - 1) for bits in (16, 32, 64)]
RTP_MESSAGES = st.builds(
    lambda number, timestamp, captured, payload: rtp(number, timestamp, payload, capture_time_ntp=captured),
    st.integers(0, 30) | UINT[0],
    st.integers(0, 30_000) | UINT[1],
    st.none() | UINT[2],
    st.sampled_from([opus_packets(1)[0], opus_packets(1, 60.0)[0], b""]) | st.binary(max_size=20),
)
NUMBERS = st.integers() | st.floats()
TEXTS = st.builds(
    lambda kind, keys: json.dumps({"type": kind, **keys}),
    st.sampled_from(["hello", "time", "config", "state", "bye", "stats", "set", "other"]),
    st.fixed_dictionaries(
        {"protocol": st.just("opus-rtp.v1"), "state": st.sampled_from(["playing", "idle", "ended"])},
        optional={
            key: NUMBERS | st.sampled_from([1, 20, 48_000]) | st.text(max_size=5)
            for key in ("ssrc", "sample_rate", "channels", "frame_ms", "application", "client_transmitted")
        }
        | dict.fromkeys(("server_received", "server_transmitted", "retry_after_ms", "bitrate"), NUMBERS),
    ),
)


@given(st.lists(RTP_MESSAGES | TEXTS | st.binary(max_size=40) | st.text(max_size=20), max_size=30), st.booleans())
def test_whatever_upstream_sends_is_passed_on_or_left_out(messages: list[bytes | str], is_ours: bool) -> None:
    relay = RelayStream(Upstream("ws://x/"), TUNED)
    listener = Framed(relay)
    relay._listeners[listener] = TUNED
    dialect = DetectingDialect("opus-rtp.v1" if is_ours else None)
    for at, message in enumerate(messages):
        for event in dialect.receive(message, relay.clock.now_ns() + at):
            relay._take(event)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2**32)), min_size=1, max_size=30),
    st.lists(st.integers(0, 29), max_size=5),
)
def test_differences_within_a_connection_are_passed_on(packets: list[tuple[int, int]], begins: list[int]) -> None:
    timeline = Timeline()
    previous = None
    for at, (number, timestamp) in enumerate(packets):
        if at in begins or at == 0:
            timeline.begin()
            previous = None
        placed = timeline.place(media(number, timestamp, at * 20), INFO)
        assert 0 <= placed.number < 2**16
        if previous is not None:
            before, (old_number, old_timestamp) = previous
            assert (placed.number - before.number) & 0xFFFF == (number - old_number) & 0xFFFF
            assert placed.media_time - before.media_time == timestamp - old_timestamp
        previous = placed, (number, timestamp)


async def test_the_server_stops_in_time_while_it_relays() -> None:
    async with serving(one_stream(port=0)) as origin:
        began_s = 0.0
        async with relaying(origin.url) as relay:
            client = await websockets.connect(relay.url)
            await client.recv()
            began_s = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began_s < 2
        await everything(client)
        assert client.close_code == 1001
