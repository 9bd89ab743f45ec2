"""Whatever is sent in place of a token: an answer, no fault of ours, and nothing of it in any log."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import aiohttp
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, MultiDict

from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState
from core.server.access.gatekeeper import Gatekeeper
from core.server.access.http_log import http_logger
from core.server.access.refusals import Reason, Refusals
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig
from core.server.gate import RefusedError
from core.server.operation.logs import TextFormatter
from tests.receiver.harness import listening
from tests.server.access.making import SECRET, certificate, token, with_secret
from tests.server.helpers import bare_client, until

UPGRADE = (
    b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
ANYTHING = st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@dataclass
class Asking(dict[object, object]):
    """What a gate looks at of a request; aiohttp's own stand-in cannot hold bytes that are no UTF-8."""

    headers: CIMultiDict[str]
    query: MultiDict[str]
    remote: str = "192.0.2.1"


@given(
    authorization=st.lists(ANYTHING | ANYTHING.map(lambda text: f"Bearer {text}"), max_size=2),
    protocols=st.lists(ANYTHING | ANYTHING.map(lambda text: f"bearer.{text}"), max_size=3),
    query=st.lists(ANYTHING, max_size=2),
    origin=st.lists(ANYTHING, max_size=1),
)
def test_any_request_is_admitted_or_refused(
    authorization: list[str], protocols: list[str], query: list[str], origin: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPUSCOPE_TEST_SECRET", SECRET)
        keeper = Gatekeeper(AccessSettings(secret_env="OPUSCOPE_TEST_SECRET"), LimitSettings(), Refusals())  # noqa: S106
    headers = [("Authorization", value) for value in authorization]
    headers += [("Sec-WebSocket-Protocol", value) for value in protocols] + [("Origin", value) for value in origin]
    request: Any = Asking(CIMultiDict(headers), MultiDict(("token", value) for value in query))
    with pytest.raises(RefusedError) as refused:
        keeper.admit(request, "main")
    assert refused.value.status in (401, 403)
    assert "\n" not in refused.value.reason


async def answer_to(server: RunningServer, request: bytes) -> bytes:
    """What comes back, up to the end of its headers or of the connection."""
    port = int(server.url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async with asyncio.timeout(5):
            return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.close()


async def test_no_bytes_make_the_server_fail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(5)
    config = ServerConfig(port=0, access=with_secret(tmp_path), limits=LimitSettings(header_timeout_s=1))
    statuses: set[bytes] = set()
    with caplog.at_level(logging.DEBUG):
        async with serving(config) as server:
            for _ in range(150):
                raw = (
                    bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40)))
                    .replace(b"\n", b"")
                    .replace(b"\r", b"")
                )
                place = rng.randrange(4)
                path = b"?token=" + quote_from_bytes(raw).encode() if place == 0 else b""
                header = [b"", b"Authorization: Bearer " + raw, b"Sec-WebSocket-Protocol: bearer." + raw, raw][place]
                line = header + b"\r\n" if header else b""
                answer = await answer_to(server, b"GET /ws-audio" + path + b" HTTP/1.1\r\n" + UPGRADE + line + b"\r\n")
                statuses.add(answer[9:12])
    assert statuses <= {b"401", b"400"}
    assert b"401" in statuses
    assert [record for record in caplog.records if record.exc_info] == []
    assert server.refusals.counts[Reason.MALFORMED_REQUEST] > 0


async def test_a_good_token_as_a_subprotocol_among_headers_that_are_no_text(tmp_path: Path) -> None:
    async with serving(ServerConfig(port=0, access=with_secret(tmp_path))) as server:
        offers = b"Sec-WebSocket-Protocol: opus-rtp.v1, bearer." + token().encode() + b"\r\nX-Name: \xff\xfe\r\n\r\n"
        answer = await answer_to(server, b"GET /ws-audio HTTP/1.1\r\n" + UPGRADE + offers)
        assert answer.startswith(b"HTTP/1.1 101")
        assert b"Sec-WebSocket-Protocol: opus-rtp.v1\r\n" in answer
        assert b"bearer" not in answer


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [
        (b"/ws-audio", b"Expect", b"417"),
        (b"/nowhere", b"Expect", b"417"),
        (b"/ingest/voice", b"Expect", b"417"),
        (b"/ws-audio", b"Sec-WebSocket-Version", b"400"),
        (b"/ingest/voice", b"Sec-WebSocket-Version", b"400"),
        (b"/ws-audio", b"Sec-WebSocket-Key", b"400"),
        (b"/ingest/voice", b"Sec-WebSocket-Key", b"400"),
        (b"/ws-audio", b"Connection", b"400"),
        (b"/ws-audio", b"Upgrade", b"426"),
    ],
)
async def test_a_header_that_is_no_text_is_refused_as_others_are(path: bytes, name: bytes, status: bytes) -> None:
    lines = [line for line in UPGRADE.splitlines() if not line.startswith(name)] + [name + b": \xff", b"", b""]
    async with serving(ServerConfig((StreamConfig(), StreamConfig("voice", "push")), port=0)) as server:
        answer = await answer_to(server, b"GET " + path + b" HTTP/1.1\r\n" + b"\r\n".join(lines))
    assert answer.split()[1] == status


