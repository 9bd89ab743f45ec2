"""Claims about the decoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opus.decoder import DecodeError, OpusDecoder
from core.opus.encoder import FRAME_SIZES_MS, Application, EncoderSettings
from core.opus.packet import MAX_PACKET_SAMPLES, SAMPLES_PER_MS
from tests.opus.libopus import raw_library
from tests.opus.sounds import noise, packets_of, voice_like

STEREO = EncoderSettings(48_000, 2, bitrate=96_000)
REFUSED = b"\x03\x00"
"""A packet of zero frames."""


def speech_packets(frame_ms: float = 20.0) -> list[bytes]:
    return list(packets_of(voice_like(24_000, 1.0), EncoderSettings(frame_ms=frame_ms)))


@pytest.mark.parametrize("frame_ms", FRAME_SIZES_MS)
def test_a_mono_packet_decodes_to_two_equal_channels(frame_ms: float) -> None:
    loudest = 0.0
    with OpusDecoder() as decoder:
        for packet in speech_packets(frame_ms):
            pcm = decoder.decode(packet)
            assert pcm.shape == (frame_ms * SAMPLES_PER_MS, 2)
            assert pcm.dtype == np.float32
            assert np.array_equal(pcm[:, 0], pcm[:, 1])
            loudest = max(loudest, np.abs(pcm).max())
    assert loudest > 0.2


def test_a_stereo_packet_decodes_to_one_channel_if_one_is_wanted() -> None:
    packets = packets_of(noise(48_000, 0.2, 2), STEREO)
    with OpusDecoder(channels=1) as decoder:
        assert {decoder.decode(packet).shape for packet in packets} == {(960, 1)}


@pytest.mark.parametrize("channels", [0, 3, -1])
def test_other_channel_counts_are_refused(channels: int) -> None:
    with pytest.raises(ValueError, match="1 or 2"):
        OpusDecoder(channels)


def test_speech_is_decoded_in_time_and_shape() -> None:
    speech = voice_like(48_000, 1.0)
    packets = packets_of(speech, EncoderSettings(48_000, bitrate=128_000))
    with OpusDecoder(channels=1) as decoder:
        heard = np.concatenate([decoder.decode(packet).copy() for packet in packets])[:, 0]
    delay = round(Application.AUDIO.look_ahead_ms * SAMPLES_PER_MS)
    wanted = speech[: len(heard) - delay, 0] / 32768
    assert np.corrcoef(wanted, heard[delay:])[0, 1] > 0.98


@pytest.mark.parametrize("frames", [120, 240, 480, 960, 1080, 1920, 2880, 5760])
def test_concealment_is_as_long_as_asked(frames: int) -> None:
    with OpusDecoder() as decoder:
        for packet in speech_packets():
            decoder.decode(packet)
        pcm = decoder.conceal(frames)
        assert pcm.shape == (frames, 2)
        assert np.abs(pcm[:120]).max() > 0.01


@pytest.mark.parametrize("frames", [0, -120, 100, 961, MAX_PACKET_SAMPLES + 120])
def test_lengths_that_libopus_cannot_conceal_are_refused(frames: int) -> None:
    with OpusDecoder() as decoder, pytest.raises(ValueError, match="multiples of 120 up to 5760"):
        decoder.conceal(frames)


def test_concealment_before_the_first_packet_is_silence() -> None:
    with OpusDecoder() as decoder:
        assert not decoder.conceal(960).any()


def test_concealment_continues_the_sound_without_a_jump_and_fades() -> None:
    with OpusDecoder() as decoder:
        for packet in speech_packets()[:20]:
            last = decoder.decode(packet).copy()
        first = decoder.conceal(960).copy()
        for _ in range(25):
            faded = decoder.conceal(960).copy()
    usual = np.abs(np.diff(last, axis=0)).max()
    assert np.abs(first[0] - last[-1]).max() <= usual
    assert np.sqrt(np.mean(faded**2)) < 0.1 * np.sqrt(np.mean(last**2))


def test_a_stream_may_turn_from_stereo_to_mono_and_back() -> None:
    stereo = list(packets_of(noise(48_000, 0.4, 2), STEREO))
    mono = speech_packets()[:20]
    with OpusDecoder() as decoder:
        for packet in stereo:
            first = decoder.decode(packet).copy()
        for packet in mono:
            middle = decoder.decode(packet).copy()
        for packet in stereo:
            last = decoder.decode(packet).copy()
    assert first.shape == middle.shape == last.shape == (960, 2)
    assert not np.array_equal(first[:, 0], first[:, 1])
    assert np.array_equal(middle[:, 0], middle[:, 1])
    assert not np.array_equal(last[:, 0], last[:, 1])


def test_a_packet_may_hold_120_ms() -> None:
    twenty = speech_packets()[:6]
    assert len({packet[0] for packet in twenty}) == 1
    lengths = b"".join(bytes([len(packet) - 1]) for packet in twenty[:-1])
    merged = bytes([twenty[0][0] | 3, 0x80 | 6]) + lengths + b"".join(packet[1:] for packet in twenty)
    with OpusDecoder() as one, OpusDecoder() as other:
        apart = np.concatenate([one.decode(packet).copy() for packet in twenty])
        together = other.decode(merged)
        assert together.shape == (MAX_PACKET_SAMPLES, 2)
        assert np.array_equal(apart, together)


@pytest.mark.parametrize("config", range(32))
def test_a_packet_of_its_first_byte_only_lasts_one_frame(config: int) -> None:
    """What an encoder with DTX sends in silence."""
    toc = bytes([config << 3])
    with OpusDecoder() as decoder:
        assert len(decoder.decode(toc)) == raw_library().opus_packet_get_samples_per_frame(toc, 48_000)


@pytest.mark.parametrize("garbage", [b"", REFUSED, b"\x01\x00", b"\x02\xff", b"\xff\xff\xff"])
def test_garbage_is_refused_and_the_decoder_lives_on(garbage: bytes) -> None:
    packets = speech_packets()[:10]
    with OpusDecoder() as disturbed, OpusDecoder() as calm:
        for packet in packets:
            with pytest.raises(DecodeError, match=r"refused|empty"):
                disturbed.decode(garbage)
            assert np.array_equal(disturbed.decode(packet), calm.decode(packet))


@given(st.lists(st.binary(min_size=0, max_size=200), max_size=10))
def test_no_bytes_break_the_decoder(messages: list[bytes]) -> None:
    with OpusDecoder() as decoder:
        for message in messages:
            try:
                pcm = decoder.decode(message)
            except DecodeError:
                continue
            assert np.isfinite(pcm).all()
        assert decoder.decode(speech_packets()[0]).shape == (960, 2)


def test_the_refusal_holds_the_words_of_libopus() -> None:
    with OpusDecoder() as decoder, pytest.raises(DecodeError, match=r"2 bytes: .*corrupted"):
        decoder.decode(REFUSED)


def test_after_a_reset_a_decoder_is_as_good_as_new() -> None:
    packets = speech_packets()
    with OpusDecoder() as used, OpusDecoder() as new:
        for packet in packets:
            used.decode(packet)
        used.reset()
        assert np.array_equal(used.decode(packets[5]), new.decode(packets[5]))


def test_a_closed_decoder_says_so_and_may_be_closed_again() -> None:
    decoder = OpusDecoder()
    decoder.close()
    decoder.close()
    with pytest.raises(ValueError, match="closed"):
        decoder.decode(speech_packets()[0])
    with pytest.raises(ValueError, match="closed"):
        decoder.conceal(960)
    with pytest.raises(ValueError, match="closed"):
        decoder.reset()
