"""Observations to write and to read: by hypothesis, whatever the wire can make; and a stream as a server sends it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from core.analysis.observation import (
    Closed,
    Connected,
    Connecting,
    NotConnected,
    Observation,
    ObserverStall,
    Received,
    RoundTrip,
)
from core.opus.media import MediaPacket
from core.wire.control import Bye, Config, Hello, State, Stats, StreamState
from core.wire.dialect import IgnoredText, NewStream, Unreadable
from tests.receiver.harness import opus_packets

MS = 1_000_000
NOWADAYS_NS = 1_800_000_000_000_000_000
"""What a Unix clock is ahead of a monotonic one: 2027."""

times_ns = st.integers(0, 2**46)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
shown = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
small = st.integers(0, 2**32 - 1)


@st.composite
def packets(draw: st.DrawFn) -> Observation:
    at_ns = draw(times_ns)
    return Received(
        at_ns,
        MediaPacket(
            draw(st.binary(max_size=60)),
            at_ns,
            draw(st.none() | st.integers(0, 2**40)),
            draw(st.none() | st.integers(-(2**40), 2**50)),
            draw(st.none() | st.integers(-(2**62), 2**62)),
            draw(st.booleans()),
        ),
    )


def _settings() -> dict[str, Any]:
    return {
        "frame_ms": st.sampled_from([2.5, 20.0, 60.0]),
        "bitrate": st.none() | small,
        "fec": st.booleans(),
        "dtx": st.booleans(),
        "application": shown,
    }


events = st.one_of(
    st.just(NewStream()),
    st.builds(
        Hello,
        protocol=texts,
        ssrc=small,
        sample_rate=st.sampled_from([8_000, 48_000]),
        channels=st.integers(1, 2),
        codec=shown,
        limits=st.just({}) | st.just({"frame_ms": [10, 20], "bitrate": {"min": 6000, "max": 510000}}),
        **_settings(),
    ),
    st.builds(
        Config,
        complexity=st.none() | st.integers(0, 10),
        rtp_timestamp=st.none() | small,
        refused=st.none() | shown,
        **_settings(),
    ),
    st.builds(State, st.sampled_from(StreamState)),
    st.builds(Bye, shown, st.none() | st.integers(0, 3_600_000)),
    st.builds(Stats, st.dictionaries(shown.filter(lambda key: key != "type"), st.floats(-1e9, 1e9), max_size=3)),
    st.builds(IgnoredText, texts),
    st.builds(Unreadable, texts),
)

observations = st.one_of(
    packets(),
    packets(),
    st.builds(Connecting, times_ns, texts),
    st.builds(Connected, times_ns, st.none() | texts, st.lists(texts, max_size=2).map(tuple)),
    st.builds(Received, times_ns, events),
    st.builds(RoundTrip, times_ns, st.floats(0, 1e6)),
    st.builds(ObserverStall, times_ns, times_ns),
    st.builds(Closed, times_ns, st.none() | st.integers(1000, 4999), texts, st.booleans()),
    st.builds(NotConnected, times_ns, texts),
)
"""Of every kind there is."""


def stream(
    count: int = 100,
    frame_ms: float = 20.0,
    *,
    dropped: frozenset[int] = frozenset(),
    delays_ms: dict[int, float] | None = None,
    is_bare: bool = False,
    began_ns: int = 5_000 * MS,
) -> list[Observation]:
    """Packets of a tone that come in time, but for those ``dropped`` and those that have a delay."""
    seen: list[Observation] = [
        Connecting(began_ns - 20 * MS, "ws://192.0.2.7/ws-audio"),
        Connected(began_ns - 10 * MS, None if is_bare else "opus-rtp.v1", () if is_bare else ("opus-rtp.v1",)),
    ]
    step = round(frame_ms * 48)
    for number, payload in enumerate(opus_packets(count, frame_ms)):
        if number in dropped:
            continue
        at_ns = began_ns + round((number * frame_ms + (delays_ms or {}).get(number, 0.0)) * MS)
        told = (None, None) if is_bare else (65_500 + number, 2**32 - 9_600 + number * step)
        seen.append(Received(at_ns, MediaPacket(payload, at_ns, *told)))
    return [*seen, Closed(began_ns + round(count * frame_ms * MS), 1000, "the end")]
