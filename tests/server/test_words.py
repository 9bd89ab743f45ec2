"""The words in a server's log and answers: for who runs it, to act upon; never what a stranger made up."""

from __future__ import annotations

import ast
import asyncio
import logging
from pathlib import Path

import aiohttp
import pytest
import websockets

from core.server.access.refusals import Reason
from core.server.access.settings import AccessSettings
from core.server.app import serving
from core.server.config import ServerConfig, StreamConfig
from core.server.endpoint import MAX_MESSAGE_BYTES
from core.wire.control import State, StreamState
from tests.server.access.making import token, with_secret
from tests.server.access.test_requests_of_any_kind import answer_to
from tests.server.helpers import bare_client, hear, rtp_client, tone, until
from tests.server.pushing import RAW, pushable, wav
from tests.server.test_operation import get
from tests.support.logs import told
from tests.support.processes import REPOSITORY

PUSH = StreamConfig("voice", "push")


@pytest.fixture(autouse=True)
def talkative(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "core")


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def test_each_event_is_a_constant_and_nothing_is_logged_without_one() -> None:
    folders = (REPOSITORY / "core" / "server", REPOSITORY / "core" / "audio" / "sources", REPOSITORY / "core" / "cli")
    events = set()
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for call in calls(path):
            name = ast.unparse(call.func)
            assert not (name.startswith("logger.") and name != "logger.addFilter"), f"{path}: {ast.unparse(call)}"
            at = {"log_event": 2, "self._log": 1, "push.log": 0}.get(name)
            if at is None or ast.unparse(call.args[at]) == "event":
                continue
            assert isinstance(call.args[at], ast.Constant), f"{path}: {ast.unparse(call)}"
            events.add(ast.literal_eval(call.args[at]))
    assert {"refused", "listener connected", "push begun", "source failed", "upstream lost"} <= events


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("/ws-audio?frame_ms=7&token=hidden", 400, "frame_ms 7 is not possible; accepted: 2.5, 5, 10, 20, 40, 60"),
        ("/ws-audio?frame_ms=it's hidden", 400, "frame_ms '...' is not possible; expected a number of milliseconds"),
        ("/ws-audio?framing=%0A%27hidden", 400, "framing '...' is not possible; accepted: bare, rtp"),
        ("/streams/hidden%22%27", 404, "There is no stream '...' here; /streams lists them."),
        ("/elsewhere", 404, "404: Not Found"),
        ("/ingest/voice?hidden%27=1", 400, "'...' means nothing here; accepted: rate, channels"),
    ],
)
async def test_a_refusal_says_why_without_what_was_sent(
    path: str, status: int, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = {"Upgrade": "websocket"} if "ingest" not in path else {}
    async with serving(ServerConfig((StreamConfig(), PUSH), port=0)) as server, aiohttp.ClientSession() as http:
        base = server.url.replace("ws:", "http:").replace("/ws-audio", "")
        async with http.request("POST" if "ingest" in path else "GET", base + path, headers=upgrade) as answer:
            assert answer.status == status
    [line] = told(caplog, "refused")
    assert why in line
    assert "hidden" not in line.replace("path=/streams/hidden", "").replace('path="/streams/hidden', "")


async def test_a_message_that_is_too_big_is_told_as_such_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ServerConfig((StreamConfig(), PUSH), port=0)) as server:
        async with rtp_client(server.url) as client:
            await client.send("x" * (MAX_MESSAGE_BYTES + 1))
            await hear(client, lambda heard: False)
        await until(lambda: len(told(caplog, "listener gone")) == 1)
        assert 'code=1009 why="a message that is too big"' in told(caplog, "listener gone")[0]
        assert server.counters.broken_connections == 0
        async with websockets.connect(server.url.replace("/ws-audio", f"/ingest/voice{RAW}")) as pusher:
            await pusher.send(bytes((1 << 20) + 2))
            await pusher.wait_closed()
            assert pusher.close_code == 1009
        await until(lambda: len(told(caplog, "push ended")) == 1)
        assert 'why="a message that is too big; send pieces of at most 1 MiB"' in told(caplog, "push ended")[0]
        assert server.refusals.counts[Reason.MESSAGE_SIZE] == 2


async def test_each_push_is_told_at_its_beginning_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    async with pushable() as it:
        assert (await it.post(wav(tone(0.5))))[0] == 200
        async with websockets.connect(it.ingest + RAW) as pusher:
            await pusher.send(tone(0.25).astype("<i2").tobytes())
            await asyncio.sleep(0.1)
        async with websockets.connect(it.ingest + RAW) as pusher:
            await pusher.send("words")
            await pusher.wait_closed()
        async with websockets.connect(it.ingest + RAW) as pusher:
            await pusher.send(tone(0.1).astype("<i2").tobytes())
            await asyncio.sleep(0.1)
            pusher.transport.abort()
        await until(lambda: len(told(caplog, "push ended")) == 4)
    begun = [f"push begun stream=main peer=127.0.0.1 dialect={each}" for each in ("http", *["websocket"] * 3)]
    assert told(caplog, "push begun") == begun
    ended = [line.partition("dialect=")[2] for line in told(caplog, "push ended")]
    assert ended == [
        'http seconds=0.5 why="all was taken"',
        'websocket seconds=0.25 why="all was taken"',
        'websocket seconds=0 why="a text message is no sound; send binary ones"',
        'websocket seconds=0.1 why="the connection broke off"',
    ]


