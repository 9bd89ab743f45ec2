"""Control messages: round trips, unknown things ignored, wrong things named."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

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
    Hello("opus-rtp.v1", 1, 24_000, 1, 20.0, "voip", limits={"application": ["voip", "audio"]}),
    Set(frame_ms=2.5, fec=True),
    Set(application="lowdelay"),
    Config(10.0, 32_000, 9, False, True, "lowdelay", 960),
    Config(10.0, None, None, False, False, "audio", refused="no"),
    State(StreamState.IDLE),
    Bye("over"),
    Bye("restart", 500),
    Stats({"buffer_depth_ms": 61.5}),
]


HELLO: dict[str, Any] = {"type": "hello", **asdict(MESSAGES[0])}


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
        ('{"type":"set","frame_ms":NaN}', "'frame_ms' of a set message is nan, expected a number"),
        ('{"type":"set","frame_ms":1e999}', "'frame_ms' of a set message is inf"),
        ('{"type":"set","bitrate":' + "9" * 4_000 + "}", "'bitrate' of a set message is 9{40}…"),
        ('{"type":"set","bitrate":' + "9" * 5_000 + "}", "not JSON"),
        ('{"type":"set","bitrate":Infinity}', "'bitrate' of a set message is inf, expected int"),
        ('{"type":"config","frame_ms":0}', "'frame_ms' of a config message is 0, expected 2.5 to 120"),
        ('{"type":"config","frame_ms":20,"rtp_timestamp":-1}', "'rtp_timestamp' of a config message is -1"),
        ('{"type":"time","client_transmitted":1' + "0" * 19 + "}", "'client_transmitted' of a time message"),
        ('{"type":"state","state":"' + "x" * 9_000 + '"}', "x…; known: playing"),
        (
            '{"type":"bye","reason":' + "[" * 900 + "]" * 900 + "}",
            "'reason' of a bye message is a list, expected str|JSON",
        ),
        (json.dumps(HELLO | {"ssrc": 2**32}), "'ssrc' of a hello message is 4294967296, expected 0 to 4294967295"),
        (json.dumps(HELLO | {"limits": {"frame_ms": [20, math.nan]}}), "'frame_ms' in 'limits'"),
        (json.dumps(HELLO | {"limits": {"bitrate": {"min": 0, "max": 10**400}}}), "'bitrate' in 'limits'"),
        (json.dumps(HELLO | {"limits": {"frame_ms": 20}}), "'frame_ms' in 'limits'"),
        (json.dumps(HELLO | {"limits": {"frame_ms": ["20"]}}), "'frame_ms' in 'limits'"),
        (json.dumps(HELLO | {"limits": {"application": [1]}}), "'application' in 'limits'"),
        (json.dumps(HELLO | {"limits": {"application": "voip"}}), "'application' in 'limits'"),
        (json.dumps(HELLO | {"limits": {"application": {"min": 0, "max": 1}}}), "'application' in 'limits'"),
        ('{"type":"set","application":2048}', "'application' of a set message is 2048, expected str"),
        ('{"type":"set","application":["voip"]}', "'application' of a set message is a list, expected str"),
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
keys = st.sampled_from(
    ["frame_ms", "bitrate", "state", "client_transmitted", "protocol", "limits", "fec", "reason", "application"]
)


def test_stats_that_are_no_numbers_are_left_out() -> None:
    text = '{"type":"stats","a":1.5,"b":NaN,"c":-Infinity,"d":1e300,"e":true,"f":"7","g":1' + "0" * 400 + "}"
    assert parse_control(text) == Stats({"a": 1.5})


@pytest.mark.parametrize(("sent", "taken"), [(-5, 0), (500, 500), (10**30, 3_600_000)])
def test_the_time_until_a_retry_is_at_most_an_hour(sent: int, taken: int) -> None:
    assert parse_control(json.dumps({"type": "bye", "retry_after_ms": sent})) == Bye("", taken)


def test_a_text_for_people_is_one_printable_line() -> None:
    text = json.dumps({"type": "bye", "reason": "no\nmore \x1b[31m\ud800" + "x" * 9_000})
    message = parse_control(text)
    assert isinstance(message, Bye)
    assert message.reason.startswith("no more  [31m xxx")
    assert len(message.reason) == 500


def test_limits_of_settings_unknown_here_are_ignored() -> None:
    message = parse_control(json.dumps(HELLO | {"limits": {"frame_ms": [10], "volume": "up to 11"}}))
    assert isinstance(message, Hello)
    assert message.limits == {"frame_ms": [10]}


numbers = st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.just(10**400)
plausible: dict[str, dict[str, Any]] = {
    "hello": HELLO,
    "time": {"client_transmitted": 1, "server_received": 2, "server_transmitted": 3},
    "set": {"frame_ms": 20, "bitrate": 1, "complexity": 1},
    "config": {"frame_ms": 20, "bitrate": 1, "complexity": 1, "rtp_timestamp": 1},
    "bye": {"retry_after_ms": 1},
    "stats": {"packets_dropped": 1},
}


@given(st.data())
def test_every_number_that_is_let_through_can_be_reckoned_with(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(plausible)))
    content = plausible[kind]
    numeric = sorted(key for key, value in content.items() if isinstance(value, int | float) and value is not False)
    changed: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from(numeric), numbers, min_size=1))
    if kind == "hello" and data.draw(st.booleans()):
        changed = {"limits": {"frame_ms": data.draw(st.lists(numbers)), "bitrate": {"max": data.draw(numbers)}}}
    try:
        message = parse_control(json.dumps({**content, **changed, "type": kind}))
    except ControlError:
        return
    assert message is not None
    for value in all_numbers(asdict(message)):
        assert math.isfinite(float(value) * 1e6)
        round(value)
    if isinstance(message, Time) and message.server_received is not None and message.server_transmitted is not None:
        sync = ClockSync()
        sync.add(message.client_transmitted, message.server_received, message.server_transmitted, 2**63)
        moment_ns = sync.to_client_ns(2**63)
        assert moment_ns is None or math.isfinite(moment_ns / 1e6)
        assert sync.round_trip_ms is None or math.isfinite(sync.round_trip_ms)


def all_numbers(value: object) -> list[int | float]:
    """Every number inside."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in all_numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in all_numbers(item)]
    return [value] if isinstance(value, int | float) else []


@given(json_values)
def test_an_application_to_ask_for_is_one_printable_line_or_refused(value: object) -> None:
    """Which names there are, the encoder says; here it only has to be fit for a log and an answer."""
    try:
        message = parse_control(json.dumps({"type": "set", "application": value}))
    except ControlError as error:
        assert not isinstance(value, str | None)
        assert "'application' of a set message" in str(error)
        return
    assert isinstance(message, Set)
    assert message.application is None or message.application.isprintable()


@given(json_values)
def test_limits_of_the_application_are_names_or_refused(value: object) -> None:
    try:
        message = parse_control(json.dumps(HELLO | {"limits": {"application": value}}))
    except ControlError:
        return
    assert isinstance(message, Hello)
    assert all(isinstance(name, str) for name in message.limits.get("application", []))


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
