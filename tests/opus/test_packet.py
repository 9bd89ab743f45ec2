"""Claims about the packet parser; libopus itself is the judge."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.opus.decoder import OpusDecoder
from core.opus.encoder import FRAME_SIZES_MS, Application, EncoderSettings, OpusEncoder
from core.opus.packet import (
    MAX_FRAME_BYTES,
    MAX_PACKET_SAMPLES,
    MalformedPacketError,
    Mode,
    PacketInfo,
    parse_packet,
)
from tests.opus.libopus import force, opinion_of
from tests.opus.sounds import noise, packets_of, voice_like

TOC_BYTES = range(256)


def agrees_with_libopus(packet: bytes) -> PacketInfo | None:
    """Assert that parser and libopus say the same about ``packet``; what they say, ``None`` if both refuse it."""
    opinion = opinion_of(packet)
    if opinion is None:
        with pytest.raises(MalformedPacketError):
            parse_packet(packet)
        return None
    info = parse_packet(packet)
    assert info.frame_count == opinion.frame_count == len(opinion.frame_bytes)
    assert info.frame_samples == opinion.frame_samples
    assert info.bandwidth.value == opinion.bandwidth
    assert info.channels == opinion.channels
    if opinion.has_lbrr is not None:
        assert info.has_fec == opinion.has_lbrr
    assert info.duration_samples <= MAX_PACKET_SAMPLES
    return info


def frame_length(size: int) -> bytes:
    """A frame length as RFC 6716 §3.2.1 codes it."""
    if size < 252:
        return bytes([size])
    return bytes([252 + (size & 3), (size - 252) >> 2])


@st.composite
def well_built_packets(draw: st.DrawFn) -> bytes:
    """Packets built by the rules of RFC 6716 §3.2, with any lengths, so a good share breaks R2 or R5 only."""
    toc = draw(st.integers(0, 255))
    sizes = st.one_of(st.integers(0, 12), st.integers(245, 260), st.integers(1270, 1280))

    def frame(size: int) -> bytes:
        return bytes([draw(st.integers(0, 255))]) + bytes(size - 1) if size else b""

    code = toc & 3
    if code == 0:
        return bytes([toc]) + frame(draw(sizes))
    if code == 1:
        return bytes([toc]) + 2 * frame(draw(sizes))
    if code == 2:
        first, second = min(draw(sizes), MAX_FRAME_BYTES), draw(sizes)
        return bytes([toc]) + frame_length(first) + frame(first) + frame(second)
    count = draw(st.integers(0, 63))
    variable, padded = draw(st.booleans()), draw(st.booleans())
    header = bytes([toc, count | variable << 7 | padded << 6])
    padding = draw(st.integers(0, 600)) if padded else 0
    if padded:
        header += b"\xff" * (padding // 254) + bytes([padding % 254])
    small = st.integers(0, 9) if count > 4 else sizes
    lengths = [draw(small) for _ in range(count)] if variable else [draw(small)] * count
    if variable:
        lengths = [min(length, MAX_FRAME_BYTES) for length in lengths[:-1]] + lengths[-1:]
        header += b"".join(frame_length(length) for length in lengths[:-1])
    return header + b"".join(frame(length) for length in lengths) + bytes(padding)


@given(st.binary(min_size=1, max_size=80))
@example(b"\xff")
@example(b"\x03\x00")
@example(b"\x03\x41\xff")
@settings(max_examples=500)
def test_any_bytes_are_read_as_libopus_reads_them(packet: bytes) -> None:
    agrees_with_libopus(packet)


@given(well_built_packets())
@settings(max_examples=500)
def test_any_framing_is_read_as_libopus_reads_it(packet: bytes) -> None:
    agrees_with_libopus(packet)


@given(well_built_packets(), st.data())
@settings(max_examples=300)
def test_a_packet_cut_off_anywhere_is_read_as_libopus_reads_it(packet: bytes, data: st.DataObject) -> None:
    agrees_with_libopus(packet[: data.draw(st.integers(1, len(packet)))])


@pytest.mark.parametrize("toc", TOC_BYTES)
def test_every_configuration_code_and_channel_count_is_read(toc: int) -> None:
    """All 32 configurations x stereo bit x 4 codes, with a body that suits each code."""
    body = {0: b"\x80\x01\x02", 1: b"\x40\x01\x20\x01", 2: b"\x02\x10\x01\x08\x01", 3: b"\x01\x04\x01\x02"}
    info = agrees_with_libopus(bytes([toc]) + body[toc & 3])
    assert info is not None
    assert (info.config, info.channels) == (toc >> 3, 1 + (toc >> 2 & 1))
    assert info.frame_count == (1, 2, 2, 1)[toc & 3]


@pytest.mark.parametrize("toc", range(3, 256, 4))
def test_as_many_frames_as_120_ms_hold_are_accepted_and_not_one_more(toc: int) -> None:
    frame_samples = parse_packet(bytes([toc, 1])).frame_samples
    most = MAX_PACKET_SAMPLES // frame_samples
    assert parse_packet(bytes([toc, most])).duration_ms == 120
    with pytest.raises(MalformedPacketError, match="120 ms"):
        parse_packet(bytes([toc, most + 1]))
    assert opinion_of(bytes([toc, most])) is not None
    assert opinion_of(bytes([toc, most + 1])) is None


@pytest.mark.parametrize(
    ("packet", "complaint"),
    [
        (b"", "empty"),
        (b"\x01\x00", "two equal frames"),
        (b"\x02", "length is missing"),
        (b"\x02\xfc", "length is cut off"),
        (b"\x02\x05\x00", "longer than the packet"),
        (b"\x03", "counts the frames is missing"),
        (b"\x03\x00", "zero frames"),
        (b"\x03\x41", "padding length is cut off"),
        (b"\x03\x41\x05", "padding is longer"),
        (b"\x03\x02\x00", "2 equal frames do not fit"),
        (b"\x03\x82\x05\x00", "frames are longer"),
        (b"\x00" + bytes(MAX_FRAME_BYTES + 1), "at most 1275"),
    ],
)
def test_a_malformed_packet_is_refused_with_what_is_wrong(packet: bytes, complaint: str) -> None:
    with pytest.raises(MalformedPacketError, match=complaint):
        parse_packet(packet)


def encoder_made_packets() -> Iterator[tuple[float, bytes]]:
    """Frame size and packet for every application, frame size, channel count, several rates, FEC and DTX."""
    for application, frame_ms, channels in itertools.product(Application, FRAME_SIZES_MS, (1, 2)):
        for sample_rate, bitrate, fec, dtx in (
            (8_000, None, False, True),
            (16_000, 24_000, True, False),
            (24_000, None, False, False),
            (48_000, 64_000, True, True),
            (48_000, 300_000, False, False),
        ):
            chosen = EncoderSettings(sample_rate, channels, frame_ms, application, bitrate, fec=fec, dtx=dtx)
            sound = voice_like(sample_rate, 0.4, channels)
            sound[len(sound) // 2 :] = 0
            for packet in packets_of(sound, chosen):
                yield frame_ms, packet


def test_every_packet_that_an_encoder_makes_is_read_and_lasts_as_long_as_asked() -> None:
    seen = set()
    for frame_ms, packet in encoder_made_packets():
        info = agrees_with_libopus(packet)
        assert info is not None
        assert info.duration_ms == frame_ms
        seen.add((info.mode, info.channels, info.duration_ms))
    for channels, frame_ms in itertools.product((1, 2), FRAME_SIZES_MS):
        assert (Mode.CELT, channels, frame_ms) in seen
        assert frame_ms < 10 or (Mode.SILK, channels, frame_ms) in seen
    assert {(Mode.HYBRID, channels, 20.0) for channels in (1, 2)} <= seen


@pytest.mark.parametrize(
    ("mode", "bandwidth"),
    [
        *(("SILK", bandwidth) for bandwidth in ("NB", "MB", "WB")),
        *(("Hybrid", bandwidth) for bandwidth in ("SWB", "FB")),
        *(("CELT", bandwidth) for bandwidth in ("NB", "WB", "SWB", "FB")),
    ],
)
def test_mode_and_bandwidth_are_read_as_the_encoder_was_made_to_code(mode: str, bandwidth: str) -> None:
    encoder = OpusEncoder(EncoderSettings(sample_rate=48_000, bitrate=40_000))
    force(encoder, mode, bandwidth)
    sound = voice_like(48_000, 0.2)
    for start in range(0, len(sound), 960):
        packet = encoder.encode(sound[start : start + 960])
    encoder.close()
    info = parse_packet(packet)
    assert (info.mode.value, info.bandwidth.value) == (mode, bandwidth)


def test_fec_is_seen_in_speech_that_was_encoded_with_it_and_only_there() -> None:
    speech = voice_like(24_000, 2.0)
    with_fec = [parse_packet(packet).has_fec for packet in packets_of(speech, EncoderSettings(fec=True))]
    without = [parse_packet(packet).has_fec for packet in packets_of(speech, EncoderSettings(fec=False))]
    assert sum(with_fec) > len(with_fec) / 2
    assert not any(without)


@pytest.mark.parametrize("frame_ms", [20.0, 40.0, 60.0])
def test_stereo_fec_is_seen_at_every_frame_size_that_silk_has(frame_ms: float) -> None:
    chosen = EncoderSettings(16_000, 2, frame_ms, Application.VOIP, 40_000, fec=True)
    infos = [agrees_with_libopus(packet) for packet in packets_of(voice_like(16_000, 2.0, 2), chosen)]
    assert any(info is not None and info.has_fec and info.channels == 2 for info in infos)


def test_celt_never_carries_fec() -> None:
    chosen = EncoderSettings(48_000, 2, 20.0, Application.LOWDELAY, fec=True)
    infos = [parse_packet(packet) for packet in packets_of(noise(48_000, 0.5, 2), chosen)]
    assert {info.mode for info in infos} == {Mode.CELT}
    assert not any(info.has_fec for info in infos)


def test_silence_with_dtx_becomes_packets_that_say_so() -> None:
    chosen = EncoderSettings(16_000, application=Application.VOIP, dtx=True)
    sound = voice_like(16_000, 3.0)
    sound[len(sound) // 3 :] = 0
    marks = [parse_packet(packet).is_dtx for packet in packets_of(sound, chosen)]
    assert not any(marks[:45])
    assert sum(marks[75:]) > 0.8 * len(marks[75:])


@given(well_built_packets())
@settings(max_examples=200)
def test_what_the_parser_accepts_decodes_to_the_length_it_says(packet: bytes) -> None:
    try:
        info = parse_packet(packet)
    except MalformedPacketError:
        return
    with OpusDecoder() as decoder:
        assert decoder.decode(packet).shape == (info.duration_samples, 2)
