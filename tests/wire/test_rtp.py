"""RTP and RTCP, against the RFCs' layouts and against whatever bytes come."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wire.rtcp import (
    RtcpError,
    SenderReport,
    ntp_from_unix_ns,
    pack_sender_report,
    parse_sender_report,
    unix_ns_from_ntp,
)
from core.wire.rtp import InterarrivalJitter, RtpError, RtpPacket, Unwrapper, is_rtcp, pack_rtp, parse_rtp

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence_number=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    marker=st.booleans(),
    payload=st.binary(max_size=200),
    capture_time_ntp=st.none() | st.integers(0, 2**64 - 1),
)


@given(packets)
def test_what_is_packed_is_parsed_again(packet: RtpPacket) -> None:
    assert parse_rtp(pack_rtp(packet)) == packet


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_one_clear_error(message: bytes) -> None:
    try:
        packet = parse_rtp(message)
    except RtpError as error:
        assert str(error)
    else:
        assert message[0] >> 6 == 2
        assert packet.payload in message


@given(packets, st.integers(0, 60))
def test_a_packet_cut_short_never_reads_past_its_end(packet: RtpPacket, length: int) -> None:
    message = pack_rtp(packet)[:length]
    if length < 12:
        with pytest.raises(RtpError, match="too few"):
            parse_rtp(message)
    else:
        try:
            assert packet.payload.startswith(parse_rtp(message).payload)
        except RtpError as error:
            assert "extension" in str(error)


def test_a_header_laid_out_by_hand_is_read_field_by_field() -> None:
    header = struct.pack(">BBHII", 0xB1, 0x80 | 111, 65_535, 4_294_967_295, 0xDEADBEEF)
    one_source = struct.pack(">I", 7)
    other_extension = struct.pack(">HHI", 0x1000, 1, 99)
    padding = b"\0\0\3"
    packet = parse_rtp(header + one_source + other_extension + b"opus" + padding)
    assert packet == RtpPacket(111, 65_535, 4_294_967_295, 0xDEADBEEF, True, b"opus", None)


def test_the_capture_time_is_found_behind_other_extensions() -> None:
    elements = bytes([0, 2 << 4 | 0, 0xAA, 1 << 4 | 7]) + (123).to_bytes(8, "big")
    message = struct.pack(">BBHII", 0x90, 111, 1, 2, 3) + struct.pack(">HH", 0xBEDE, 3) + elements + b"x"
    assert parse_rtp(message).capture_time_ntp == 123


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"\x40" + bytes(11), "version 1"),
        (b"\x90" + bytes(11), "extension is cut off"),
        (b"\x90" + bytes(11) + b"\xbe\xde\0\xff", "longer than the packet"),
        (b"\xa0" + bytes(12), "padding of zero"),
        (b"\xa0" + bytes(11) + b"\xff", "longer than the packet"),
    ],
)
def test_broken_headers_are_refused_by_name(message: bytes, problem: str) -> None:
    with pytest.raises(RtpError, match=problem):
        parse_rtp(message)


@given(
    st.builds(
        SenderReport,
        *[st.integers(0, 2**bits - 1) for bits in (32, 64, 32, 32, 32)],
    )
)
def test_sender_reports_come_back_as_they_went(report: SenderReport) -> None:
    message = pack_sender_report(report)
    assert len(message) == 28
    assert is_rtcp(message)
    assert parse_sender_report(message) == report


@given(st.binary(max_size=40))
def test_any_bytes_are_a_report_or_another_type_or_a_clear_error(message: bytes) -> None:
    try:
        parse_sender_report(message)
    except RtcpError as error:
        assert str(error)


@given(st.integers(0, 2**61))
def test_ntp_time_keeps_unix_time_to_the_nanosecond(unix_ns: int) -> None:
    assert abs(unix_ns_from_ntp(ntp_from_unix_ns(unix_ns)) - unix_ns) <= 1


def test_ntp_time_starts_in_1900() -> None:
    assert ntp_from_unix_ns(0) == 2_208_988_800 << 32


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-1_000, 1_000), max_size=200))
def test_unwrapped_numbers_follow_every_step_across_the_wrap(start: int, steps: list[int]) -> None:
    unwrapper = Unwrapper(16)
    expected = unwrapper.unwrap(start)
    for step in steps:
        expected += step
        assert unwrapper.unwrap(expected % 0x10000) == expected


def test_a_steady_stream_has_no_jitter_and_a_shaken_one_has_it() -> None:
    steady, shaken = InterarrivalJitter(), InterarrivalJitter()
    for i in range(500):
        steady.add(i * 20_000_000, i * 960)
        shaken.add(i * 20_000_000 + (i % 2) * 10_000_000, i * 960)
    assert steady.jitter_ms == 0
    assert shaken.jitter_ms == pytest.approx(10, rel=0.01)
