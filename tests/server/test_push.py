"""Sound that is sent to a stream: over HTTP and WebSocket, raw and in containers, by one at a time, at our pace."""

from __future__ import annotations

import asyncio
import io
import itertools
import secrets
import wave
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
import pytest
import websockets
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.opus.encoder import EncoderSettings
from core.server import inlet as inlet_module
from core.server import pump as pump_module
from core.server.access.gatekeeper import Gatekeeper
from core.server.access.refusals import Reason, Refusals
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig
from core.server.gate import RefusedError
from core.server.ingest_door import IngestDoor
from core.server.inlet import Inlet, InletSource, OccupiedError
from core.wire.control import State, StreamState
from tests.audio.sources.test_file import write_encoded
from tests.server.helpers import (
    RATE,
    Heard,
    Pcm16,
    VirtualTime,
    bare_client,
    decode,
    hear,
    rtp_client,
    tone,
    until,
)
from tests.server.test_operation import figures

RAW = "?rate=24000&channels=1"


class Pushable:
    """A server with one stream that takes sound."""

    def __init__(self, server: RunningServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.url = server.url
        self.http = http
        self.ingest = server.url.replace("/ws-audio", "/ingest/main")
        self.over_http = self.ingest.replace("ws:", "http:")

    async def post(self, data: Any, query: str = "", **options: Any) -> tuple[int, str]:
        """Status and text of the answer."""
        async with self.http.post(self.over_http + query, data=data, **options) as response:
            return response.status, await response.text()


@asynccontextmanager
async def pushable(
    settings: EncoderSettings | None = None, limits: LimitSettings | None = None, **stream: Any
) -> AsyncIterator[Pushable]:
    config = StreamConfig(source="push", settings=settings or EncoderSettings(), **stream)
    limits = limits or LimitSettings()
    async with serving(ServerConfig((config,), port=0, limits=limits)) as server, aiohttp.ClientSession() as http:
        yield Pushable(server, http)


def wav(pcm: Pcm16, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(pcm.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


def is_tone(payloads: list[bytes], hertz: float) -> bool:
    """Whether packets of a mono stream hold this tone above all."""
    sound = decode(payloads)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return abs(np.argmax(spectrum) * 48_000 / len(sound) - hertz) < 5


def loud(heard: Heard) -> list[bytes]:
    return [packet.payload for packet in heard.packets]


@pytest.mark.parametrize("how", ["body", "chunks", "socket", "put"])
async def test_raw_samples_are_heard(how: str) -> None:
    pcm = tone(1.0, 660).astype("<i2").tobytes()
    pieces = [pcm[at : at + 7_001] for at in range(0, len(pcm), 7_001)]

    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async with pushable() as it, rtp_client(it.url) as client:
        if how == "socket":
            async with websockets.connect(it.ingest + RAW) as pusher:
                for piece in pieces:
                    await pusher.send(piece)
        elif how == "put":
            async with it.http.put(it.over_http + RAW, data=pcm) as response:
                assert response.status == 200
        else:
            assert await it.post(pcm if how == "body" else chunks(), RAW) == (200, "took 1.00 s of sound\n")
        heard = await hear(client, lambda heard: len(heard.packets) == 50)
    assert is_tone(loud(heard), 660)


@pytest.mark.parametrize("how", ["body", "socket"])
@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.ogg", "libopus"), ("a.flac", "flac")])
async def test_files_are_heard_whatever_their_format(tmp_path: Path, how: str, name: str, codec: str) -> None:
    path = write_encoded(tmp_path / name, codec, tone(1.0, 880, 48_000), 48_000)
    async with pushable() as it, rtp_client(it.url) as client:
        if how == "socket":
            async with websockets.connect(it.ingest) as pusher:
                data = path.read_bytes()
                for at in range(0, len(data), 1_000):
                    await pusher.send(data[at : at + 1_000])
        else:
            status, text = await it.post(path.read_bytes())
            assert (status, text[:6]) == (200, "took 1" if "1." in text else "took 0")
        heard = await hear(client, lambda heard: len(heard.packets) == 45)
    assert is_tone(loud(heard), 880)


async def test_other_rates_and_channels_become_the_streams() -> None:
    stereo = np.repeat(tone(1.0, 550, 44_100), 2, axis=1)
    async with pushable() as it, rtp_client(it.url) as client:
        status, _ = await it.post(stereo.astype("<i2").tobytes(), "?rate=44100&channels=2")
        heard = await hear(client, lambda heard: len(heard.packets) == 45)
    assert status == 200
    assert is_tone(loud(heard), 550)


async def test_what_is_sent_faster_than_it_sounds_waits_and_nothing_comes_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inlet_module, "BUFFERED_S", 0.3)
    async with pushable() as it, bare_client(it.url) as client:
        began_s = asyncio.get_running_loop().time()
        pushing = asyncio.create_task(it.post(tone(1.5).astype("<i2").tobytes(), RAW))
        await client.recv()
        first_s = asyncio.get_running_loop().time()
        for _ in range(60):
            await client.recv()
        # 60 packets of 20 ms after the first one; lateness of this machine only makes it longer.
        assert asyncio.get_running_loop().time() - first_s > 1.15
        assert it.server.stream.rtp is not None
        assert (await pushing)[0] == 200
        assert asyncio.get_running_loop().time() - began_s > 1.0


async def test_a_pause_of_the_pusher_is_idle_and_no_burst_follows() -> None:
    async with pushable() as it, rtp_client(it.url) as client, websockets.connect(it.ingest + RAW) as pusher:
        await pusher.send(tone(0.2).astype("<i2").tobytes())
        heard = await hear(
            client, lambda heard: len(heard.packets) >= 10 and State(StreamState.IDLE) in heard.control[2:]
        )
        before = len(heard.packets)
        await asyncio.sleep(0.3)
        await pusher.send(tone(0.6).astype("<i2").tobytes())
        began_s = asyncio.get_running_loop().time()
        heard = await hear(client, lambda heard: len(heard.packets) == before + 30, heard)
        took_s = asyncio.get_running_loop().time() - began_s
    assert took_s > 0.55
    assert heard.control[-1] == State(StreamState.PLAYING) or StreamState.PLAYING in {
        message.state for message in heard.of(State)
    }
    gap = (heard.packets[before].timestamp - heard.packets[before - 1].timestamp) & 0xFFFFFFFF
    assert gap > 960 + 48 * 300
    assert heard.packets[before].marker
    # Nothing was lost, so the numbers show no gap.
    numbers = [packet.sequence_number for packet in heard.packets]
    assert all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers))


