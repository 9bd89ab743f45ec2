"""Ogg Opus as written here: by the rules, and as opusinfo and FFmpeg see it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from core.analysis.observation import Connected, Received
from core.opus.packet import SAMPLE_RATE_HZ, parse_packet
from core.recording.ogg import MAX_PACKET_BYTES, checksum, page
from core.recording.ogg_opus import PAGE_SAMPLES
from core.recording.stand_ins import stand_ins
from core.wire.control import Hello
from core.wire.dialect import NewStream
from tests.receiver.harness import opus_packets
from tests.recording.making import STEREO, TONE, bare, numbered, received, record
from tests.recording.reading import audio_packets, decoded_by_us, opusinfo, pages_of, read_by_ffmpeg


def checksum_by_the_letter(data: bytes) -> int:
    """RFC 3533 §6, bit by bit."""
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    return register


@pytest.mark.parametrize("data", [b"", b"\x00", b"OggS", bytes(range(256)) * 3])
def test_the_checksum_is_that_of_the_rfc(data: bytes) -> None:
    assert checksum(data) == checksum_by_the_letter(data)


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 510, MAX_PACKET_BYTES])
def test_a_packet_of_any_length_that_fits_comes_out_of_its_page(length: int) -> None:
    packet = bytes(length)
    [only] = pages_of(page([packet], 1, 2, 3))
    assert (only.packets, only.serial, only.number, only.granule) == ((packet,), 1, 2, 3)


def test_what_does_not_fit_on_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="256 segments"):
        page([bytes(MAX_PACKET_BYTES + 1)], 1, 2, 3)


def test_the_very_packets_are_in_the_file_and_each_page_says_where_it_ends(tmp_path: Path) -> None:
    record(tmp_path / "a.opus", bare(TONE))
    data = (tmp_path / "a.opus").read_bytes()
    assert tuple(audio_packets(data)) == TONE
    head, tags, *audio = pages_of(data)
    assert (head.flags, head.granule, tags.granule) == (2, 0, 0)
    assert head.packets == (b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 0, 0, 0),)
    assert b"received from ws://127.0.0.1/ws-audio" in tags.packets[0]
    assert b"DATE=2026-09-21T" in tags.packets[0]
    position = 0
    for number, each in enumerate(audio, start=2):
        samples = sum(parse_packet(packet).duration_samples for packet in each.packets)
        position += samples
        assert (each.number, each.granule) == (number, position)
        assert samples <= PAGE_SAMPLES
    assert [each.is_last for each in audio] == [False] * (len(audio) - 1) + [True]


def hello(**changes: object) -> Received:
    told = {"protocol": "opus-rtp.v1", "ssrc": 1, "sample_rate": 24_000, "channels": 1, "frame_ms": 20.0}
    return Received(0, Hello(**{**told, "application": "audio", **changes}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("application", "pre_skip"), [("audio", 312), ("voip", 312), ("lowdelay", 120), ("?", 312)])
def test_the_header_has_the_rate_and_the_look_ahead_that_the_server_tells(
    tmp_path: Path, application: str, pre_skip: int
) -> None:
    record(tmp_path / "a.opus", [hello(application=application), *numbered(TONE)])
    head = pages_of((tmp_path / "a.opus").read_bytes())[0].packets[0]
    assert struct.unpack("<8sBBHIhB", head) == (b"OpusHead", 1, 2, pre_skip, 24_000, 0, 0)


CASES = {
    "one after the other": bare(TONE),
    "stereo": bare(STEREO),
    "packets missing": numbered(TONE, without=[*range(40, 47), 100, *range(200, 260)]),
    "frame sizes change": bare([*TONE[:50], *opus_packets(100, 60.0)[:20], *opus_packets(100, 2.5), *TONE[50:]]),
    "mono and stereo by turns": bare([*TONE[:50], *STEREO[:50], *TONE[50:100], *STEREO[50:]]),
    "another stream": [*numbered(TONE), Received(0, NewStream()), *numbered(STEREO, first=5)],
    "connected again": [*numbered(TONE), Connected(0, None), *numbered(TONE), Connected(0, None), *bare(STEREO)],
    "garbage in between": bare([*TONE[:40], b"", b"\xff", bytes(70_000), *TONE[40:]]),
    "twice and late": [*(obs := numbered(TONE))[:50], obs[49], obs[20], *obs[50:]],
    "one packet": bare(TONE[:1]),
    "the shortest packet": bare(opus_packets(100, 2.5)[:1]),
    "a pause of 20 s": [*numbered(TONE[:50]), received(TONE[50], 0, 150, 48_000 + 50 * 960 + 20 * 48_000)],
    "a pause of an hour": [*numbered(TONE[:50]), received(TONE[50], 0, 150, 48_000 + 3_600 * 48_000)],
    "a hole of 1 ms and one of 4": [
        *numbered(TONE[:50]),
        received(TONE[50], 0, 151, 48_000 + 50 * 960 + 48),
        received(TONE[51], 0, 153, 48_000 + 51 * 960 + 240),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_opusinfo_has_nothing_to_complain_of(tmp_path: Path, name: str) -> None:
    record(tmp_path / "a.opus", CASES[name])
    text, complaints = opusinfo(tmp_path / "a.opus")
    assert complaints == [], text
    assert "Logical stream 1 ended" in text


@pytest.mark.parametrize("name", CASES)
def test_ffmpeg_plays_as_many_samples_as_our_decoder_and_has_nothing_to_complain_of(tmp_path: Path, name: str) -> None:
    sink = record(tmp_path / "a.opus", CASES[name])
    data = (tmp_path / "a.opus").read_bytes()
    read = read_by_ffmpeg(tmp_path / "a.opus")
    assert read.complaints == ()
    ours = decoded_by_us(data)
    assert len(read.pcm) == len(ours)
    assert sink.status().seconds * SAMPLE_RATE_HZ == pages_of(data)[-1].granule


def test_missing_packets_take_as_long_as_they_would_have_taken(tmp_path: Path) -> None:
    sink = record(tmp_path / "a.opus", CASES["packets missing"])
    status = sink.status()
    assert (status.packets, status.gaps, status.filled_s) == (300 - 68, 3, pytest.approx(68 * 0.02))
    assert status.seconds == 6.0
    assert pages_of((tmp_path / "a.opus").read_bytes())[-1].granule == 300 * 960


def test_garbage_is_left_out_counted_and_its_time_kept(tmp_path: Path) -> None:
    sink = record(tmp_path / "a.opus", CASES["garbage in between"])
    status = sink.status()
    assert (status.packets, status.malformed, status.gaps) == (300, 3, 1)
    assert status.seconds == pytest.approx(6.06)
    numbers = record(tmp_path / "b.opus", [*(obs := numbered(TONE))[:40], received(b"\xff", 0, 140), *obs[41:]])
    assert (numbers.status().malformed, numbers.status().gaps) == (1, 1)
    assert numbers.status().seconds == 6.0


def test_what_comes_twice_or_late_is_left_out_and_counted(tmp_path: Path) -> None:
    status = record(tmp_path / "a.opus", CASES["twice and late"]).status()
    assert (status.packets, status.out_of_order, status.gaps) == (300, 2, 0)
    assert tuple(audio_packets((tmp_path / "a.opus").read_bytes())) == TONE


def test_holes_that_are_no_multiple_of_2_5_ms_are_made_up_for_later(tmp_path: Path) -> None:
    """1 ms cannot be stood in for (RFC 7845 §4.1); with the 4 ms of the next hole it is two steps."""
    status = record(tmp_path / "a.opus", CASES["a hole of 1 ms and one of 4"]).status()
    assert status.filled_s == pytest.approx(0.005)


def test_a_time_stamp_that_leaps_by_an_hour_fills_no_disk(tmp_path: Path) -> None:
    status = record(tmp_path / "a.opus", CASES["a pause of an hour"]).status()
    assert (status.gaps, status.filled_s) == (1, 60.0)
    assert status.size_bytes < 20_000


def test_what_comes_over_another_connection_follows_after_as_long_as_there_was_none(tmp_path: Path) -> None:
    """The last packet came at 5.98 s and lasts 20 ms, the first of the next connection comes at 9 s."""
    later = [received(packet, 9_000_000_000 + at * 20_000_000, 7 + at, 960 * at) for at, packet in enumerate(TONE)]
    status = record(tmp_path / "a.opus", [*numbered(TONE), Connected(0, None), *later]).status()
    assert (status.packets, status.gaps, status.filled_s, status.seconds) == (600, 1, 3.0, 15.0)
    pages = pages_of((tmp_path / "a.opus").read_bytes())
    assert {each.serial for each in pages} == {7000}


@pytest.mark.parametrize("toc", range(0, 256, 4))
@pytest.mark.parametrize("samples", [120, 240, 480, 600, 960, 4_560, 5_760, 48_000 + 840])
def test_stand_ins_last_exactly_as_long_as_what_is_missing(toc: int, samples: int) -> None:
    """For every mode, bandwidth, frame size and channel count that Opus has."""
    before = parse_packet(bytes((toc, 0)))
    found = stand_ins(samples, bytes((toc, 0)))
    infos = [parse_packet(packet) for packet, _ in found]
    assert [info.duration_samples for info in infos] == [duration for _, duration in found]
    assert sum(duration for _, duration in found) == samples
    assert {info.channels for info in infos} == {before.channels}
    # First as before, for as long as it fits.
    if samples >= before.frame_samples:
        assert infos[0].config == before.config


def test_the_example_of_the_rfc_is_filled_as_the_rfc_fills_it() -> None:
    """RFC 7845 §4.1: 95 ms are missing after CELT of 20 ms: four times 20, one of 10, one of 5 ms."""
    found = stand_ins(95 * 48, bytes((31 << 3, 0)))
    frames = [(info.frame_ms, info.frame_count) for info in (parse_packet(packet) for packet, _ in found)]
    assert frames == [(20.0, 4), (10.0, 1), (5.0, 1)]
