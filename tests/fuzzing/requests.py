"""Requests of HTTP, most of them nearly a good handshake; as bytes, for no client library would send them."""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

PUSHES: Final = 16
"""So many streams take sound (``push0``, ``push1``...), so that as many can push at once."""

KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="

GOOD: Final = (
    (b"Host", b"x"),
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", KEY),
)

PATHS: Final = (
    *(b"/streams/main", b"/streams/main", b"/streams", b"/streams/none", b"/healthz", b"/readyz", b"/metrics"),
    *(b"/ingest/push0", b"/ingest/main", b"/ingest/none", b"/streams/", b"/ingest/", b"/", b"*", b"", b"//", b"//x"),
    *(b"/%", b"/%00", b"/%ff", b"/streams/%ff%fe", b"/streams/%0d%0aX: y", b"/streams/..", b"/streams/%2e%2e%2fmain"),
    *(b"http://x/ws-audio", b"http://[::1", b"http://x:y/ws-audio", b"http://a:b@x:99999/ws-audio", b"x:1", b"[::1"),
    *(b"/ws-audio#x", b"/ws-audio?%", b"/ws-audio?frame_ms=%ff", b"/ws-audio?a=b=c&&;", b"/\xff\xfe", b"/a" * 5_000),
)

_METHODS: Final = (
    *(b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PRI", b"get", b"G\xc9T", b"GE T", b""),
)
_VERSIONS: Final = (
    *(b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.10", b"HTTP/11", b"http/1.1", b"HTTP/1.1 ", b"\xff", b""),
)

_VALUES: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"Host": (b"x", b"", b"x, y", b"[::1", b"a b", b"\xff", b"x:99999", b"@", b"x" * 9_000),
    b"Upgrade": (b"websocket", b"WebSocket", b" websocket ", b"h2c", b"websocket, h2c", b"", b"\xff"),
    b"Connection": (b"Upgrade", b"upgrade, keep-alive", b"close", b"close, Upgrade", b"keep-alive", b"", b"\xff"),
    b"Sec-WebSocket-Key": (KEY, b"", b"x", b"=", base64.b64encode(bytes(15)), KEY + KEY, b"\xff" * 24, b"A" * 9_000),
    b"Sec-WebSocket-Version": (b"13", b"8", b"13, 8", b"", b"-1", b"1e1", b"\xb3", b"9" * 5_000),
    b"Sec-WebSocket-Protocol": (b"opus-rtp.v1", b", ,", b"opus-rtp.v1, opus-rtp.v1", b"bearer.", b"\xff", b"a" * 8_000),
    b"Sec-WebSocket-Extensions": (
        *(b"permessage-deflate", b"permessage-deflate; server_max_window_bits=99", b"permessage-deflate;;=", b"\xff"),
        *(b"permessage-deflate; client_max_window_bits=" + b"9" * 5_000, b"x" * 100),
    ),
    b"Content-Length": (b"0", b"3", b"-1", b"+3", b"1e3", b"3, 3", b"9" * 20, b"9" * 5_000, b"0x3", b"\xb2", b""),
    b"Transfer-Encoding": (b"chunked", b"chunked, chunked", b"gzip, chunked", b"identity", b"xchunked", b"\xff", b""),
    b"Content-Encoding": (b"gzip", b"deflate", b"br", b"zstd", b"identity", b"\xff"),
    b"Content-Type": (b"audio/ogg", b"multipart/form-data", b"text/plain; charset=\xff", b"/", b"application/json"),
    b"Expect": (b"100-continue", b"200-maybe", b"\xff"),
    b"Origin": (b"https://evil.example", b"null", b"", b"\xff", b"http://["),
    b"Authorization": (b"Bearer", b"Bearer ", b"Basic eA==", b"Bearer a b", b"\xff", b"Bearer \xff"),
    b"X-Forwarded-For": (b"192.0.2.1", b"\xff", b"," * 500, b"::1%eth0", b"[::1"),
    b"Forwarded": (b"for=192.0.2.1", b'for="[::1', b"for=_hidden;;", b"\xff"),
    b"Cookie": (b"a=b", b"=;=;", b"\xff", b"a=" + b"b" * 7_000),
    b"Range": (b"bytes=0-1", b"bytes=--1", b"\xff"),
    b"If-Modified-Since": (b"yesterday", b"Thu, 01 Jan 1970 00:00:00 GMT", b"\xff"),
    b"Accept-Encoding": (b"gzip;q=x", b"\xff"),
    b"Upgrade-Insecure-Requests": (b"1",),
}

_NOISE: Final = st.binary(max_size=40)


@dataclass(frozen=True, slots=True)
class Sent:
    """Pieces of what is written to a connection, in this order."""

    pieces: tuple[bytes, ...]


@st.composite
def _header(draw: st.DrawFn) -> tuple[bytes, bytes]:
    name = draw(st.sampled_from([*_VALUES, b"X-Other"]))
    return name, draw(st.sampled_from(_VALUES.get(name, (b"a", b"a" * 9_000))))


_ODD_HEADERS: Final = st.tuples(
    st.sampled_from([b"Host ", b" Host", b"", b"X\0", b":", b"\xff", b"Upgrade\t"]) | _NOISE, _NOISE
)


@st.composite
def _body(draw: st.DrawFn) -> bytes:
    data = draw(_NOISE)
    if draw(st.booleans()):
        return data
    size = draw(st.sampled_from([b"%x" % len(data), b"zz", b"-1", b"f" * 40, b"%x;ext=\xff" % len(data), b""]))
    data = size + b"\r\n" + data + b"\r\n"
    return data + draw(st.sampled_from([b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"", b"0\r\n\xff"]))


_ODDITIES: Final = ("method", "path", "version", "missing", "header", "many", "end", "colon", "body")


@st.composite
def request(draw: st.DrawFn) -> bytes:
    """A good handshake, also with other headers, of which a thing or two may be wrong."""
    odd = draw(st.sets(st.sampled_from(_ODDITIES), max_size=2))
    headers = list(GOOD)
    if "missing" in odd:
        headers = draw(st.lists(st.sampled_from(GOOD), max_size=6))
    others = draw(st.lists(_header(), max_size=3)) + (draw(st.lists(_ODD_HEADERS)) if "header" in odd else [])
    for name, value in others:
        # In place of the good one, or beside it.
        if draw(st.booleans()):
            headers = [pair for pair in headers if pair[0] != name]
        headers.insert(draw(st.integers(0, len(headers))), (name, value))
    if "many" in odd:
        headers += [(b"X-%d" % at, b"y") for at in range(draw(st.sampled_from([50, 300])))]
    end = draw(st.sampled_from([b"\n", b"\r", b"\r\n ", b"\0\r\n"])) if "end" in odd else b"\r\n"
    colon = draw(st.sampled_from([b":", b" : ", b" "])) if "colon" in odd else b": "
    line = b" ".join(
        (
            draw(st.sampled_from(_METHODS) | _NOISE) if "method" in odd else b"GET",
            draw(st.sampled_from(PATHS) | _NOISE) if "path" in odd else b"/ws-audio",
            draw(st.sampled_from(_VERSIONS)) if "version" in odd else b"HTTP/1.1",
        )
    )
    body = draw(_body()) if "body" in odd else b""
    return line + end + b"".join(name + colon + value + end for name, value in headers) + end + body


@st.composite
def split(draw: st.DrawFn, data: bytes) -> Sent:
    """In one to four pieces."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    edges = [0, *cuts, len(data)]
    return Sent(tuple(data[a:b] for a, b in itertools.pairwise(edges) if b > a))


REQUESTS: Final = (
    request()
    | st.lists(request(), min_size=2, max_size=3).map(b"".join)
    | st.builds(lambda good, noise: good + noise, request(), _NOISE)
    | st.binary(min_size=1, max_size=200)
).flatmap(split)


def handshake(path: bytes, *more: bytes) -> bytes:
    """A good one."""
    lines = [b"GET " + path + b" HTTP/1.1", *(name + b": " + value for name, value in GOOD), *more]
    return b"\r\n".join(lines) + b"\r\n\r\n"


# Queries.

_KEYS: Final = (
    "frame_ms",
    "bitrate",
    "complexity",
    "fec",
    "dtx",
    "application",
    "framing",
    "token",
    "rate",
    "channels",
)
_LIKELY: Final = (
    *("20", "2.5", "10", "64000", "0", "1", "true", "voip", "audio", "lowdelay", "bare", "rtp", "24000", "2", ""),
    *("nan", "inf", "-0", "1e400", "-1", "9" * 5_000, "0x14", "２０", "²", "1_0", " 20", "20 "),
)


def _quoted(raw: bytes) -> bytes:
    return quote_from_bytes(raw).encode()


_PARTS: Final = st.sampled_from([word.encode() for word in _LIKELY]).map(_quoted) | _NOISE.map(_quoted)
_PAIRS: Final = st.builds(
    lambda key, value: key + b"=" + value,
    st.sampled_from([key.encode() for key in _KEYS]) | _NOISE.map(_quoted),
    _PARTS,
)

QUERIES: Final = st.builds(
    lambda path, pairs, more: path + b"?" + b"&".join(pairs) + more,
    st.sampled_from([b"/ws-audio", b"/streams/main", b"/ingest/push0"]),
    st.lists(_PAIRS, max_size=5),
    st.sampled_from([b"", b"", b"", b"&", b"%", b"%f", b"%ff", b"=", b"&&=", b";", b"#", b"?"]),
)
"""Path and query, to be asked for with a good handshake."""