async def test_one_after_the_other_may_push_but_not_two_at_once() -> None:
    async with pushable() as it:
        async with websockets.connect(it.ingest + RAW):
            assert await it.post(b"", RAW) == (
                409,
                "somebody else pushes to 'main' already; wait until that ends\n",
            )
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(it.ingest + RAW)
            assert refused.value.response.status_code == 409
        assert (await it.post(b"", RAW))[0] == 200
        assert (await it.post(b"", RAW))[0] == 200


async def test_who_breaks_off_makes_room_for_the_next() -> None:
    async with pushable() as it, bare_client(it.url) as client:
        pusher = await websockets.connect(it.ingest + RAW)
        await pusher.send(tone(0.3).astype("<i2").tobytes())
        await client.recv()
        pusher.transport.abort()
        # It is known as soon as the system tells, which may take a turn or two.
        statuses = [(await it.post(tone(0.1).astype("<i2").tobytes(), RAW))[0] for _ in range(10)]
        assert statuses[-1] == 200


@pytest.mark.parametrize(
    ("query", "status", "line"),
    [
        ("?rate=1", 400, "rate '1' is not possible; accepted: 4000 to 192000"),
        ("?rate=-1", 400, "rate '-1' is not possible; accepted: 4000 to 192000"),
        ("?rate=", 400, "rate '' is not possible; accepted: 4000 to 192000"),
        ("?rate=24000&channels=3", 400, "channels '3' are not possible; accepted: 1, 2"),
        ("?channels=2", 400, "channels are those of raw samples; name their rate, too: ?rate=24000&channels=1"),
    ],
)
async def test_an_impossible_query_is_refused(query: str, status: int, line: str) -> None:
    async with pushable() as it:
        assert await it.post(b"", query) == (status, line + "\n")


