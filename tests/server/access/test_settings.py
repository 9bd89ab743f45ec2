"""What cannot be set up is one line, before anything listens."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from core.server.access.settings import AccessError, AccessSettings, LimitSettings, TlsSettings

FILE = Path("secret")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"secret_file": FILE, "secret_env": "X"}, "both given"),
        ({"audience": "me"}, "without a key"),
        ({"issuer": "me"}, "without a key"),
        ({"leeway_s": 301.0}, "accepted: 0 to 300 s"),
        ({"leeway_s": float("nan")}, "accepted: 0 to 300 s"),
        ({"requires_origin": True}, "none is allowed"),
        ({"allowed_origins": ("example.org",)}, "not an origin"),
        ({"allowed_origins": ("https://example.org/",)}, "not an origin"),
        ({"allowed_origins": ("https://u@example.org",)}, "not an origin"),
        ({"allowed_origins": ("https://example.org:99999",)}, "not an origin"),
        ({"trusted_proxies": ("10.0.0.0/33",)}, "no address or network"),
        ({"trusted_proxies": ("proxy.example",)}, "no address or network"),
        ({"proxy_header": "X-Real-IP"}, "accepted: X-Forwarded-For, Forwarded"),
    ],
)
def test_access_that_cannot_be_is_refused_in_one_line(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(AccessError, match=words) as refused:
        AccessSettings(**wrong)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("field", [each.name for each in dataclasses.fields(LimitSettings)])
def test_no_limit_may_be_nothing(field: str) -> None:
    for value in (0, -1):
        with pytest.raises(AccessError, match="not possible; accepted"):
            LimitSettings(**{field: value})  # type: ignore[arg-type]


UNLIMITABLE = [each.name for each in dataclasses.fields(LimitSettings) if each.default is None]


def test_each_limit_but_those_of_patience_can_be_none_in_so_many_words() -> None:
    assert set(UNLIMITABLE) == {each.name for each in dataclasses.fields(LimitSettings)} - {
        "flood_messages",
        "header_timeout_s",
    }
    none = LimitSettings(**dict.fromkeys(UNLIMITABLE, "unlimited"))  # type: ignore[arg-type]
    assert none.on_public_host() == none
    assert not none.needs_windows
    assert LimitSettings(max_listeners=3).on_public_host() == dataclasses.replace(
        LimitSettings.for_public(), max_listeners=3
    )
    for wrong in ({"max_listeners": "none"}, {"flood_messages": "unlimited"}):
        with pytest.raises(AccessError, match="is not possible; accepted: 1 and more"):
            LimitSettings(**wrong)  # type: ignore[arg-type]


def test_each_origin_that_a_browser_sends_can_be_allowed() -> None:
    origins = ("https://example.org", "http://[::1]:8080", "null", "*", "chrome-extension://abc")
    assert AccessSettings(allowed_origins=origins).allowed_origins == origins


def test_tls_needs_both_files() -> None:
    with pytest.raises(AccessError, match="without a key"):
        TlsSettings(FILE, Path())


def test_the_library_is_not_needed_where_nothing_is_limited() -> None:
    assert not LimitSettings(max_listeners=3).needs_windows
    assert LimitSettings.for_public().needs_windows
