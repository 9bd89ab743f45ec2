"""Who is refused for its token or its web page, with the real server and the real client."""

from __future__ import annotations

import json
import time
from pathlib import Path

import aiohttp
import pytest
import websockets

from core.receiver.status import ConnectionState
from core.server.access.refusals import Reason
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.app import serving
from core.server.clock import ServerClock
from core.server.config import ServerConfig
from core.wire.control import SUBPROTOCOL, Bye, Config
from tests.server.access.listeners import STREAMS, failed, final, guarded, refused, session, streams
from tests.server.access.making import token, with_secret
from tests.server.helpers import bare_client, everything, hear, rtp_client, until


async def test_who_has_no_token_is_told_that_it_needs_one(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path)) as server:
        async with session(server) as run:
            await final(run, "(HTTP 401: a token is needed); check the token")
        response = await refused(server.url)
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="opuscope"'
        assert server.refusals.counts == {Reason.NO_TOKEN: 2}
        assert server.counters.connections == 0


LATER = int(time.time()) + 3_600
"""Of tokens that are made before the first test runs."""


@pytest.mark.parametrize(
    ("bearer", "words", "reason"),
    [
        (token(exp=int(time.time()) - 60), "the token has expired", Reason.EXPIRED_TOKEN),
        (token("x" * 32, exp=LATER), "the token is not signed with the key of this server", Reason.BAD_TOKEN),
        (token(nbf=int(time.time()) + 900, exp=LATER), "the token is not valid yet", Reason.BAD_TOKEN),
        (token(aud="others", exp=LATER), "the token is for another audience", Reason.BAD_TOKEN),
        ("nonsense", "the token is not a JSON Web Token", Reason.BAD_TOKEN),
    ],
)
async def test_a_token_that_is_not_believed_is_final(tmp_path: Path, bearer: str, words: str, reason: Reason) -> None:
    async with guarded(with_secret(tmp_path)) as server:
        async with session(server, bearer) as run:
            await final(run, f"(HTTP 401: {words}); check the token")
        response = await refused(f"{server.url}?token={bearer}")
        assert response.headers["WWW-Authenticate"] == (
            f'Bearer realm="opuscope", error="invalid_token", error_description="{words}"'
        )
        assert server.refusals.counts == {reason: 2}


async def test_a_good_token_is_taken_wherever_it_is(tmp_path: Path) -> None:
    good = token()
    async with guarded(with_secret(tmp_path)) as server:
        async with session(server, good) as run:
            await run.until(streams(run))
        async with bare_client(f"{server.url}?token={good}") as client:
            assert await client.recv()
        for offers, chosen in (
            ([f"bearer.{good}", SUBPROTOCOL], SUBPROTOCOL),
            ([SUBPROTOCOL, f"bearer.{good}"], SUBPROTOCOL),
            ([f"bearer.{good}"], None),
            ([f"Bearer.{good}"], None),
        ):
            protocols = [websockets.Subprotocol(each) for each in offers]
            async with bare_client(server.url, subprotocols=protocols) as client:
                assert await client.recv()
                assert client.subprotocol == chosen
                assert client.response is not None
                assert good not in str(client.response.headers)
        same = {"Authorization": f"bearer {good}"}
        async with bare_client(f"{server.url}?token={good}", additional_headers=same) as client:
            assert await client.recv()
        assert not server.refusals.counts


async def test_two_tokens_that_differ_are_none(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path)) as server:
        response = await refused(f"{server.url}?token={token()}", additional_headers={"Authorization": "Bearer x"})
        assert response.status_code == 401
        assert 'error="invalid_request"' in response.headers["WWW-Authenticate"]


async def test_a_token_is_for_the_streams_that_it_names(tmp_path: Path) -> None:
    only_voice = token(streams=["voice"])
    async with guarded(with_secret(tmp_path)) as server:
        async with session(server, only_voice, "/streams/voice") as run:
            await run.until(streams(run))
        async with session(server, only_voice) as run:
            await final(run, "(HTTP 403: the token is not for this stream)")
        response = await refused(f"{server.url}?token={only_voice}")
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
        assert server.refusals.counts == {Reason.STREAM: 2}


async def test_the_names_of_streams_are_for_those_who_may_hear_them(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path)) as server, aiohttp.ClientSession() as http:
        base = server.url.replace("ws://", "http://").removesuffix("/ws-audio")
        assert (await http.get(f"{base}/streams")).status == 401
        for name in ("voice", "nothing"):
            headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
            assert (await http.get(f"{base}/streams/{name}", headers=headers)).status == 401
        answer = await http.get(f"{base}/streams", headers={"Authorization": f"Bearer {token(streams=['voice'])}"})
        assert [each["name"] for each in (await answer.json())["streams"]] == ["voice"]