@pytest.mark.parametrize("path", [b"/ws-audio", b"/streams/main?framing=bare", b"/ingest/voice?rate=24000"])
@pytest.mark.parametrize("offers", [b"none-of-ours", b"opus-rtp.v2, \xff", b", ,", b""])
async def test_subprotocols_of_others_are_not_taken_and_not_logged(
    path: bytes, offers: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody could fill the log with them, and one may be a token under another name."""
    streams = (StreamConfig(), StreamConfig("voice", "push"))
    with caplog.at_level(logging.WARNING):
        async with serving(ServerConfig(streams, port=0)) as server:
            head = b"GET " + path + b" HTTP/1.1\r\n" + UPGRADE
            answer = await answer_to(server, head + b"Sec-WebSocket-Protocol: " + offers + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"Sec-WebSocket-Protocol" not in answer
    assert caplog.records == []


async def test_a_refused_body_that_is_not_packed_as_it_says_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = b"POST /ingest/voice HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nno packet"
    async with serving(ServerConfig((StreamConfig("voice", "push"),), port=0)) as server:
        assert (await answer_to(server, request)).startswith(b"HTTP/1.1 4")
        await until(lambda: server.refusals.counts[Reason.MALFORMED_REQUEST] == 1)
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.provokes_errors
@pytest.mark.parametrize(
    ("error", "is_told"),
    [(aiohttp.ClientConnectionResetError("gone"), False), (ConnectionResetError("ours"), True), (KeyError("x"), True)],
)
def test_who_goes_before_its_answer_leaves_no_traceback_but_our_faults_do(
    error: Exception, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    http_logger(Refusals()).error("Error handling request", exc_info=error)
    assert [record.exc_info is not None for record in caplog.records] == [True] * is_told


async def test_no_secret_is_in_any_log_or_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A whole run with everything that goes wrong, at the most talkative level."""
    pair = certificate(tmp_path)
    access = with_secret(tmp_path)
    good, stale, foreign = token(), token(exp=1), token(SECRET[::-1])
    plain = ServerConfig(port=0, access=access, limits=LimitSettings(attempts_per_minute_per_subject=3))
    config = ServerConfig(port=0, access=access, tls=pair.settings)
    shown = [repr(plain), repr(config)]
    with caplog.at_level(logging.DEBUG):
        async with serving(plain) as server:
            for bearer in (good, stale, foreign):
                protocols = [websockets.Subprotocol(f"bearer.{bearer}")]
                for url, options in (
                    (f"{server.url}?token={bearer}", {}),
                    (f"{server.url}?framing=bare", {"subprotocols": protocols}),
                    (f"{server.url}?token={bearer}&frame_ms=7", {}),
                    (f"{server.url.replace('ws-audio', 'streams/none')}?token={bearer}", {}),
                ):
                    try:
                        async with bare_client(url, **options) as client:
                            await client.recv()
                    except websockets.InvalidStatus as error:
                        shown.append(str(error.response.body) + str(error.response.headers))
                async with listening(ListenOptions(server.url, token=bearer)) as run:
                    waits = (ConnectionState.WAITING, ConnectionState.FAILED, ConnectionState.STREAMING)
                    await run.until(lambda run=run, waits=waits: run.snapshot.connection.state in waits)
                    shown.append(run.log + repr(run.snapshot))
                # Requests that aiohttp takes apart, and complains of with what it found in them.
                raw = bearer.encode()
                for line in (b"Authorization: Bearer " + raw * 60, b"Author ization: Bearer " + raw, b"Bearer " + raw):
                    await answer_to(server, b"GET /ws-audio HTTP/1.1\r\n" + UPGRADE + line + b"\r\n\r\n")
                await answer_to(server, b"GET /ws-audio?token=" + raw + b" HTTP/9.9x\r\n\r\n")
            shown.append(repr(server) + repr(server.refusals))
        # Where the server wants no tokens, or not there.
        no_tokens = (StreamConfig("main"), StreamConfig("voice", source="push"))
        async with serving(ServerConfig(no_tokens, port=0)) as server:
            for path in (b"/ws-audio", b"/ws-audio?framing=rtp", b"/ingest/voice?rate=24000"):
                for offer in (b"bearer.%s", b"Bearer.%s", b"access_token, %s", b"%s", b"opus-rtp.v1, x%s"):
                    line = b"Sec-WebSocket-Protocol: " + offer % good.encode() + b"\r\n\r\n"
                    answer = await answer_to(server, b"GET " + path + b" HTTP/1.1\r\n" + UPGRADE + line)
                    assert answer.startswith((b"HTTP/1.1 101", b"HTTP/1.1 409")), (path, offer)
                    shown.append(answer.decode())
        async with serving(config) as server:
            async with listening(ListenOptions(server.url, token=good, ca_file=pair.ca_file)) as run:
                await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
            server.reload()
    out, err = capfd.readouterr()
    # What websockets, the client of these tests, logs at its most talkative is not the server's.
    logged = [
        f"{TextFormatter().format(record)} {record.exc_info}"
        for record in caplog.records
        if not record.name.startswith("websockets")
    ]
    text = "\n".join([*shown, *logged, out, err])
    for secret in (SECRET, good, stale, foreign):
        for piece in (secret, *re.split(r"\.", secret)[1:]):
            assert piece not in text
    expired = 'refused peer=127.0.0.1 path=/ws-audio status=401 why="the token has expired"'
    assert any(expired in line for line in logged)
