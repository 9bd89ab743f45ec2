"""What a refusal before the upgrade means for a listener."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from core.receiver.failures import Failure, explain

URL = "wss://alice:geheim@radio.example/ws?token=geheim"


def refusal(status: int, body: bytes = b"", **headers: str) -> Failure:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return explain(InvalidStatus(Response(status, "", named, body)), URL)


@pytest.mark.parametrize("status", [401, 403])
def test_no_access_is_final_and_says_why(status: int) -> None:
    failure = refusal(status, b"the token has expired\nmore\n")
    assert not failure.is_retryable
    assert failure.reason == (
        f"wss://radio.example/ws?... refused access (HTTP {status}: the token has expired); check the token"
    )


@pytest.mark.parametrize(
    ("status", "said", "end"),
    [
        (401, b"", "(HTTP 401); check the token"),
        (401, b"a token is needed", "(HTTP 401: a token is needed); check the token"),
        (401, b"the request holds several tokens; send one", "several tokens; send one)"),
        (403, b"", "(HTTP 403); ask whoever runs it for the right to listen"),
        (403, b"the token is not for this stream", "is not for this stream); check the token"),
        (403, b"web pages of this origin may not listen here", "may not listen here)"),
        (403, b"the token gives no right to the settings in the address; leave them out", "leave them out)"),
    ],
)
def test_the_token_is_to_be_checked_only_where_it_may_be_the_reason(status: int, said: bytes, end: str) -> None:
    assert refusal(status, said).reason.endswith(end)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_is_come_back_to_when_it_says(status: int) -> None:
    failure = refusal(status, b"all places are taken\n", Retry_After="12")
    assert (failure.is_retryable, failure.retry_after_s) == (True, 12)
    assert f"is busy (HTTP {status}: all places are taken)" in failure.reason
    assert refusal(status).retry_after_s is None


def test_it_may_also_name_a_moment() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert refusal(503, Retry_After=later).retry_after_s == pytest.approx(90, abs=2)
    assert refusal(503, Retry_After=later.replace("GMT", "-0000")).retry_after_s == pytest.approx(90, abs=2)
    assert refusal(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT").retry_after_s == 0


SENDABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(str.strip)
NUMBER = st.integers(0, 10**30).map(str)


@given(
    SENDABLE
    | NUMBER
    | st.tuples(NUMBER, NUMBER, SENDABLE).map(
        lambda parts: f"Wed, {parts[0]} Oct {parts[1]} 07:28:00 {parts[2]}".strip()
    )
    | NUMBER.map(lambda zone: f"Wed, 21 Oct 2099 07:28:00 +{zone}")
)
def test_any_other_value_is_as_good_as_none(value: str) -> None:
    wait_s = refusal(503, Retry_After=value).retry_after_s
    assert wait_s is None or wait_s >= 0


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", b"<html>no</html>", "(HTTP 401)"),
        ("text/plain; charset=utf-8", b"no", "(HTTP 401: no)"),
        ("text/plain", b"\x1b[31mno\x07", "(HTTP 401:  [31mno)"),
        ("text/plain", b"\n", "(HTTP 401)"),
        ("text/plain", b"x" * 900, f"(HTTP 401: {'x' * 200})"),
    ],
)
def test_what_a_server_says_is_one_short_line_of_what_can_be_shown(kind: str, body: bytes, said: str) -> None:
    reason = refusal(401, body, Content_Type=kind).reason
    assert said.replace(":  [", ": [") in reason
    assert reason.isprintable()
