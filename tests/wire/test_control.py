"""Control messages: round trips, unknown things ignored, wrong things named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wire.clock import ClockSync
from core.wire.control import (
    Bye,
    Config,
    ControlError,
    ControlMessage,
    Hello,
    Set,
    State,
    Stats,
    StreamState,
    Time,
    pack_control,
    parse_control,
)

MESSAGES: list[ControlMessage] = [
    Hello("opus-rtp.v1", 1, 24_000, 1, 20.0, "audio", bitrate=32_000, limits={"frame_ms": [10, 20]}),
    Time(5),
    Time(5, 6, 7),
    Set(frame_ms=2.5, fec=True),
    Config(10.0, 32_000, 9, False, True, "lowdelay", 960),
    Config(10.0, None, None, False, False, "audio", refused="no"),
    State(StreamState.IDLE),
    Bye("over"),
    Bye("restart", 500),
    Stats({"buffer_depth_ms": 61.5}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_went(message: ControlMessage) -> None:
    assert parse_control(pack_control(message)) == message


def test_unknown_types_and_keys_are_ignored() -> None:
    assert parse_control('{"type":"news","x":1}') is None
    assert parse_control('{"type":"bye","reason":"over","colour":"blue"}') == Bye("over")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hello", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "no JSON object with a 'type'"),
        ('{"type":5}', "no JSON object with a 'type'"),
        ('{"type":"time"}', "lacks 'client_transmitted'"),
        ('{"type":"time","client_transmitted":true}', "expected int"),
        ('{"type":"set","frame_ms":"20"}', "'frame_ms' of a set message is '20', expected a number"),
        ('{"type":"state","state":"dancing"}', "known: playing, idle, ended"),
        ('{"type":"hello"}', "a hello message lacks 'protocol'"),
    ],
)
def test_impossible_messages_are_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(ControlError, match=problem):
        parse_control(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["frame_ms", "bitrate", "state", "client_transmitted", "protocol", "limits", "fec", "reason"])


@given(
    st.sampled_from(["hello", "time", "set", "config", "state", "bye", "stats", "other"]),
    st.dictionaries(keys, json_values, max_size=6),
)
def test_whatever_a_peer_sends_is_a_message_or_nothing_or_a_clear_error(kind: str, content: dict[str, object]) -> None:
    try:
        parse_control(json.dumps({**content, "type": kind}))
    except ControlError as error:
        assert str(error)


def test_the_offset_comes_from_the_exchange_with_the_shortest_round_trip() -> None:
    sync = ClockSync()
    assert sync.to_client_ns(0) is None
    ahead_us = 5_000_000
    for wait_there_us, wait_back_us in [(900, 100), (100, 100), (50, 40_000)]:
        arrived = 1_000 + wait_there_us
        sync.add(1_000, arrived + ahead_us, arrived + 10 + ahead_us, arrived + 10 + wait_back_us)
    assert sync.round_trip_ms == pytest.approx(40.05)
    assert sync.to_client_ns((ahead_us + 1_000) * 1_000) == 1_000_000


def test_an_exchange_faster_than_time_is_left_out() -> None:
    sync = ClockSync()
    sync.add(1_000, 0, 500, 1_100)
    assert sync.best is None