async def test_garbage_is_refused_in_one_line_and_the_stream_lives_on() -> None:
    async with pushable() as it, bare_client(it.url) as client:
        for garbage in (b"", b"this is no sound", bytes(5_000), secrets.token_bytes(100_000)):
            status, text = await it.post(garbage)
            assert status == 415
            assert text.count("\n") == 1
        async with websockets.connect(it.ingest) as pusher:
            await pusher.send(b"no sound at all, and nothing that begins like any" * 100)
            await pusher.close()
        async with websockets.connect(it.ingest + RAW) as pusher:
            await pusher.send("text")
            with pytest.raises(websockets.ConnectionClosed):
                await pusher.recv()
            assert (pusher.close_code, pusher.close_reason) == (1003, "a text message is no sound; send binary ones")
        assert (await it.post(wav(tone(0.3))))[0] == 200
        assert await client.recv()
        assert it.server.stream.counters.source_failures == 0


async def test_garbage_over_a_socket_closes_it_with_1003() -> None:
    async with pushable() as it, websockets.connect(it.ingest) as pusher:
        # As much as FFmpeg looks at before it gives up, and more.
        async def send_for_ever() -> None:
            while True:
                await pusher.send(b"\xff\x00garbage" * 10_000)

        with pytest.raises(websockets.ConnectionClosed):
            await send_for_ever()
        assert pusher.close_code == 1003
        assert pusher.close_reason is not None
        assert "cannot read what was pushed as audio" in pusher.close_reason


async def test_a_playlist_of_addresses_is_not_followed(tmp_path: Path) -> None:
    """FFmpeg would open what such a file names."""
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(tone(0.5)))
    async with pushable() as it:
        for trick in (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile {secret}\n",
            f"<?xml version='1.0'?><MPD><BaseURL>file://{secret}</BaseURL></MPD>",
        ):
            assert (await it.post(trick.encode()))[0] == 415


async def test_who_closes_waits_until_all_was_taken_and_the_next_one_follows_at_once() -> None:
    async with pushable() as it, rtp_client(it.url) as client:
        for hertz in (500, 900):
            async with websockets.connect(it.ingest) as pusher:
                await pusher.send(wav(tone(0.4, hertz)))
        heard = await hear(client, lambda heard: len(heard.packets) == 40)
    assert is_tone(loud(heard)[:18], 500)
    assert is_tone(loud(heard)[22:], 900)


@pytest.mark.parametrize("query", [RAW, ""])
async def test_what_was_sent_is_heard_though_the_pusher_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(inlet_module, "BUFFERED_S", 0.2)
    sound = tone(1.2, 700)
    async with pushable() as it, rtp_client(it.url) as client:
        async with websockets.connect(it.ingest + query, close_timeout=0.05) as pusher:
            await pusher.send(sound.astype("<i2").tobytes() if query else wav(sound))
        assert (await it.post(b"", "?rate=5"))[0] == 400
        heard = await hear(client, lambda heard: len(heard.packets) == 60)
    assert is_tone(loud(heard)[2:], 700)


async def test_a_body_that_breaks_the_rules_of_http_is_refused_and_the_next_one_is_heard() -> None:
    async with pushable() as it, bare_client(it.url) as client:
        host, port = it.server.url.removeprefix("ws://").removesuffix("/ws-audio").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /ingest/main HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno number\r\n")
        assert (await reader.readline()).split()[1] in (b"400", b"415")
        writer.close()
        assert (await it.post(wav(tone(0.3))))[0] == 200
        assert await client.recv()


async def test_a_message_that_is_too_large_ends_the_connection() -> None:
    async with pushable() as it, websockets.connect(it.ingest + RAW) as pusher:
        await pusher.send(bytes(2 << 20))
        with pytest.raises(websockets.ConnectionClosed):
            await pusher.recv()
        assert pusher.close_code == 1009


