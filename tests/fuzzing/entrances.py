"""Each way into the server: what is sent there, and which answers may come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from core.server.config_file import ConfigError, config_from, parse_config
from tests.fuzzing.bodies import BODIES, Body
from tests.fuzzing.documents import DOCUMENTS, STREAMS, TEXTS
from tests.fuzzing.messages import CLOSE, MESSAGES, TALKS, TEXT, Talk, frame
from tests.fuzzing.requests import QUERIES, REQUESTS, Sent, handshake
from tests.fuzzing.target import CUT_WITHIN_S, FaultError, Target
from tests.fuzzing.tokens import LOGINS, Login

_NONCE: Final = 271_828_182_845
_LAST: Final = frame(TEXT, json.dumps({"type": "time", "client_transmitted": _NONCE}).encode())
"""Its answer tells that all before it was read."""

INTERNAL_ERROR: Final = 1011
_SILENT: Final = "no answer"
_BROKEN_OFF: Final = "not waited for"
_WAITED: Final = "waited for more"
_FOR_THE_REST_S: Final = 0.3
"""A frame may be said to be longer than it is; then nobody can tell when the server has seen enough."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """One way in."""

    name: str
    inputs: st.SearchStrategy[Any]
    attempt: Callable[[Target, Any, int], Awaitable[str]]
    """Send one input, and name what came of it; the number tells those apart that are sent at once."""
    has_tokens: bool = False
    needs_server: bool = True


def statuses(data: bytes) -> tuple[list[int], bytes]:
    """Of all answers on one connection, and what follows the one that ends HTTP there.

    Raises:
        FaultError: that is no HTTP.
    """
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        if not end or not head.startswith(b"HTTP/") or not words[1].isdigit():
            raise FaultError(f"no answer in HTTP: {data[:200]!r}")
        found.append(int(words[1]))
        if found[-1] == 101:
            return found, rest
        lines = [line.lower() for line in head.split(b"\r\n")]
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
        # An answer to HEAD names a length and holds nothing: another answer may follow at once.
        data = rest if found[-1] == 100 or rest.startswith(b"HTTP/") else rest[length:]
    return found, b""


def _only(allowed: Sequence[int], found: Sequence[int]) -> str:
    wrong = [status for status in found if status not in allowed]
    if wrong:
        raise FaultError(f"answered {wrong[0]}, one of {sorted(allowed)} was due")
    return "+".join(map(str, found)) or _SILENT


async def _request(target: Target, sent: Sent, _at: int) -> str:
    # How many requests these are only the server knows, and it ends a connection on which no more come.
    answer = await target.say(sent.pieces, _is_upgraded)
    found, _ = statuses(answer.data)
    label = _only([100, 101, 200, *range(400, 432)], found)
    if not answer.is_over and 101 not in found and not _waits_for_sound(sent):
        raise FaultError(f"not ended within {CUT_WITHIN_S:g} s, and answered {found}")
    return label if len(found) < 2 else "several"


def _waits_for_sound(sent: Sent) -> bool:
    """A push may pause for as long as it likes."""
    return b"/ingest/push" in b"".join(sent.pieces)


def _is_upgraded(data: bytes) -> bool:
    # After the version that was asked for, whichever that is.
    return b" 101 Switching Protocols\r\n" in data


def _is_answered(data: bytes) -> bool:
    return b"\r\n\r\n" in data


async def _query(target: Target, path: bytes, at: int) -> str:
    asked = handshake(path.replace(b"push0", b"push%d" % at))
    found, _ = statuses((await target.say([asked], _is_answered)).data)
    return _only([101, 400, 409], _one_of(found))


async def _login(target: Target, login: Login, _at: int) -> str:
    found, _ = statuses((await target.say([login.request], _is_answered)).data)
    return _only([200, 101, 400, 401, 403, 404] if login.may_be_good else [400, 401, 403], _one_of(found))


def _one_of(found: list[int]) -> list[int]:
    if len(found) != 1:
        raise FaultError(f"answered {found}, one answer was due")
    return found


async def _talk(target: Target, talk: Talk, at: int) -> str:
    path = talk.path.replace(b"push", b"push%d" % at)
    opening = handshake(path)
    answer = await target.say(
        [opening, talk.data + _LAST], _has_ended, patience_s=_FOR_THE_REST_S, is_broken_off=talk.is_broken_off
    )
    if talk.is_broken_off:
        return _BROKEN_OFF
    found, rest = statuses(answer.data)
    if found != [101]:
        return _only([409], _one_of(found))
    return _ending(rest, is_over=answer.is_over)


def _has_ended(data: bytes) -> bool:
    if not _is_answered(data):
        return False
    found, rest = statuses(data)
    return found != [101] or _ending(rest, is_over=False) != _WAITED


def _ending(data: bytes, *, is_over: bool) -> str:
    """What a server's frames say of the talk that came before."""
    is_answered, at = False, 0
    while len(data) - at >= 2:
        first, length, header = data[at], data[at + 1], 2
        if length == 126:
            length, header = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        payload = data[at + header : at + header + length]
        if first & 0xF == CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 0
            if code == INTERNAL_ERROR:
                raise FaultError(f"closed with {code}: {payload[2:]!r}")
            return f"closed {code or 'without a code'}"
        is_answered |= str(_NONCE).encode() in payload
        at += header + length
    if is_answered:
        return "answered"
    return "cut" if is_over else _WAITED


