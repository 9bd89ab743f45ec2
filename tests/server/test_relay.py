"""A relay in front of an origin: the very packets, and its own numbers."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
import websockets

from core.server.app import serving
from core.server.config import StreamConfig, one_stream
from core.server.streams import check_source
from core.wire.control import Config, Hello, Set, StreamState, pack_control
from core.wire.rtcp import unix_ns_from_ntp
from tests.receiver.harness import listening
from tests.server.helpers import bare_client, everything, hear, rtp_client, until
from tests.server.relays import TUNED, overlap, relaying, steps


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
