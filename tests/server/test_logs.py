"""What a server writes about its connections, and what it never does."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from datetime import datetime
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from core.server.operation.logs import JsonFormatter, TextFormatter, log_event
from tests.server.helpers import bare_client, hear, rtp_client
from tests.server.test_operation import get
from tests.support.processes import ChildProcess

SERVE = (sys.executable, "-m", "core.cli.main", "serve", "--port", "0")
LISTENING = r"^listening on (\S+)$"


def formatted(formatter: logging.Formatter, event: str, **fields: Any) -> str:
    """What one event becomes."""
    logger = logging.Logger("core.test", logging.DEBUG)
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    log_event(logger, logging.INFO, event, **fields)
    return formatter.format(records[0])


async def test_one_json_line_for_each_connection_and_refusal() -> None:
    with ChildProcess([*SERVE, "--log-format", "json", "--log-level", "info", "--drain-code", "1012"]) as server:
        url = server.wait_for_line(LISTENING)[1]
        async with bare_client(
            f"{url}?token=hidden1", additional_headers={"Authorization": "Bearer hidden2"}
        ) as client:
            for _ in range(10):
                await client.recv()
        server.wait_for_line('"listener gone"')
        assert (await get(url, "/ws-audio?token=hidden3"))[0] == 426
        async with rtp_client(url) as client:
            await hear(client, lambda heard: len(heard.packets) == 1)
            server.signal(signal.SIGTERM)
            await hear(client, lambda heard: False)
        assert await asyncio.to_thread(server.wait) == 0
        text = server.text("stderr")
    assert "hidden" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines] == [
        "listener connected",
        "listener gone",
        "refused",
        "listener connected",
        "draining",
        "listener gone",
    ]
    for line in lines:
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
        assert line["level"] == "info"
    left, refused, sent_away = lines[1], lines[2], lines[5]
    assert {key: left[key] for key in ("stream", "peer", "dialect", "dropped", "code", "why")} == {
        "stream": "main",
        "peer": "127.0.0.1",
        "dialect": "bare",
        "dropped": 0,
        "code": 1000,
        "why": "it left",
    }
    assert left["packets"] >= 10
    assert 0.1 < left["seconds"] < 10
    assert (refused["path"], refused["status"]) == ("/ws-audio", 426)
    assert (sent_away["dialect"], sent_away["code"], sent_away["why"]) == ("rtp", 1012, "the server is going away")


async def test_by_default_a_connection_is_not_worth_a_line() -> None:
    with ChildProcess(SERVE) as server:
        url = server.wait_for_line(LISTENING)[1]
        async with bare_client(url) as client:
            await client.recv()
        await get(url, "/ws-audio")
        server.stop()
        assert server.text("stderr") == ""
        assert server.text("stdout") == f"listening on {url}"


async def test_a_failing_source_is_one_line_that_names_the_stream() -> None:
    with ChildProcess([*SERVE, "--source", f"command:{sys.executable} -c 'raise SystemExit(3)'"]) as server:
        url = server.wait_for_line(LISTENING)[1]
        async with bare_client(url) as client:
            await asyncio.wait_for(client.wait_closed(), 10)
            assert client.close_code == 1011
        server.wait_for_line("^source failed stream=main why=")
        assert len(server.text("stderr").splitlines()) == 1


def test_text_is_one_line_whatever_a_field_holds() -> None:
    line = formatted(TextFormatter(), "refused", path="/a\nlistener gone stream=x", seconds=1.5, code=None, peer="::1")
    assert line == 'refused path="/a\\nlistener gone stream=x" seconds=1.5 peer=::1'


OUTSIDE = "gone\r\nlistener gone stream=x\x1b[2K\x85\u2028\u202eend\x00\ud800"
"""Line ends of four kinds, an order to a terminal, a turn of the direction of writing, and half a letter."""


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_no_words_from_outside_make_a_second_line_or_order_a_terminal_about(formatter: logging.Formatter) -> None:
    for line in (formatted(formatter, OUTSIDE), formatted(formatter, "refused", why=OUTSIDE)):
        assert line.isprintable()
        assert len(line.splitlines()) == 1
    told = json.loads(formatted(JsonFormatter(), OUTSIDE, why=OUTSIDE))
    assert (told["event"], told["why"]) == (OUTSIDE, OUTSIDE)
    assert formatted(TextFormatter(), "gone: a\nb").endswith("gone: a\\nb")
    assert formatted(TextFormatter(), "größer, 聽") == "größer, 聽"


def test_what_an_exception_says_is_no_line_of_its_own() -> None:
    try:
        raise ValueError(OUTSIDE)
    except ValueError:
        record = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, "it broke", (), sys.exc_info())
    first, *more = TextFormatter().format(record).splitlines()
    assert first == "it broke"
    assert more
    assert all(line.startswith("  ") and line.isprintable() for line in more)


async def test_what_an_origin_says_at_its_end_is_one_line_of_a_relay() -> None:
    async def says_too_much(connection: ServerConnection) -> None:
        await connection.close(1013, "later\nrefused peer=::1")

    async with serve_websocket(says_too_much, "127.0.0.1", 0) as origin:
        port = origin.sockets[0].getsockname()[1]
        with ChildProcess([*SERVE, "--source", f"relay:ws://127.0.0.1:{port}/"]) as server:
            async with bare_client(server.wait_for_line(LISTENING)[1]):
                line = await asyncio.to_thread(server.wait_for_line, "^.*(later).*$")
        assert line[0].startswith("upstream lost stream=main why=")
        assert '(code 1013: laterrefused peer=::1)" retry_s=' in line[0]
        assert all("closed the connection" in each for each in server.text("stderr").splitlines())


def test_json_is_one_line_whatever_a_field_holds() -> None:
    line = formatted(JsonFormatter(), "refused", path='/a\n"')
    assert "\n" not in line
    assert json.loads(line)["path"] == '/a\n"'


def test_a_traceback_is_part_of_the_line() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, "it %s", ("broke",), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["event"], told["level"]) == ("it broke", "error")
    assert "ValueError: no" in told["traceback"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--log-level", "loud"), "--log-level"),
        (("--drain-s", "-1"), "a drain of -1 s"),
        (("--metrics-from", "here"), "metrics from 'here'"),
        (("--drain-code", "1000"), "--drain-code"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    with ChildProcess([*SERVE, *arguments]) as server:
        assert server.wait() == 2
        [line] = server.text("stderr").splitlines()
        assert words in line
