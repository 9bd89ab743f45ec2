"""Recorded-like transcripts in, events out: dialects and their detection."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opus.media import MediaPacket
from core.wire.bare import BareDialect
from core.wire.control import Bye, Config, Hello, Time, pack_control
from core.wire.detect import DetectingDialect
from core.wire.dialect import Dialect, IgnoredText, NewStream, Unreadable, WireEvent
from core.wire.opus_rtp import OpusRtpDialect
from core.wire.rtcp import SenderReport, ntp_from_unix_ns, pack_sender_report
from core.wire.rtp import RtpPacket, pack_rtp

OPUS = bytes([31 << 3, 1, 2, 3])
AMBIGUOUS_OPUS = bytes([0x80, 0x6F, *range(40)])
"""A CELT packet whose first bytes are those of an RTP header with payload type 111."""


def rtp(
    sequence_number: int, ssrc: int = 9, timestamp: int | None = None, payload: bytes = OPUS, kind: int = 111
) -> bytes:
    at = sequence_number * 960 if timestamp is None else timestamp
    return pack_rtp(RtpPacket(kind, sequence_number & 0xFFFF, at, ssrc, False, payload))


def heard(dialect: Dialect, messages: list[bytes]) -> list[WireEvent]:
    """The events of messages that arrive at 0, 1, 2 ... ns."""
    return [event for at_ns, message in enumerate(messages) for event in dialect.receive(message, at_ns)]


def numbers(events: list[WireEvent]) -> list[int | str]:
    """Sequence numbers of the packets, and what else came by the name of its type."""
    return [
        event.sequence_number
        if isinstance(event, MediaPacket) and event.sequence_number is not None
        else type(event).__name__
        for event in events
    ]


def test_bare_messages_are_packets_as_they_are() -> None:
    assert BareDialect().receive(OPUS, 5) == [MediaPacket(OPUS, 5)]
    assert BareDialect().receive("hi", 5) == [IgnoredText("hi")]


def test_rtp_numbers_go_on_across_their_wrap() -> None:
    dialect = OpusRtpDialect(has_control=True)
    numbers = [65_534, 65_535, 0, 1]
    [[first], [_], [third], [_]] = [
        dialect.receive(rtp(n, timestamp=(0xFFFFFFFF - 960 + i * 960) & 0xFFFFFFFF), i) for i, n in enumerate(numbers)
    ]
    assert isinstance(first, MediaPacket)
    assert isinstance(third, MediaPacket)
    assert third.sequence_number == 65_536
    assert third.media_timestamp is not None
    assert first.media_timestamp is not None
    assert third.media_timestamp - first.media_timestamp == 1_920


def test_another_source_on_the_connection_is_a_new_stream() -> None:
    dialect = OpusRtpDialect(has_control=False)
    dialect.receive(rtp(500, ssrc=1), 0)
    events = dialect.receive(rtp(3, ssrc=2), 1)
    assert events[0] == NewStream()
    assert isinstance(events[1], MediaPacket)
    assert events[1].sequence_number == 3


@pytest.mark.parametrize("restart_at", [0, 3, 20_000, 24_100, 60_000])
def test_a_sender_that_restarts_its_numbers_is_a_new_stream_and_loses_nothing(restart_at: int) -> None:
    dialect = OpusRtpDialect(has_control=False)
    before = [rtp(n) for n in range(20_990, 21_000)]
    after = [rtp(n) for n in range(restart_at, restart_at + 5)]
    events = heard(dialect, [*before, *after])
    assert numbers(events) == [*range(20_990, 21_000), "NewStream", *range(restart_at, restart_at + 5)]
    packets = [event for event in events if isinstance(event, MediaPacket)]
    assert [packet.arrival_ns for packet in packets] == list(range(15))
    assert packets[10].media_timestamp == restart_at * 960


def test_a_restart_across_the_wrap_of_its_own_numbers_is_found() -> None:
    events = heard(OpusRtpDialect(has_control=False), [rtp(n) for n in (30_000, 30_001, 65_535, 65_536, 65_537)])
    assert numbers(events) == [30_000, 30_001, "NewStream", 65_535, 65_536, 65_537]


def test_a_stray_number_ends_no_stream_and_is_said() -> None:
    events = heard(
        OpusRtpDialect(has_control=False), [rtp(n) for n in (500, 501, 40_000, 502, 503, 9_000, 20_000, 504)]
    )
    assert numbers(events) == [500, 501, "Unreadable", 502, 503, "Unreadable", "Unreadable", 504]
    assert events[2] == Unreadable("an RTP packet numbered 40000 has no place in its stream, which is at 501")


def test_late_packets_repeated_ones_and_holes_are_no_restart() -> None:
    order = [1_000, 1_001, 1_003, 1_002, 1_003, 4_002, 3_903, 4_003]
    assert numbers(heard(OpusRtpDialect(has_control=False), [rtp(n) for n in order])) == order


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.sampled_from([1, 2]), st.sampled_from([96, 111, 127]))))
def test_whatever_numbers_come_no_packet_is_made_up_or_given_twice(packets: list[tuple[int, int, int]]) -> None:
    dialect = OpusRtpDialect(has_control=False)
    events = heard(dialect, [rtp(number, ssrc, kind=kind) for number, ssrc, kind in packets])
    arrivals = [event.arrival_ns for event in events if isinstance(event, MediaPacket)]
    assert arrivals == sorted(set(arrivals))


@pytest.mark.parametrize("kind", [96, 102, 120])
def test_ten_opus_packets_of_one_other_dynamic_type_make_it_the_type(kind: int) -> None:
    dialect = OpusRtpDialect(has_control=False)
    assert heard(dialect, [rtp(n, kind=kind) for n in range(9)]) == []
    assert numbers(dialect.receive(rtp(9, kind=kind), 9)) == list(range(10))
    assert numbers(dialect.receive(rtp(10, kind=kind), 10)) == [10]


@pytest.mark.parametrize(
    "others",
    [
        [rtp(n, kind=127) for n in range(30)],
        [rtp(n, kind=8) for n in range(30)],
        [rtp(n, kind=96 + n % 2) for n in range(30)],
        [rtp(n, kind=96, payload=b"\xff") for n in range(30)],
    ],
    ids=["spectrum", "static type", "two types", "no Opus"],
)
def test_types_that_are_not_opus_are_said_so_once_and_opus_may_still_come(others: list[bytes]) -> None:
    dialect = OpusRtpDialect(has_control=False)
    [event] = heard(dialect, others)
    assert isinstance(event, Unreadable)
    assert re.fullmatch(r"RTP packets of payload type \d+ are not Opus \(111\)", event.problem)
    assert numbers(dialect.receive(rtp(7), 0)) == [7]


def test_type_111_is_preferred_to_what_came_before_it() -> None:
    dialect = OpusRtpDialect(has_control=False)
    assert numbers(heard(dialect, [rtp(1, kind=96), rtp(2, kind=96), rtp(3), rtp(4, kind=96), rtp(5)])) == [3, 5]


def test_rtp_of_another_dynamic_type_is_detected_and_heard_from_its_beginning() -> None:
    dialect = DetectingDialect(None)
    events = heard(dialect, [rtp(n, kind=102) for n in range(12)])
    assert dialect.name == "rtp"
    assert numbers(events) == list(range(12))


def test_text_between_a_few_messages_that_may_be_rtp_is_not_held_for_ever() -> None:
    dialect = DetectingDialect(None)
    assert heard(dialect, [rtp(1), rtp(2)]) == []
    events = [event for i in range(18) for event in dialect.receive("PING", i)]
    assert dialect.name == "bare"
    assert len(events) == 20


def test_other_payload_types_and_reports_give_no_packet() -> None:
    dialect = OpusRtpDialect(has_control=False)
    assert dialect.receive(pack_rtp(RtpPacket(0x7E, 1, 0, 9, False, b"status")), 0) == []
    assert dialect.receive(pack_sender_report(SenderReport(9, 1, 2, 3, 4)), 0) == []


def test_capture_times_are_given_on_this_machine_s_clock_once_clocks_were_compared() -> None:
    dialect = OpusRtpDialect(has_control=True)
    captured_unix_ns = 1_700_000_000_000_000_000
    packet = pack_rtp(RtpPacket(111, 1, 0, 9, False, OPUS, ntp_from_unix_ns(captured_unix_ns)))
    [before] = dialect.receive(packet, 0)
    assert isinstance(before, MediaPacket)
    assert before.capture_time_ns is None
    server_us = captured_unix_ns // 1_000
    dialect.receive(pack_control(Time(1_000, server_us + 500, server_us + 500)), 2_000_000)
    [after] = dialect.receive(packet, 0)
    assert isinstance(after, MediaPacket)
    assert after.capture_time_ns == pytest.approx(1_000_000, abs=2)


def test_unreadable_messages_are_events_and_not_exceptions() -> None:
    dialect = OpusRtpDialect(has_control=True)
    assert dialect.receive(b"short", 0) == [Unreadable("5 bytes are too few for an RTP header of 12")]
    [event] = dialect.receive("{}", 0)
    assert isinstance(event, Unreadable)


def test_control_messages_are_passed_on() -> None:
    dialect = OpusRtpDialect(has_control=True)
    hello = Hello("opus-rtp.v1", 9, 24_000, 1, 20.0, "audio")
    config = Config(10.0, None, None, False, False, "audio")
    for message in (hello, config, Bye("over")):
        assert dialect.receive(pack_control(message), 0) == [message]


def test_the_negotiated_subprotocol_decides_at_once() -> None:
    dialect = DetectingDialect("opus-rtp.v1")
    assert (dialect.name, dialect.has_control) == ("rtp", True)
    assert dialect.reason == "subprotocol opus-rtp.v1"


@pytest.mark.parametrize(("choice", "name"), [("bare", "bare"), ("rtp", "rtp")])
def test_the_user_s_word_decides(choice: str, name: str) -> None:
    assert DetectingDialect(None, choice).name == name


def test_opus_packets_are_played_from_the_first_message_on() -> None:
    dialect = DetectingDialect(None)
    assert dialect.receive(OPUS, 7) == [MediaPacket(OPUS, 7)]
    assert dialect.name == "bare"


def test_three_rtp_packets_in_sequence_are_rtp_and_none_is_lost() -> None:
    dialect = DetectingDialect(None)
    assert dialect.receive(rtp(1), 10) == []
    assert dialect.receive(rtp(2), 20) == []
    events = dialect.receive(rtp(3), 30)
    assert [event.arrival_ns for event in events if isinstance(event, MediaPacket)] == [10, 20, 30]
    assert (dialect.name, dialect.has_control) == ("rtp", False)


def test_opus_packets_that_look_like_rtp_are_bare_when_their_numbers_do_not_rise() -> None:
    dialect = DetectingDialect(None)
    for at in range(2):
        assert dialect.receive(AMBIGUOUS_OPUS, at) == []
    assert len(dialect.receive(AMBIGUOUS_OPUS, 2)) == 3
    assert dialect.name == "bare"


def test_text_alone_is_at_last_reported_as_bare_without_audio() -> None:
    dialect = DetectingDialect(None)
    events = [event for i in range(5) for event in dialect.receive("news", i)]
    assert events == [IgnoredText("news")] * 5


def test_bytes_that_are_no_opus_packets_are_bare_with_a_reason_that_says_so() -> None:
    dialect = DetectingDialect(None)
    events = [event for i in range(5) for event in dialect.receive(b"\xff", i)]
    assert len(events) == 5
    assert "none of the first messages is an Opus packet" in dialect.reason