async def test_a_body_that_is_packed_is_refused() -> None:
    async with pushable() as it:
        status, _ = await it.post(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert status in (400, 415)


async def test_with_a_token_only_who_brings_it_may_push(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse\n")
    async with pushable(ingest_token_file=token) as it:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic correct-horse"}):
            async with it.http.post(it.over_http + RAW, data=b"", headers=headers) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"].startswith('Bearer realm="opuscope"')
        assert it.server.refusals.counts == {Reason.NO_TOKEN: 2, Reason.BAD_TOKEN: 1}
        headers = {"Authorization": "Bearer correct-horse", "Origin": "https://synthesiser.example"}
        assert (await it.post(b"", RAW, headers=headers))[0] == 200


async def test_without_a_token_web_pages_may_not_push() -> None:
    async with pushable() as it:
        status, text = await it.post(b"", RAW, headers={"Origin": "https://evil.example"})
    assert status == 403
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_without_a_token_only_this_machine_may_push(address: str, is_let_in: bool) -> None:
    request = make_mocked_request("POST", "/ingest/main").clone(remote=address)
    said = answer(door({"main": None}), request, "main")
    assert str(said).startswith("200" if is_let_in else "403 ")


def door(tokens: dict[str, str | None], access: AccessSettings | None = None) -> IngestDoor:
    refusals = Refusals()
    return IngestDoor(tokens, Gatekeeper(access or AccessSettings(), LimitSettings(), refusals), refusals)


def answer(asked: IngestDoor, request: web.Request, name: str) -> int | str:
    """200, the status of a refusal, or that of a stranger with all that it hears."""
    try:
        asked.check(request, name)
    except RefusedError as refusal:
        return refusal.status if refusal.status == 404 else f"{refusal.status} {refusal.reason} {refusal.headers}"
    return 200


@pytest.mark.parametrize("tokens", [{"a": "x", "b": "y"}, {"a": "x", "b": None}, {"a": None, "b": None}, {}])
@pytest.mark.parametrize("bearer", [None, "wrong", ""])
def test_a_stranger_hears_the_same_whatever_name_it_tries(tokens: dict[str, str | None], bearer: str | None) -> None:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    request = make_mocked_request("POST", "/ingest/a", headers=headers).clone(remote="192.0.2.1")
    asked = door(tokens)
    answers = {answer(asked, request, name) for name in ("a", "b", "c")}
    assert len(answers) == 1
    assert str(answers.pop()).startswith("401 " if any(tokens.values()) else "403 ")


def test_who_may_push_somewhere_is_told_that_there_is_no_such_stream() -> None:
    here = make_mocked_request("POST", "/ingest/c").clone(remote="127.0.0.1")
    bearer = make_mocked_request("POST", "/ingest/c", headers={"Authorization": "Bearer x"}).clone(remote="192.0.2.1")
    assert answer(door({"a": None}), here, "c") == 404
    assert answer(door({"a": "x"}), bearer, "c") == 404
    assert answer(door({"a": "x"}), bearer, "a") == 200
    # It is no token for another one.
    assert str(answer(door({"a": "x", "b": "y"}), bearer, "b")).startswith("401")
    # On a server with tokens, somebody on this machine is not known by that alone: it may be a proxy that asks.
    assert str(answer(door({"a": "x"}), here, "c")).startswith("401")


def test_who_comes_from_elsewhere_through_a_trusted_proxy_is_not_on_this_machine() -> None:
    asked = door({"main": None}, AccessSettings(trusted_proxies=("127.0.0.1", "192.0.2.9")))
    for peer, forwarded, may in (
        ("127.0.0.1", "198.51.100.7", False),
        ("127.0.0.1", "127.0.0.2", True),
        # The proxy elsewhere believed what its client made up.
        ("192.0.2.9", "127.0.0.2", False),
    ):
        headers = {"X-Forwarded-For": forwarded}
        request = make_mocked_request("POST", "/ingest/main", headers=headers).clone(remote=peer)
        assert (answer(asked, request, "main") == 200) is may


@pytest.mark.parametrize("over_socket", [False, True])
async def test_too_many_pushes_from_an_address_have_to_wait_as_listeners_do(over_socket: bool) -> None:
    async with pushable(limits=LimitSettings(attempts_per_minute_per_address=3)) as it:
        async with bare_client(it.url):
            pass
        for _ in range(2):
            assert (await it.post(b"", RAW))[0] == 200
        if over_socket:
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(it.ingest + RAW)
            status, headers, text = refused.value.response.status_code, refused.value.response.headers, ""
        else:
            async with it.http.post(it.over_http + RAW, data=b"") as response:
                status, headers, text = response.status, response.headers, await response.text()
            assert text == "too many attempts from this address\n"
        assert status == 429
        assert 50 < int(headers["Retry-After"]) <= 60
        assert it.server.refusals.counts == {Reason.ATTEMPTS_OF_ADDRESS: 1}


async def test_guesses_at_the_token_to_push_are_attempts_and_a_right_one_is_its_holders(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse\n")
    right = {"Authorization": "Bearer correct-horse"}
    limits = LimitSettings(attempts_per_minute_per_address=6, attempts_per_minute_per_subject=2)
    async with pushable(limits=limits, ingest_token_file=token) as it:
        wrong = [(await it.post(b"", RAW, headers={"Authorization": f"Bearer guess{i}"}))[0] for i in range(3)]
        mine = [(await it.post(b"", RAW, headers=right))[0] for _ in range(4)]
        assert wrong == [401] * 3
        assert mine == [200, 200, 429, 429]
        assert it.server.refusals.counts == {
            Reason.BAD_TOKEN: 3,
            Reason.ATTEMPTS_OF_SUBJECT: 1,
            Reason.ATTEMPTS_OF_ADDRESS: 1,
        }


def test_a_token_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from core.server.streams import check_source

    (tmp_path / "empty").write_text(" \n")
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    for where in (
        {"ingest_token_file": tmp_path / "none"},
        {"ingest_token_file": tmp_path / "empty"},
        {"ingest_token_env": "NO_SUCH_TOKEN"},
    ):
        with pytest.raises(ValueError, match="stream 'main': the ") as refused:
            check_source(StreamConfig(source="push", **where))  # type: ignore[arg-type]
        assert "\n" not in str(refused.value)


async def test_other_streams_take_nothing() -> None:
    async with serving(ServerConfig(port=0)) as server, aiohttp.ClientSession() as http:
        response = await http.post(server.url.replace("ws:", "http:").replace("/ws-audio", "/ingest/main"))
        assert response.status == 404


async def test_a_browser_that_looks_is_told_how() -> None:
    async with pushable() as it, it.http.get(it.over_http) as response:
        assert response.status == 405


async def test_while_nobody_listens_sound_goes_by_and_the_pusher_does_not_wait_longer_than_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inlet_module, "BUFFERED_S", 0.2)
    async with pushable() as it:
        async with asyncio.timeout(5):
            assert (await it.post(tone(0.8).astype("<i2").tobytes(), RAW))[0] == 200
        await asyncio.sleep(0.4)
        async with bare_client(it.url) as client:
            # What was said meanwhile is past.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.recv()


async def test_the_server_stops_in_time_while_somebody_pushes() -> None:
    async with pushable() as it, bare_client(it.url):
        socket_pusher = await websockets.connect(it.ingest + RAW)
        await socket_pusher.send(tone(1.0).astype("<i2").tobytes())
    with pytest.raises(websockets.ConnectionClosed):
        await socket_pusher.recv()
    assert socket_pusher.close_code == 1001


async def test_the_server_stops_in_time_while_a_container_is_pushed() -> None:
    began_s = asyncio.get_running_loop().time()
    async with pushable() as it:
        pusher = await websockets.connect(it.ingest)
        await pusher.send(wav(tone(60.0))[:200_000])
        await asyncio.sleep(0.1)
    assert asyncio.get_running_loop().time() - began_s < 4
    await pusher.close()


# The buffer by itself, in virtual time.


def inlet_at(time: VirtualTime) -> Inlet:
    return Inlet(RATE, 1, time.clock)


async def test_the_buffer_holds_some_seconds_and_no_more() -> None:
    inlet = inlet_at(VirtualTime())
    inlet.heard(True)
    pushing = asyncio.create_task(inlet.put(tone(60)))
    await asyncio.sleep(0.01)
    assert not pushing.done()
    assert 4_000 <= inlet.buffered_ms <= 4_100
    pushing.cancel()


async def test_a_push_that_ends_within_a_frame_is_filled_up_with_silence() -> None:
    inlet = inlet_at(VirtualTime())
    source = InletSource(inlet)
    sound = tone(0.05)
    with inlet.pushing():
        await inlet.put(sound)
    blocks = [await source.read(480) for _ in range(3)]
    heard = np.concatenate([block.pcm for block in blocks if block is not None])
    assert np.array_equal(heard[:1_200], sound)
    assert not heard[1_200:].any()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await source.read(480)


async def test_unheard_sound_goes_by_as_fast_as_it_sounds() -> None:
    time = VirtualTime()
    inlet = inlet_at(time)
    await inlet.put(tone(1.0))
    time.now_ns += 400_000_000
    inlet.heard(True)
    assert inlet.buffered_ms == 600
    time.now_ns += 400_000_000
    inlet.heard(False)
    assert inlet.buffered_ms == 600


def test_the_place_is_given_back_whatever_happens() -> None:
    inlet = inlet_at(VirtualTime())

    def fail() -> None:
        with inlet.pushing():
            with pytest.raises(OccupiedError), inlet.pushing():
                pass
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not inlet.is_pushing


async def test_who_runs_it_sees_whether_somebody_pushes_and_how_much_waits() -> None:
    other = StreamConfig("other")
    config = ServerConfig((StreamConfig(source="push"), other), port=0)
    async with serving(config) as server, bare_client(server.url):
        assert (await figures(server.url))['opuscope_pushing{stream="main"}'] == 0
        async with websockets.connect(server.url.replace("/ws-audio", "/ingest/main") + RAW) as pusher:
            await pusher.send(tone(3.0).astype("<i2").tobytes())
            await until(lambda: server.endpoint._push_points["main"].inlet.buffered_ms > 2_000)
            told = await figures(server.url)
            assert told['opuscope_pushing{stream="main"}'] == 1
            assert 1 < told['opuscope_pushed_seconds{stream="main"}'] < 3
            assert not any(name.startswith("opuscope_push") and "other" in name for name in told)


# Whatever is sent.

_WAV = wav(tone(0.1))


def _ogg() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone(0.1, rate=48_000).T), format="s16", layout="mono")
        frame.sample_rate = 48_000
        for piece in [*av.AudioResampler(stream.format, "mono", 48_000, stream.frame_size).resample(frame)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real file with some bytes changed, cut off anywhere; or none at all."""
    data = bytearray(draw(st.sampled_from([_WAV, _OGG])))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=30)):
        data[at] = value
    return bytes(data[: draw(st.integers(0, len(data)))])


_OGG = _ogg()
MAGIC = st.sampled_from([b"RIFF", b"OggS", b"fLaC", b"\x1aE\xdf\xa3", b"ID3", b"\xff\xfb", b"\0\0\0 ftypM4A ", b"FLV"])
SENT = damaged() | st.binary(max_size=2_000) | st.builds(lambda a, b: a + b, MAGIC, st.binary(max_size=2_000))


async def test_whatever_is_sent_is_answered_and_the_stream_lives_on(
    monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """Four hundred inputs, damaged files and noise, half of them over a WebSocket."""
    monkeypatch.setattr(pump_module, "IDLE_AFTER_MS", 30)
    statuses: list[int] = []
    loop = asyncio.get_running_loop()
    async with pushable() as it, rtp_client(it.url) as client:
        listening = asyncio.create_task(hear(client, lambda heard: False))

        async def send(data: bytes, raw: bool, over_socket: bool) -> None:
            query = RAW if raw else ""
            if not over_socket:
                status, text = await it.post(data, query)
                assert status in (200, 415), text
                assert text.count("\n") == 1
                statuses.append(status)
                return
            async with websockets.connect(it.ingest + query) as pusher:
                for at in range(0, len(data), 300):
                    await pusher.send(data[at : at + 300])
            statuses.append(pusher.close_code or 0)

        @settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
        @given(SENT, st.booleans(), st.booleans())
        def all_inputs(data: bytes, raw: bool, over_socket: bool) -> None:
            asyncio.run_coroutine_threadsafe(send(data, raw, over_socket), loop).result(20)

        await asyncio.to_thread(all_inputs)
        assert (await it.post(wav(tone(0.5))))[0] == 200
        assert not listening.done()
        listening.cancel()
        assert it.server.stream.counters.source_failures == 0
    record_property("inputs", len(statuses))
    record_property("answers", str(Counter(statuses)))
    print(f"{len(statuses)} inputs: {Counter(statuses)}")
    assert len(statuses) >= 300
    assert {200, 415} <= set(statuses)
    assert set(statuses) <= {200, 415, 1000, 1003}
