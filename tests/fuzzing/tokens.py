"""Anything in place of a token: noise, tokens that were altered, and signed ones that say nonsense."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

from tests.fuzzing.messages import JSON
from tests.fuzzing.requests import handshake
from tests.server.access.making import SECRET, token

HEADERS: Final = st.dictionaries(
    st.sampled_from(["alg", "kid", "crit", "b64", "typ", "jwk", "jku", "x5u"]), JSON | st.just("HS256")
)
CONTENTS: Final = JSON | st.dictionaries(
    st.sampled_from(["exp", "nbf", "iat", "sub", "aud", "iss", "jti", "streams", "set"]),
    JSON | st.sampled_from([2**40, "*", ["main"], "main", True]),
)


_HEADERS: Final = HEADERS | JSON | st.just({"alg": "HS256"})
_GOOD: Final = {"exp": 2**40, "streams": "*"}
_CONTENTS: Final = CONTENTS | CONTENTS.map(lambda it: {**_GOOD, **(it if isinstance(it, dict) else {})})


def part(content: object) -> str:
    """One of three, as JSON."""
    return _packed(json.dumps(content).encode())


def signed_by_hand(header: object, content: object, key: bytes = SECRET.encode()) -> str:
    """Whatever the header says, an HMAC."""
    signed = f"{part(header)}.{part(content)}"
    return f"{signed}.{_packed(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Login:
    """A handshake with a token."""

    request: bytes
    may_be_good: bool
    """It is signed with the server's key."""


@st.composite
def _altered(draw: st.DrawFn) -> str:
    """Another letter in what is signed: a good token's last letter holds bits that are not looked at."""
    good = token(exp=2**40)
    at = draw(st.integers(0, len(good.rpartition(".")[0]) - 1))
    letter = draw(st.sampled_from([each for each in "ABCxyz019-_.=/+ \xe9" if each != good[at]]))
    return good[:at] + letter + good[at + 1 :]


def _with_algorithm(algorithm: object, content: object) -> str:
    """Signed by somebody else, if at all."""
    header: dict[str, Any] = {"typ": "JWT", "alg": algorithm}
    if isinstance(algorithm, str) and algorithm.lower() == "none":
        return f"{part(header)}.{part(content)}."
    return signed_by_hand(header, content, b"x" * 32)


_FOREIGN: Final = (
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace").decode())
    | st.lists(st.binary(max_size=60), min_size=2, max_size=6).map(lambda parts: ".".join(map(_packed, parts)))
    | _altered()
    | st.builds(_with_algorithm, st.sampled_from(["none", "None", "HS256", "HS512", "RS256", "ES256", ""]), CONTENTS)
    | st.just("." * 3_000)
    | st.just("a" * 7_000)
)


@st.composite
def login(draw: st.DrawFn) -> Login:
    """In one of the three places where a token may be, or in two of them."""
    is_signed = draw(st.booleans())
    text = draw(st.builds(signed_by_hand, _HEADERS, _CONTENTS) if is_signed else _FOREIGN)
    raw = text.encode().replace(b"\r", b"").replace(b"\n", b"")
    path = draw(st.sampled_from([b"/ws-audio", b"/ws-audio", b"/streams/none", b"/streams"]))
    headers = []
    places = draw(st.lists(st.sampled_from(["header", "query", "protocol"]), min_size=1, max_size=2, unique=True))
    if "query" in places:
        path += b"?token=" + quote_from_bytes(raw).encode()
    if "header" in places:
        headers.append(b"Authorization: " + draw(st.sampled_from([b"Bearer ", b"bearer  ", b"BEARER\t", b""])) + raw)
    if "protocol" in places:
        headers.append(b"Sec-WebSocket-Protocol: " + draw(st.sampled_from([b"", b"opus-rtp.v1, "])) + b"bearer." + raw)
    return Login(handshake(path, *headers), is_signed)


LOGINS: Final = login()
