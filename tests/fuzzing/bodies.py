"""Pushed sound: damaged files, noise that begins like a file, and requests that lie about what they hold."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
from hypothesis import strategies as st

from tests.server.helpers import tone

RAW: Final = b"?rate=24000&channels=1"


def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(24_000)
        writer.writeframes(tone(0.1).astype("<i2").tobytes())
    return file.getvalue()


def _encoded(container_name: str, codec: str, sample_format: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone(0.1, rate=48_000).T), format="s16", layout="mono")
        frame.sample_rate = 48_000
        for piece in av.AudioResampler(sample_format, "mono", 48_000, stream.frame_size or 960).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


WAV: Final = _wav()
FILES: Final = (
    WAV,
    _encoded("ogg", "libopus", "s16"),
    _encoded("flac", "flac", "s16"),
    _encoded("matroska", "libopus", "s16"),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real file with some bytes changed, cut off anywhere; or none at all."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=30)):
        data[at] = value
    return bytes(data[: draw(st.integers(0, len(data)))])


_MAGIC: Final = st.sampled_from(
    [
        b"RIFF",
        b"OggS",
        b"fLaC",
        b"\x1aE\xdf\xa3",
        b"ID3",
        b"\xff\xfb",
        b"\0\0\0 ftypM4A ",
        b"FLV",
        b"#EXTM3U\n",
        b"ADIF",
    ]
)
SOUND: Final = (
    damaged()
    | st.binary(max_size=2_000)
    | st.builds(lambda a, b: a + b, _MAGIC, st.binary(max_size=2_000))
    | st.sampled_from(FILES)
)


@dataclass(frozen=True, slots=True)
class Body:
    """A push over HTTP."""

    query: bytes
    head: bytes
    """Lines that say what the body is."""
    data: bytes
    is_broken_off: bool
    """Then it is not waited for an answer."""


@st.composite
def body(draw: st.DrawFn) -> Body:
    """Whole or in chunks, of the length that it says or not."""
    data = draw(SOUND)
    kind = draw(
        st.sampled_from([b"audio/ogg", b"audio/wav", b"text/html", b"application/json", b"multipart/form-data"])
    )
    lines = [b"Content-Type: " + kind]
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        pieces = [piece for piece in (data[:at], data[at:]) if piece]
        wrong = draw(st.sampled_from([0] * 6 + [1, -1, 10**9]))
        data = b"".join(b"%x\r\n%b\r\n" % (max(0, len(piece) + wrong), piece) for piece in pieces)
        data += draw(st.sampled_from([b"0\r\n\r\n"] * 6 + [b"", b"0\r\n", b"zz\r\n", b"-1\r\n\r\n"]))
        lines.append(b"Transfer-Encoding: chunked")
    else:
        lines.append(b"Content-Length: %d" % max(0, len(data) + draw(st.sampled_from([0] * 6 + [-1, 1, 10**12]))))
    if draw(st.integers(0, 9)) == 0:
        lines.append(b"Content-Encoding: " + draw(st.sampled_from([b"gzip", b"deflate", b"br", b"identity", b"\xff"])))
    if draw(st.integers(0, 9)) == 0:
        lines.append(b"Expect: 100-continue")
    return Body(
        draw(st.sampled_from([b"", b"", RAW, b"?rate=44100&channels=2", b"?rate=x"])),
        b"".join(line + b"\r\n" for line in lines),
        data,
        draw(st.integers(0, 4)) == 0,
    )


BODIES: Final = body()
