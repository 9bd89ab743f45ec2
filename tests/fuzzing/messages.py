"""What comes after the handshake: frames of WebSocket, well or badly made, and messages of any content."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9

_NOISE: Final = st.binary(max_size=60)

# Control messages.

NUMBERS: Final = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, 1, -1, 2.5, 10, 20, 60, 6_000, 64_000, 510_000, 2**31, 2**53 + 1, 2**64, 10**400, -(10**400)])
)
JSON: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_SET: Final = ("frame_ms", "bitrate", "complexity", "fec", "dtx", "application")
_STATS: Final = (
    *("packets_received", "packets_lost", "loss_pct", "jitter_ms", "buffer_ms", "late", "concealed_ms", "rtt_ms"),
    *("packets_expected", "fraction_lost", "received_bitrate", "queue_ms"),
)
_TIME: Final = ("client_transmitted", "server_received", "server_transmitted")
_OTHERS: Final = (
    "protocol",
    "ssrc",
    "sample_rate",
    "channels",
    "state",
    "reason",
    "retry_after_ms",
    "limits",
    "refused",
)
_KINDS: Final = ("set", "set", "set", "stats", "stats", "time", "hello", "config", "state", "bye", "other", "")


@st.composite
def control(draw: st.DrawFn) -> str:
    """A message with a type, and any value for each of its keys."""
    content = draw(
        st.dictionaries(
            st.sampled_from([*_SET, *_STATS, *_TIME, *_OTHERS]) | st.text(max_size=10),
            NUMBERS | JSON | st.sampled_from(["voip", "audio", "lowdelay", "playing", True, False]),
            max_size=8,
        )
    )
    kind = draw(st.sampled_from(_KINDS) | JSON)
    return json.dumps({"type": kind, **content}, ensure_ascii=draw(st.booleans()))


_ODD_TEXTS: Final = (
    *("", "{", "null", "[" * 5_000, '{"a":' * 3_000, "9" * 5_000, '{"type":"set","bitrate":' + "9" * 5_000 + "}"),
    *('{"type":"set","frame_ms":NaN}', '{"type":"stats","loss_pct":-Infinity}', '{"type":"time"}', '"\\ud800"'),
    *('{"type":"set","application":"\\ud800"}', '{"type":"set","type":"time"}', '{"type":["set"]}', "\ufeff{}", "\0"),
    *('{"type":"time","client_transmitted":1e400}', '{"type":"stats","' + "x" * 9_000 + '":1}'),
    '{"type":"stats",' + ",".join(f'"k{at}":{at}' for at in range(1_000)) + "}",
)
TEXTS: Final = control() | st.sampled_from(_ODD_TEXTS) | JSON.map(json.dumps) | st.text(max_size=100)

_RTCP: Final = st.builds(
    lambda first, kind, length, rest: struct.pack(">BBH", first, kind, length) + rest,
    st.integers(0x80, 0xBF),
    st.integers(190, 215),
    st.integers(0, 20) | st.just(0xFFFF),
    st.binary(max_size=80),
)
"""RFC 3550 §6.4: sender and receiver reports and their like, with lengths that may be wrong."""

BINARIES: Final = _RTCP | _NOISE | st.sampled_from([bytes(8_000), b"\x80\x6f" + bytes(10), b"{}"])


def encodable(text: str) -> bytes:
    """As UTF-8, but what cannot be is a question mark."""
    return text.encode("utf-8", "replace")


MESSAGES: Final = st.tuples(
    st.booleans(),
    st.lists(
        TEXTS.map(lambda text: (TEXT, encodable(text))) | BINARIES.map(lambda data: (BINARY, data)),
        min_size=1,
        max_size=8,
    ),
)
"""Whether RTP is asked for; then messages: opcode and content."""

# Frames.


def frame(opcode: int, payload: bytes, first: int = 0x80) -> bytes:
    """A good one of a client (RFC 6455 §5.2), masked with zeros; ``first`` holds FIN and the reserved bits."""
    return bytes([first | opcode]) + _length(len(payload), 0x80) + bytes(4) + payload


def _length(length: int, mask: int) -> bytes:
    if length < 126:
        return bytes([mask | length])
    return bytes([mask | 126]) + struct.pack(">H", length) if length < 2**16 else _longest(length, mask)


def _longest(length: int, mask: int) -> bytes:
    return bytes([mask | 127]) + struct.pack(">Q", length)


_CLOSES: Final = (
    *(b"", b"\x03", b"\x03\xe8", b"\x03\xe8bye", b"\x03\xe8\xff\xfe", b"\0\0", b"\xff\xff", b"\x03\xed", b"\x03\xee"),
    *(b"\x0b\xb8own", b"\x03\xe7", b"\x03\xe8" + b"x" * 123),
)


@st.composite
def _odd_frame(draw: st.DrawFn) -> bytes:
    opcode = draw(st.sampled_from([0, TEXT, BINARY, CLOSE, PING, 10]) | st.integers(0, 15))
    payload = draw(
        _NOISE
        | st.sampled_from([b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", bytes(126), bytes(17_000), b"a" * 16_384, *_CLOSES])
        | control().map(encodable)
    )
    first = draw(st.sampled_from([0x80] * 6 + [0x00, 0x00, 0xC0, 0xA0, 0x90, 0x70])) | opcode
    mask = draw(st.sampled_from([0x80] * 6 + [0]))
    length = draw(
        st.sampled_from([len(payload)] * 8 + [len(payload) + 1, max(0, len(payload) - 1), 2**63, 2**64 - 1, 2**31])
    )
    size = _longest(length, mask) if length >= 2**16 or draw(st.integers(0, 8)) == 0 else _length(length, mask)
    key = draw(st.sampled_from([bytes(4), b"\xff\x55\0\x01"])) if mask else b""
    if key:
        payload = bytes(value ^ key[at % 4] for at, value in enumerate(payload))
    return bytes([first]) + size + key + payload


@dataclass(frozen=True, slots=True)
class Talk:
    """What is sent after a handshake for ``path``."""

    path: bytes
    data: bytes
    is_broken_off: bool
    """Then it is not waited for an answer."""


@st.composite
def talk(draw: st.DrawFn) -> Talk:
    """Frames, each possibly a wrong one, of which the last may be cut."""
    frames = draw(st.lists(_odd_frame() | TEXTS.map(lambda text: frame(TEXT, encodable(text))), min_size=1, max_size=6))
    data = b"".join(frames)
    is_cut = draw(st.integers(0, 3)) == 0
    path = draw(st.sampled_from([b"/ws-audio", b"/ws-audio?framing=rtp", b"/ingest/push?rate=24000", b"/ingest/push"]))
    return Talk(path, data[: draw(st.integers(0, len(data)))] if is_cut else data, draw(st.integers(0, 3)) == 0)


TALKS: Final = talk()