async def test_a_push_that_the_server_ends_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with pushable() as it:
        pusher = await websockets.connect(it.ingest + RAW)
        await pusher.send(bytes(4_800))
        await asyncio.sleep(0.1)
    await pusher.wait_closed()
    [line] = told(caplog, "push ended")
    assert line.endswith('seconds=0.1 why="the server is going away"')


async def test_whose_token_it_was_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ServerConfig(port=0, access=with_secret(tmp_path))) as server:
        async with bare_client(f"{server.url}?token={token(sub='alice')}") as client:
            await client.recv()
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"{server.url}?token={token(sub='bob', streams=[])}")
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"{server.url}?token={token(sub='carol', exp=1)}")
        await until(lambda: len(told(caplog, "listener gone")) == 1)
    assert "subject=alice" in told(caplog, "listener connected")[0]
    assert "subject=alice" in told(caplog, "listener gone")[0]
    not_his, expired = told(caplog, "refused")
    assert "subject=bob status=403" in not_his
    assert "subject" not in expired  # What is not believed says nothing.


async def test_nothing_plays_after_the_last_listener_of_a_relay_has_left(caplog: pytest.LogCaptureFixture) -> None:
    config = ServerConfig((StreamConfig(source="relay:ws://127.0.0.1:9/"),), port=0)
    async with serving(config) as server:
        assert '"sample_rate": null, "channels": null, "frame_ms": null' in (await get(server.url, "/streams"))[1]
        async with rtp_client(server.url) as client:
            heard = await hear(client, lambda heard: State(StreamState.IDLE) in heard.of(State))
            assert heard.of(State)[-1].state is StreamState.IDLE
            assert '"sample_rate": null' in (await get(server.url, "/streams"))[1]
        await until(lambda: len(told(caplog, "listener gone")) == 1)
        await asyncio.sleep(0.05)
    assert told(caplog, "stream state") == ["stream state stream=main state=idle"]
    [lost] = told(caplog, "upstream lost")
    assert 'why="nothing listens at ws://127.0.0.1:9/' in lost


@pytest.mark.parametrize(
    "request_line", [b"GET /ws-audio HTTP/1.1", b"GET /nowhere HTTP/1.1", b"GET /streams HTTP/1.1", b"no request"]
)
async def test_an_answer_tells_nothing_of_versions(request_line: bytes) -> None:
    handshake = b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    handshake += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    async with serving(ServerConfig((StreamConfig(), PUSH), port=0)) as server:
        for line in (request_line, request_line.replace(b"/ws-audio", b"/ingest/voice")):
            answer = await answer_to(server, line + b"\r\n" + handshake)
            assert b"Server: opuscope\r\n" in answer
            assert b"ython" not in answer


async def test_a_script_of_an_allowed_page_may_read_which_streams_there_are() -> None:
    config = ServerConfig(port=0, access=AccessSettings(allowed_origins=("https://example.org",)))
    async with serving(config) as server, aiohttp.ClientSession() as http:
        url = server.url.replace("ws:", "http:").replace("/ws-audio", "/streams")
        for origin, status, allowed in (
            ("https://example.org", 200, "https://example.org"),
            ("https://elsewhere.example", 403, None),
            (None, 200, None),
        ):
            async with http.get(url, headers={"Origin": origin} if origin else {}) as answer:
                assert (answer.status, answer.headers.get("Access-Control-Allow-Origin")) == (status, allowed)
                assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("query", "data", "status", "words"),
    [
        ("", b"", 415, "the body is empty; send sound in it"),
        (RAW, b"", 415, "the body is empty; send sound in it"),
        ("", bytes(5_000), 415, "; raw samples need ?rate=...&channels=..."),
        ("?rte=24000", b"", 400, "'rte' means nothing here; accepted: rate, channels"),
    ],
)
async def test_what_is_no_push_is_told_what_would_be_one(query: str, data: bytes, status: int, words: str) -> None:
    async with pushable() as it:
        answered, text = await it.post(data, query)
        assert (answered, text.count("\n")) == (status, 1)
        assert words in text
        form = aiohttp.FormData({"file": "sound"}, default_to_multipart=True)
        assert await it.post(form) == (
            415,
            "a form is no sound; send the file itself, with curl: --data-binary @FILE\n",
        )


async def test_a_wrong_token_to_push_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "ingest").write_text("geheim")
    async with pushable(ingest_token_file=tmp_path / "ingest") as it:
        for bearer, words in ((None, "a token is needed to push"), ("falsch", "this is not the token to push here")):
            headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
            status, text = await it.post(b"", headers=headers)
            assert status == 401
            assert text.startswith(words)
