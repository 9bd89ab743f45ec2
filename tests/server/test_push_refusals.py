"""Who may not push, and what is no sound: refused in one line, and the stream lives on."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.server import pump as pump_module
from core.server.access.refusals import Reason
from core.server.app import serving
from core.server.config import ServerConfig, StreamConfig
from tests.fuzzing.bodies import SOUND
from tests.server.helpers import (
    bare_client,
    hear,
    rtp_client,
    tone,
)
from tests.server.pushing import RAW, SILENCE, pushable, wav


async def test_one_after_the_other_may_push_but_not_two_at_once() -> None:
    async with pushable() as it:
        async with websockets.connect(it.ingest + RAW):
            assert await it.post(SILENCE, RAW) == (
                409,
                "somebody else pushes to 'main' already; wait until that ends\n",
            )
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(it.ingest + RAW)
            assert refused.value.response.status_code == 409
        assert (await it.post(SILENCE, RAW))[0] == 200
        assert (await it.post(SILENCE, RAW))[0] == 200


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
        assert (await it.post(SILENCE, RAW, headers=headers))[0] == 200


async def test_without_a_token_web_pages_may_not_push() -> None:
    async with pushable() as it:
        status, text = await it.post(b"", RAW, headers={"Origin": "https://evil.example"})
    assert status == 403
    assert text.count("\n") == 1


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
        @given(SOUND, st.booleans(), st.booleans())
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