async def _messages(target: Target, talk: tuple[bool, list[tuple[int, bytes]]], _at: int) -> str:
    is_rtp, messages = talk
    path = b"/ws-audio?framing=rtp" if is_rtp else b"/ws-audio"
    frames = [frame(opcode, content) for opcode, content in messages]
    answer = await target.say([handshake(path), *frames, _LAST], _has_ended)
    found, rest = statuses(answer.data)
    _only([101], found)
    ending = _ending(rest, is_over=answer.is_over)
    is_too_long = any(len(content) > 16 * 1024 for _, content in messages)
    if ending != ("closed 1009" if is_too_long else "answered"):
        raise FaultError(f"messages were {ending}")
    return ending


async def _body(target: Target, body: Body, at: int) -> str:
    head = b"POST /ingest/push%d%b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (at, body.query, body.head)
    answer = await target.say(
        [head, body.data], _is_final, patience_s=_FOR_THE_REST_S, is_broken_off=body.is_broken_off
    )
    if body.is_broken_off:
        return _BROKEN_OFF
    found, _ = statuses(answer.data)
    return _only([100, 200, 400, 409, 415], found)


def _is_final(data: bytes) -> bool:
    return _is_answered(data) and statuses(data)[0][-1] != 100


async def _document(_target: Target, document: tuple[Any, ...], _at: int) -> str:
    try:
        if len(document) == 1:
            parse_config(document[0], "it.toml", Path("/etc/opuscope"))
        else:
            tables, streams = document
            config_from(tables | ({} if streams is None else {"stream": streams}), "it.toml", Path("/etc/opuscope"))
    except ConfigError as error:
        if "\n" in str(error) or len(str(error)) > 600 or not str(error).startswith("it.toml: "):
            raise FaultError(f"refused in other words: {error}") from error
        return "refused"
    return "accepted"


ENTRANCES: Final = (
    Entrance("requests", REQUESTS, _request),
    Entrance("queries", QUERIES, _query),
    Entrance("tokens", LOGINS, _login, has_tokens=True),
    Entrance("frames", TALKS, _talk),
    Entrance("messages", MESSAGES, _messages),
    Entrance("bodies", BODIES, _body),
    Entrance("configuration", st.tuples(TEXTS) | st.tuples(DOCUMENTS, STREAMS), _document, needs_server=False),
)


async def all_at_once(entrance: Entrance, target: Target, inputs: Sequence[Any]) -> list[str]:
    """What came of each.

    Raises:
        FaultError: as of the first that failed, once all are done.
    """
    attempts = (entrance.attempt(target, each, at) for at, each in enumerate(inputs))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, str)]
