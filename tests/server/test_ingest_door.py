"""Who may push: a token's holder, or without one this machine; a stranger learns nothing, and guessing takes time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import websockets
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from core.server.access.gatekeeper import Gatekeeper
from core.server.access.refusals import Reason, Refusals
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.gate import RefusedError
from core.server.ingest_door import IngestDoor
from tests.server.helpers import bare_client
from tests.server.pushing import RAW, SILENCE, pushable


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
    points = {name: SimpleNamespace(token=token) for name, token in tokens.items()}
    return IngestDoor(points, Gatekeeper(access or AccessSettings(), LimitSettings(), refusals), refusals)


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


@pytest.mark.parametrize(
    ("trusted", "peer", "headers", "may"),
    [
        ((), "127.0.0.1", {}, True),
        # Nobody was told that there is a proxy on this machine, but it says so itself.
        ((), "127.0.0.1", {"X-Forwarded-For": "198.51.100.7"}, False),
        ((), "127.0.0.1", {"Forwarded": "for=198.51.100.7"}, False),
        ((), "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        # One that was named need not say anything.
        (("127.0.0.1",), "127.0.0.1", {}, False),
        (("127.0.0.1",), "127.0.0.1", {"X-Forwarded-For": "127.0.0.2"}, False),
        (("127.0.0.1",), "127.0.0.2", {}, True),
        # The proxy elsewhere believed what its client made up.
        (("192.0.2.9",), "192.0.2.9", {"X-Forwarded-For": "127.0.0.2"}, False),
    ],
)
def test_who_comes_through_a_proxy_is_not_on_this_machine(
    trusted: tuple[str, ...], peer: str, headers: dict[str, str], may: bool
) -> None:
    asked = door({"main": None}, AccessSettings(trusted_proxies=trusted))
    request = make_mocked_request("POST", "/ingest/main", headers=headers).clone(remote=peer)
    assert (answer(asked, request, "main") == 200) is may


@pytest.mark.parametrize("over_socket", [False, True])
async def test_too_many_pushes_from_an_address_have_to_wait_as_listeners_do(over_socket: bool) -> None:
    async with pushable(limits=LimitSettings(attempts_per_minute_per_address=3)) as it:
        async with bare_client(it.url):
            pass
        for _ in range(2):
            assert (await it.post(SILENCE, RAW))[0] == 200
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
        mine = [(await it.post(SILENCE, RAW, headers=right))[0] for _ in range(4)]
        assert wrong == [401] * 3
        assert mine == [200, 200, 429, 429]
        assert it.server.refusals.counts == {
            Reason.BAD_TOKEN: 3,
            Reason.ATTEMPTS_OF_SUBJECT: 1,
            Reason.ATTEMPTS_OF_ADDRESS: 1,
        }