async def test_nobody_learns_from_a_refusal_which_streams_there_are(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path), LimitSettings(attempts_per_minute_per_address=40)) as server:
        base = server.url.replace("ws://", "http://").removesuffix("/ws-audio")
        upgrade = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        narrow = {"Authorization": f"Bearer {token(streams=['voice', 'gone'])}"}
        asked = 0
        async with aiohttp.ClientSession() as http:
            for bearer, status in (({}, 401), ({"Authorization": "Bearer wrong"}, 401), (narrow, 403)):
                answers = set()
                for name in ("main", "nothing"):
                    for query, headers in (("", {}), ("", upgrade), ("?framing=x", upgrade), ("?frame_ms=7", upgrade)):
                        answer = await http.get(f"{base}/streams/{name}{query}", headers={**headers, **bearer})
                        challenge = answer.headers["WWW-Authenticate"]
                        answers.add((answer.status, await answer.text(), challenge))
                        asked += 1
                assert len(answers) == 1
                assert answers.pop()[0] == status
            # Who may hear it is told that it is not there, and what is wrong with a request.
            for path, status in (("gone", 404), ("voice", 426)):
                assert (await http.get(f"{base}/streams/{path}", headers=narrow)).status == status
                asked += 1
            # Each was an attempt.
            while asked < 40:
                await http.get(f"{base}/streams/nothing")
                asked += 1
            for path in ("main", "nothing"):
                assert (await http.get(f"{base}/streams/{path}", headers=narrow)).status == 429
        assert server.refusals.counts[Reason.ATTEMPTS_OF_ADDRESS] == 2
        assert server.stream.listener_count == 0
        async with guarded(limits=LimitSettings(max_listeners=1)) as other, aiohttp.ClientSession() as http:
            for _ in range(3):
                # Nobody keeps the place of a listener without being one.
                address = other.url.replace("ws://", "http://")
                assert (await http.get(f"{address}?framing=x", headers=upgrade)).status == 400


async def test_set_without_the_right_changes_nothing_and_is_answered(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path)) as server:
        url = f"{server.url}?token={token(set=False)}"
        async with rtp_client(url) as client:
            await hear(client, lambda heard: len(heard.packets) == 2)
            await client.send(json.dumps({"type": "set", "frame_ms": 60}))
            heard = await hear(client, lambda heard: bool(heard.of(Config)))
            (answer,) = heard.of(Config)
            assert (answer.frame_ms, answer.refused) == (20, "the token gives no right to change settings")
        async with session(server, token(set=False)) as run:
            await run.until(streams(run))
            await run.session.request_frame_ms(60)
            await run.until(lambda: "refused a setting: the token gives no right" in run.log)
            assert run.snapshot.connection.state is ConnectionState.STREAMING
        assert server.refusals.counts == {Reason.SET: 2}
        response = await refused(f"{url}&frame_ms=60")
        assert (response.status_code, server.refusals.counts[Reason.SETTINGS_IN_ADDRESS]) == (403, 1)
        async with bare_client(f"{url}&frame_ms=20") as client:
            assert await client.recv()


async def test_a_listener_whose_token_runs_out_is_sent_away_for_good(tmp_path: Path) -> None:
    async with guarded(with_secret(tmp_path, leeway_s=0.0)) as server:
        short = token(exp=int(time.time()) + 3)
        async with (
            session(server, short) as run,
            rtp_client(f"{server.url}?token={short}") as client,
            bare_client(f"{server.url}?token={short}") as bare,
        ):
            await run.until(streams(run))
            heard = await hear(client, lambda heard: False)
            assert heard.of(Bye) == [Bye("the token has expired")]
            assert heard.order[-1] == "Bye"
            assert (client.close_code, client.close_reason) == (1008, "the token has expired")
            await run.until(failed(run))
            assert "close code 1008: the token has expired" in str(run.snapshot.connection.reason)
            with pytest.raises(websockets.ConnectionClosedError, match="the token has expired"):
                await everything(bare)
        assert server.refusals.counts == {Reason.TOKEN_RAN_OUT: 3}
        await until(lambda: server.stream.listener_count == 0)


async def test_time_runs_out_by_the_clock_that_nobody_sets(tmp_path: Path) -> None:
    """An hour's token. The wall clock is set on by a day, which changes nothing; then an hour passes."""
    shift_ns = {"monotonic": 0, "wall": 0}
    clock = ServerClock(lambda: time.monotonic_ns() + shift_ns["monotonic"], lambda: time.time_ns() + shift_ns["wall"])
    config = ServerConfig(STREAMS, port=0, access=with_secret(tmp_path))
    async with serving(config, clock=clock) as server:
        async with rtp_client(f"{server.url}?token={token(exp=int(time.time()) + 3_600)}") as client:
            await hear(client, lambda heard: len(heard.packets) == 2)
            shift_ns["wall"] = 86_400 * 10**9
            shift_ns["monotonic"] = 3_590 * 10**9
            heard = await hear(client, lambda heard: len(heard.reports) == 4)
            assert not heard.of(Bye)
            shift_ns["monotonic"] = 3_610 * 10**9
            heard = await hear(client, lambda heard: False)
            assert heard.of(Bye) == [Bye("the token has expired")]
        assert server.refusals.counts == {Reason.TOKEN_RAN_OUT: 1}


# Web pages.


async def test_a_web_page_of_elsewhere_is_refused_and_who_is_none_is_not() -> None:
    async with guarded() as server:
        async with session(server, Origin="https://evil.example") as run:
            await final(run, "(HTTP 403: web pages of this origin may not listen here)")
        # What a page would say whose name was made to lead here (DNS rebinding).
        await refused(server.url, origin=server.url.replace("ws://", "http://").removesuffix("/ws-audio"))
        assert server.refusals.counts == {Reason.ORIGIN: 2}
        async with session(server) as run:
            await run.until(streams(run))
    async with guarded(AccessSettings(allowed_origins=("https://good.example",), requires_origin=True)) as server:
        async with session(server, Origin="https://good.example") as run:
            await run.until(streams(run))
        async with session(server) as run:
            await final(run, "(HTTP 403: only web pages may listen here")
    async with guarded(AccessSettings(allowed_origins=("*",))) as server, session(server, Origin="null") as run:
        await run.until(streams(run))
