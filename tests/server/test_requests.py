"""What is refused before a connection is upgraded, and how it is said."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import aiohttp
import pytest
import websockets
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from core.opus.encoder import EncoderSettings
from core.opus.packet import parse_packet
from core.server.app import serving
from core.server.config import QueryError, ServerConfig, StreamConfig, settings_from_query, wants_rtp
from core.server.gate import Grant, RefusedError
from tests.server.helpers import bare_client

LOCAL = ServerConfig(port=0)
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.text()


async def test_another_path_is_not_found() -> None:
    async with serving(LOCAL) as server:
        status, _ = await get(server.url.replace("ws://", "http://").replace("/ws-audio", "/audio"), UPGRADE)
    assert status == 404


async def test_a_browser_is_told_what_this_is() -> None:
    async with serving(LOCAL) as server:
        status, text = await get(server.url.replace("ws://", "http://"))
        assert status == 426
        assert server.url in text
        assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("frame_ms=7", "frame_ms 7 is not possible; accepted: 2.5, 5, 10, 20, 40, 60"),
        ("frame_ms=nan", "frame_ms nan is not possible; accepted: 2.5, 5, 10, 20, 40, 60"),
        ("frame_ms=ten", "frame_ms 'ten' is not possible; expected a number of milliseconds"),
        ("bitrate=1", "bitrate 1 is not possible; accepted: 6000 to 510000 bit/s"),
        ("bitrate=64k", "bitrate '64k' is not possible; expected a whole number of bit/s"),
        ("complexity=11", "complexity 11 is not possible; accepted: 0 to 10"),
        ("fec=maybe", "fec 'maybe' is not possible; expected 0 or 1"),
        ("dtx=", "dtx '' is not possible; expected 0 or 1"),
        ("application=music", "application 'music' is not possible; accepted: voip, audio, lowdelay"),
        ("application=VOIP", "application 'VOIP' is not possible; accepted: voip, audio, lowdelay"),
        ("application=", "application '' is not possible; accepted: voip, audio, lowdelay"),
        ("framing=mp3", "framing 'mp3' is not possible; accepted: bare, rtp"),
    ],
)
async def test_an_impossible_query_is_refused_in_one_line(query: str, reason: str) -> None:
    async with serving(LOCAL) as server:
        status, text = await get(f"{server.url.replace('ws://', 'http://')}?{query}", UPGRADE)
        assert (status, text) == (400, reason + "\n")
        assert server.stream.counters.sessions == 0


async def test_a_taken_port_is_an_os_error_and_leaves_nothing_behind() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="address already in use"):
            async with serving(ServerConfig(port=taken.getsockname()[1])):
                pass


@given(
    st.dictionaries(
        st.sampled_from(["frame_ms", "bitrate", "complexity", "fec", "dtx", "application", "framing"]), st.text()
    )
)
def test_any_query_is_either_understood_or_refused(query: dict[str, str]) -> None:
    try:
        settings = settings_from_query(query, EncoderSettings())
        wants_rtp(query, offered=False)
    except QueryError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(settings, EncoderSettings)


@pytest.mark.parametrize(
    ("host", "is_public"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True), ("pi.local", True)],  # noqa: S104
)
def test_only_loopback_addresses_are_private(host: str, is_public: bool) -> None:
    assert ServerConfig(host=host).is_public is is_public


@pytest.mark.parametrize("wrong", [{"port": -1}, {"port": 70_000}, {"queue_ms": 10.0}, {"path": "ws"}])
def test_an_impossible_configuration_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"port|queue|path"):
        ServerConfig(**wrong)  # type: ignore[arg-type]


async def test_each_stream_has_an_address_and_all_are_listed() -> None:
    voice = StreamConfig("voice", "sweep", settings=EncoderSettings(48_000, 2, 10.0))
    async with serving(ServerConfig(streams=(StreamConfig(), voice), port=0)) as server:
        base = server.url.removesuffix("/ws-audio")
        async with bare_client(f"{base}/streams/voice") as client, aiohttp.ClientSession() as http:
            assert parse_packet(await client.recv()).duration_ms == 10
            listed = await (await http.get(f"{base.replace('ws:', 'http:')}/streams")).json()
            missing = await http.get(f"{base.replace('ws:', 'http:')}/streams/nothing")
            assert missing.status == 404
            assert "no stream 'nothing'" in await missing.text()
        async with bare_client(server.url) as first, bare_client(f"{base}/streams/main") as same:
            assert parse_packet(await first.recv()).duration_ms == parse_packet(await same.recv()).duration_ms == 20
    assert [(each["name"], each["path"], each["listeners"]) for each in listed["streams"]] == [
        ("main", "/streams/main", 0),
        ("voice", "/streams/voice", 1),
    ]
    assert (listed["streams"][1]["sample_rate"], listed["streams"][1]["channels"]) == (48_000, 2)


class ClosedGate:
    """Refuses everybody."""

    def admit(self, request: web.Request, stream: str) -> Grant:
        raise RefusedError(429, f"too many for {stream}", retry_after_s=1.2)

    def knock(self, request: web.Request) -> None:
        raise RefusedError(429, "too many pushes", retry_after_s=1.2)

    def knock_again(self, stream: str) -> None:
        raise AssertionError("nobody came in")

    def visible(self, request: web.Request, streams: Iterable[str]) -> list[str]:
        return []

    def leave(self, grant: Grant) -> None:
        raise AssertionError("nobody came in")


async def test_who_is_refused_is_told_why_and_when_to_come_back() -> None:
    async with serving(LOCAL, gate=ClosedGate()) as server:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(server.url)
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "2"
        assert refused.value.response.body == b"too many for main\n"
        assert server.counters.connections == 0
