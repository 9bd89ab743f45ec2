"""Each limit, with the real server and the real client."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from core.receiver.options import SettingError
from core.server.access.refusals import Reason
from core.server.access.settings import AccessSettings, LimitSettings
from core.wire.control import Set, pack_control
from tests.server.access.listeners import failed, guarded, refused, session, streams, waiting
from tests.server.access.making import token, with_secret
from tests.server.access.test_settings import UNLIMITABLE
from tests.server.helpers import bare_client, hear, rtp_client, until
from tests.server.test_operation import figures
from tests.support.logs import told


async def test_too_many_attempts_from_an_address_have_to_wait() -> None:
    async with guarded(limits=LimitSettings(attempts_per_minute_per_address=3)) as server:
        for _ in range(3):
            async with bare_client(server.url) as client:
                await client.recv()
        async with session(server) as run:
            await waiting(run, "is busy (HTTP 429: too many attempts from this address)", 55)
        assert server.refusals.counts == {Reason.ATTEMPTS_OF_ADDRESS: 1}


async def test_a_proxy_that_nobody_named_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    for access, warnings in ((AccessSettings(), 1), (AccessSettings(trusted_proxies=("127.0.0.1",)), 0)):
        caplog.clear()
        async with guarded(access) as server:
            for header in ("X-Forwarded-For", "Forwarded", "X-Forwarded-For"):
                async with bare_client(server.url, additional_headers={header: "192.0.2.1"}) as client:
                    await client.recv()
        assert len(told(caplog, "proxy not trusted")) == warnings


async def test_guesses_are_attempts(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path), LimitSettings(attempts_per_minute_per_address=3)) as server:
        statuses = [(await refused(f"{server.url}?token=guess{i}")).status_code for i in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


async def test_too_many_attempts_of_a_subject_have_to_wait(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path), LimitSettings(attempts_per_minute_per_subject=1)) as server:
        async with session(server, token()) as run, session(server, token(sub="bob")) as other:
            await run.until(streams(run))
            await other.until(streams(other))
        async with session(server, token()) as run:
            await waiting(run, "(HTTP 429: too many attempts from this token's subject)", 55)
        assert server.refusals.counts == {Reason.ATTEMPTS_OF_SUBJECT: 1}


@pytest.mark.parametrize(
    ("limits", "words", "reason"),
    [
        (LimitSettings(max_listeners=1), "HTTP 503: all places are taken", Reason.FULL),
        (LimitSettings(max_listeners_per_address=1), "HTTP 429: too many listeners at this", Reason.FULL_FOR_ADDRESS),
        (LimitSettings(max_listeners_per_subject=1), "HTTP 429: too many listeners with", Reason.FULL_FOR_SUBJECT),
    ],
)
async def test_a_full_server_is_left_alone_until_it_has_room(
    tmp_path: Path, limits: LimitSettings, words: str, reason: Reason
) -> None:
    async with guarded(with_secret(tmp_path), limits) as server:
        async with session(server, token()) as inside, session(server, token()) as outside:
            await inside.until(lambda: streams(inside)() or streams(outside)())
            run = outside if streams(inside)() else inside
            await waiting(run, words, 10)
        assert server.refusals.counts == {reason: 1}
        await until(lambda: server.stream.listener_count == 0)
        async with session(server, token()) as again:
            await again.until(streams(again))


async def test_other_subjects_and_addresses_have_places_of_their_own(tmp_path: Path) -> None:
    access = with_secret(tmp_path, trusted_proxies=("127.0.0.0/8",))
    limits = LimitSettings(max_listeners_per_subject=1, max_listeners_per_address=1)
    async with guarded(access, limits) as server, AsyncExitStack() as stack:
        for i, address in enumerate(("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1")):
            headers = {"X-Forwarded-For": address, "Authorization": f"Bearer {token(sub=f's{i}')}"}
            client = await stack.enter_async_context(bare_client(server.url, additional_headers=headers))
            await client.recv()
        headers = {"X-Forwarded-For": "2001:db8::2", "Authorization": f"Bearer {token(sub='s9')}"}
        assert (await refused(server.url, additional_headers=headers)).status_code == 429
        assert server.refusals.counts == {Reason.FULL_FOR_ADDRESS: 1}


async def test_more_messages_than_allowed_are_ignored_and_a_flood_is_the_end() -> None:
    limits = LimitSettings(messages_per_s=10, flood_messages=30)
    async with guarded(limits=limits) as server:
        async with rtp_client(server.url) as client:
            for _ in range(25):
                await client.send(json.dumps({"type": "time", "client_transmitted": 1}))
            heard = await hear(client, lambda heard: len(heard.packets) > 10)
            assert heard.order.count("Time") == 10
            assert server.refusals.counts == {Reason.MESSAGE_RATE: 15}
        async with session(server) as run:
            await run.until(streams(run))
            with suppress(SettingError):
                while streams(run)():
                    await run.session.request_frame_ms(20)
                    await asyncio.sleep(0)
            await run.until(failed(run))
            assert "close code 1008: too many messages" in str(run.snapshot.connection.reason)
        assert server.refusals.counts[Reason.FLOOD] == 1


async def test_no_limit_is_in_force_where_all_are_unlimited() -> None:
    none: dict[str, Any] = dict.fromkeys(UNLIMITABLE, "unlimited")
    async with guarded(limits=LimitSettings(**none)) as server, AsyncExitStack() as stack:
        for _ in range(5):
            client = await stack.enter_async_context(rtp_client(server.url))
            await client.send(pack_control(Set(frame_ms=10)))
        assert not server.refusals.counts


PING, PONG, FRAGMENT = b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0", b"\x00\x80\0\0\0\0"


@pytest.mark.parametrize(
    ("first", "frame", "words"),
    [
        (b"", PING, b"too m"),
        (b"", PONG, b"too m"),
        (b"\x01\x80\0\0\0\0", FRAGMENT, b"too much was sent"),
    ],
)
async def test_frames_that_are_no_messages_are_a_flood_as_well(first: bytes, frame: bytes, words: bytes) -> None:
    async with guarded(limits=LimitSettings.for_public()) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /ws-audio HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        await until(lambda: server.stream.listener_count == 1)
        writer.write(first)

        async def flood() -> None:
            while True:
                writer.write(frame * 200)
                await asyncio.sleep(0.002)

        flooding = asyncio.create_task(flood())
        received = b""
        async with asyncio.timeout(8):
            with suppress(ConnectionError):
                while piece := await reader.read(65_536):
                    received += piece
        flooding.cancel()
        # RFC 6455 §5.5.1: a close frame, 1008 and why.
        assert b"\x03\xf0" + words in received
        # A ping is answered as a message would be: not more often than that.
        assert received.count(b"\x8a\x00") <= 2 * 50
        assert server.refusals.counts[Reason.FLOOD] == 1
        writer.close()
        await until(lambda: server.stream.listener_count == 0)


async def test_pings_within_the_limits_are_answered_each() -> None:
    async with guarded(limits=LimitSettings.for_public()) as server, bare_client(server.url) as client:
        await client.recv()
        for number in range(20):
            answer = await client.ping(str(number))
            async with asyncio.timeout(5):
                await answer
        assert not server.refusals.counts


async def test_a_window_that_is_used_stays_within_the_limits_of_a_public_server() -> None:
    async with guarded(limits=LimitSettings.for_public()) as server, session(server) as run:
        await run.until(streams(run))
        for frame_ms in (10, 20, 40, 60, 10, 20):
            await run.session.request_frame_ms(frame_ms)
        await asyncio.sleep(1.2)
        assert not server.refusals.counts


@pytest.mark.parametrize("said", [b"", b"GET /ws-audio HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_who_does_not_finish_its_request_is_cut(said: bytes) -> None:
    async with guarded(limits=LimitSettings(header_timeout_s=0.5)) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def drip() -> None:
            writer.write(said)
            while said:
                writer.write(b"a")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        began_s = time.monotonic()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert 0.3 < time.monotonic() - began_s < 2
        dripping.cancel()
        writer.close()
        await until(lambda: server.refusals.counts == {Reason.HEADER_TIMEOUT: 1})
        async with session(server) as run:
            await run.until(streams(run))
            await asyncio.sleep(1)
            assert streams(run)()
        assert (await figures(server.url))['opuscope_rejected_total{reason="header_timeout"}'] == 1


async def test_who_asked_or_left_by_itself_is_not_counted_as_cut() -> None:
    async with guarded(limits=LimitSettings(header_timeout_s=0.5)) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        _, left = await asyncio.open_connection("127.0.0.1", port)
        left.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /streams HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()
        await asyncio.sleep(0.1)
        assert not server.refusals.counts


@pytest.mark.parametrize("body", [b"Content-Length: 3\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_who_is_refused_and_does_not_send_the_rest_of_its_request_is_cut(body: bytes) -> None:
    async with guarded(limits=LimitSettings(header_timeout_s=0.3)) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /ingest/none HTTP/1.1\r\nHost: x\r\n" + body)
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 4")
        writer.close()
