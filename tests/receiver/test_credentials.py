"""Credentials reach the server they are for, nobody else, and no text that people see."""

from __future__ import annotations

import argparse
import ssl
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from core.cli.common import CommandError
from core.cli.listening_options import add_connection_options, add_listening_options, listen_options
from core.receiver.link import open_link
from core.receiver.options import ListenOptions, SettingError
from core.receiver.status import ConnectionState
from tests.receiver.harness import listening, opus_packets, send_paced, serving

URL = "wss://127.0.0.1:8765/ws-audio"
SECRET = "geheim"  # noqa: S105


async def wait(connection: ServerConnection) -> None:
    await connection.wait_closed()


def seeing(seen: list[Headers]) -> Callable[[ServerConnection, Request], None]:
    """A server's look at every request."""

    def look(_connection: ServerConnection, request: Request) -> None:
        seen.append(request.headers)

    return look


async def test_token_and_headers_are_sent_when_connecting() -> None:
    seen: list[Headers] = []
    async with serving(wait, process_request=seeing(seen)) as url:
        options = ListenOptions(url, token=SECRET, headers=(("X-Key", "a b"), ("X-Key", "c"), ("User-Agent", "me")))
        async with open_link(options):
            pass
    assert seen[0].get_all("Authorization") == [f"Bearer {SECRET}"]
    assert seen[0].get_all("X-Key") == ["a b", "c"]
    assert seen[0].get_all("User-Agent") == ["me"]


async def test_what_is_for_one_server_is_not_sent_to_another_that_it_redirects_to() -> None:
    first: list[Headers] = []
    second: list[Headers] = []
    async with serving(wait, process_request=seeing(second)) as there:

        def redirect(_connection: ServerConnection, request: Request) -> Response:
            first.append(request.headers)
            return Response(HTTPStatus.FOUND.value, "Found", Headers(Location=there), b"")

        options = partial(ListenOptions, token=SECRET, headers=(("X-Key", SECRET),))
        async with serving(wait, process_request=redirect) as here, open_link(options(here)):
            pass
    assert first[0]["X-Key"] == SECRET
    assert SECRET not in str(second[0])


async def test_a_redirect_within_a_server_keeps_what_is_for_it() -> None:
    seen: list[Headers] = []

    def redirect(_connection: ServerConnection, request: Request) -> Response | None:
        seen.append(request.headers)
        if request.path == "/other":
            return None
        return Response(HTTPStatus.FOUND.value, "Found", Headers(Location="/other"), b"")

    options = partial(ListenOptions, headers=(("X-Key", SECRET),))
    async with serving(wait, process_request=redirect) as url, open_link(options(url)):
        pass
    assert [headers["X-Key"] for headers in seen] == [SECRET, SECRET]


async def test_any_certificate_is_accepted_only_where_that_was_asked_for() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(context)

    async def stream(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(400))

    async with serving(stream, ssl=context) as url:
        secure = url.replace("ws://", "wss://")
        async with listening(ListenOptions(secure)) as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
            assert "is not trusted" in str(run.snapshot.connection.reason)
        async with listening(ListenOptions(secure, accepts_any_certificate=True)) as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)


def test_accepting_any_certificate_without_encryption_is_refused() -> None:
    with pytest.raises(SettingError, match="goes with wss:// only"):
        ListenOptions("ws://127.0.0.1/", accepts_any_certificate=True)


@pytest.mark.parametrize("name", ["Host", "UPGRADE", "connection", "Content-Length", "Sec-WebSocket-Key"])
def test_websocket_s_own_headers_are_refused_and_named(name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} belongs to WebSocket itself; accepted: any but Host"):
        ListenOptions(URL, headers=((name, "x"),))


@pytest.mark.parametrize("name", ["", "X Key", "X:Key", "X-Kéy", "X-Key\r\nHost", "X-Key\n", f"Bearer {SECRET}"])
def test_a_name_that_is_none_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(SettingError, match="accepted: letters, digits and") as raised:
        ListenOptions(URL, headers=((name, SECRET),))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("value", [f"{SECRET}\r\nHost: x", f"{SECRET}\n", f" {SECRET}", f"{SECRET}ß", f"{SECRET}\0"])
def test_a_value_that_cannot_be_sent_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(SettingError, match="value of the header X-Key cannot be sent; accepted: one line") as raised:
        ListenOptions(URL, headers=(("X-Key", value),))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("more", [{"token": SECRET}, {"url": "wss://me:geheim@host/"}])
def test_two_logins_at_once_are_refused(more: dict[str, Any]) -> None:
    given: dict[str, Any] = {"url": URL, "headers": (("authorization", "Basic eDp5"),), **more}
    with pytest.raises(SettingError, match="two logins"):
        ListenOptions(**given)


def test_a_header_of_one_s_own_may_be_the_login() -> None:
    options = ListenOptions(URL, headers=(("Authorization", "Basic eDp5"), ("X-Tab", "a\tb"), ("X-Empty", "")))
    assert len(options.headers) == 3


def test_printing_the_options_shows_no_secret() -> None:
    options = ListenOptions(URL, token=SECRET, headers=(("X-Key", SECRET),))
    assert SECRET not in repr(options)
    assert "127.0.0.1" in repr(options)


def options_of(*arguments: str, url: str = URL) -> ListenOptions:
    parser = argparse.ArgumentParser()
    add_listening_options(parser, "default")
    add_connection_options(parser)
    return listen_options(parser.parse_args(arguments), url)


def test_the_command_line_takes_headers_and_trust() -> None:
    options = options_of("--header", "X-Key: a:b ", "--header", "X-Other:c", "--accept-any-certificate")
    assert options.headers == (("X-Key", "a:b"), ("X-Other", "c"))
    assert options.accepts_any_certificate
    assert options_of().headers == ()
    assert not options_of().accepts_any_certificate


@pytest.mark.parametrize(
    ("arguments", "url", "line"),
    [
        (["--header", SECRET], URL, "accepted: 'Name: value'"),
        (["--header", "Host: x"], URL, "belongs to WebSocket itself"),
        (["--accept-any-certificate"], "ws://127.0.0.1/", "wss:// only"),
    ],
)
def test_the_command_line_refuses_what_cannot_be_in_one_line(arguments: list[str], url: str, line: str) -> None:
    with pytest.raises(CommandError, match=line) as raised:
        options_of(*arguments, url=url)
    assert SECRET not in str(raised.value)


async def test_no_header_appears_in_what_is_said_of_a_refused_connection() -> None:
    def refuse(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no\n")

    options = partial(ListenOptions, token=SECRET, headers=(("X-Key", SECRET),))
    async with serving(wait, process_request=refuse) as url, listening(options(url)) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        assert "401" in run.log
        assert SECRET not in run.log + repr(run.snapshot)
