"""Claims about the encoder and its settings."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from core.opus.encoder import (
    DEFAULT_COMPLEXITY,
    FRAME_SIZES_MS,
    SAMPLE_RATES_HZ,
    Application,
    EncoderSettings,
    EncoderSettingsError,
    OpusEncoder,
)
from core.opus.library import load_opus
from core.opus.packet import parse_packet
from tests.opus.sounds import noise, packets_of, voice_like


def test_default_packets_are_those_of_opuslibs_own_encoder_byte_for_byte() -> None:
    load_opus()
    import opuslib

    sound = np.concatenate([voice_like(24_000, 2.0), noise(24_000, 0.5), np.zeros((12_000, 1), np.int16)])
    theirs = opuslib.Encoder(24_000, 1, opuslib.APPLICATION_AUDIO)
    expected = [theirs.encode(sound[start : start + 480].tobytes(), 480) for start in range(0, len(sound), 480)]
    assert list(packets_of(sound, EncoderSettings())) == expected


@pytest.mark.parametrize(("sample_rate", "channels"), list(itertools.product(SAMPLE_RATES_HZ, (1, 2))))
def test_every_frame_size_comes_out_as_long_as_it_went_in(sample_rate: int, channels: int) -> None:
    sound = voice_like(sample_rate, 0.25, channels)
    for frame_ms in FRAME_SIZES_MS:
        for packet in packets_of(sound, EncoderSettings(sample_rate, channels, frame_ms)):
            assert parse_packet(packet).duration_ms == frame_ms


@pytest.mark.parametrize("application", list(Application))
def test_the_look_ahead_is_what_libopus_says(application: Application) -> None:
    library = load_opus()
    encoder = OpusEncoder(EncoderSettings(48_000, application=application))
    samples = library.encoder_api.encoder_ctl(encoder._state, library.ctl.get_lookahead)
    encoder.close()
    assert application.look_ahead_ms == samples / 48


@pytest.mark.parametrize(
    ("wrong", "accepted"),
    [
        ({"sample_rate": 44_100}, "8000, 12000, 16000, 24000, 48000"),
        ({"channels": 6}, "1, 2"),
        ({"channels": 0}, "1, 2"),
        ({"frame_ms": 15.0}, "2.5, 5, 10, 20, 40, 60"),
        ({"frame_ms": float("nan")}, "2.5, 5, 10, 20, 40, 60"),
        ({"bitrate": 5_999}, "6000 to 510000 bit/s"),
        ({"bitrate": 510_001}, "6000 to 510000 bit/s"),
        ({"complexity": 11}, "0 to 10"),
        ({"complexity": -1}, "0 to 10"),
    ],
)
def test_a_bad_setting_is_refused_with_its_name_and_what_is_accepted(wrong: dict[str, Any], accepted: str) -> None:
    (name,) = wrong
    with pytest.raises(EncoderSettingsError) as refusal:
        EncoderSettings(**wrong)
    assert name in str(refusal.value)
    assert f"accepted: {accepted}" in str(refusal.value)


@pytest.mark.parametrize("extreme", [{"bitrate": 6_000}, {"bitrate": 510_000}, {"complexity": 0}, {"complexity": 10}])
def test_the_limits_themselves_are_accepted_by_libopus(extreme: dict[str, Any]) -> None:
    (packet,) = packets_of(voice_like(24_000, 0.02), EncoderSettings(**extreme))
    assert parse_packet(packet).duration_ms == 20


def mean_bitrate(settings: EncoderSettings) -> float:
    packets = list(packets_of(noise(settings.sample_rate, 2.0, settings.channels), settings))
    return 8 * sum(map(len, packets)) / (len(packets) * settings.frame_ms / 1000)


@pytest.mark.parametrize("bitrate", [64_000, 128_000, 256_000])
def test_the_bit_rate_is_kept(bitrate: int) -> None:
    assert mean_bitrate(EncoderSettings(48_000, 2, bitrate=bitrate)) == pytest.approx(bitrate, rel=0.15)


def test_settings_change_from_one_packet_to_the_next_and_back() -> None:
    """An encoder that was changed and changed back codes on as one that never was, once both have settled."""
    encoder = OpusEncoder(EncoderSettings(48_000, bitrate=20_000))
    sound = noise(48_000, 1.0)

    def mean_bytes(settings: EncoderSettings) -> float:
        encoder.configure(settings)
        size = settings.frame_samples
        frames = [sound[start : start + size] for start in range(0, len(sound) - size, size)]
        packets = [encoder.encode(frame) for frame in frames]
        assert {parse_packet(packet).duration_ms for packet in packets} == {settings.frame_ms}
        return sum(map(len, packets)) / len(packets) / settings.frame_ms

    low = mean_bytes(EncoderSettings(48_000, bitrate=20_000))
    high = mean_bytes(EncoderSettings(48_000, bitrate=200_000, frame_ms=5))
    again = mean_bytes(EncoderSettings(48_000, bitrate=20_000, frame_ms=40))
    encoder.close()
    assert high > 8 * low
    assert again == pytest.approx(low, rel=0.15)


@pytest.mark.parametrize("changed", [{"bitrate": 12_000}, {"complexity": 0}, {"fec": True}, {"dtx": True}])
def test_a_setting_that_is_taken_back_is_gone(changed: dict[str, Any]) -> None:
    """Also ``None``: the encoder's own choice comes back."""
    encoder = OpusEncoder(EncoderSettings())
    library = load_opus()
    getters = ("get_bitrate", "get_complexity", "get_inband_fec", "get_packet_loss_perc", "get_dtx")

    def in_force() -> list[int]:
        return [library.encoder_api.encoder_ctl(encoder._state, getattr(library.ctl, name)) for name in getters]

    before = in_force()
    encoder.configure(EncoderSettings(**changed))
    assert in_force() != before
    encoder.configure(EncoderSettings())
    assert in_force() == before
    encoder.close()


@pytest.mark.parametrize("changed", [{"sample_rate": 48_000}, {"channels": 2}, {"application": Application.VOIP}])
def test_what_needs_a_new_encoder_is_refused_and_changes_nothing(changed: dict[str, Any]) -> None:
    encoder = OpusEncoder(EncoderSettings())
    with pytest.raises(EncoderSettingsError, match="start a new one"):
        encoder.configure(EncoderSettings(**changed, bitrate=128_000))
    assert encoder.settings == EncoderSettings()
    assert len(encoder.encode(noise(24_000, 0.02))) < 200
    encoder.close()


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros((479, 1), np.int16),
        np.zeros((480, 2), np.int16),
        np.zeros(480, np.int16),
        np.zeros((480, 1), np.float32),
        np.zeros((0, 1), np.int16),
    ],
    ids=str,
)
def test_anything_but_one_frame_of_int16_is_refused(pcm: np.ndarray[Any, Any]) -> None:
    encoder = OpusEncoder(EncoderSettings())
    with pytest.raises(ValueError, match=r"int16 of shape \(480, 1\)"):
        encoder.encode(pcm)
    encoder.close()


def test_a_frame_may_lie_scattered_in_memory() -> None:
    stereo = voice_like(24_000, 0.02, 2)
    one, other = OpusEncoder(EncoderSettings()), OpusEncoder(EncoderSettings())
    assert one.encode(stereo[:, :1]) == other.encode(stereo[:, :1].copy())
    one.close()
    other.close()


def test_a_closed_encoder_says_so_and_may_be_closed_again() -> None:
    encoder = OpusEncoder(EncoderSettings())
    encoder.close()
    encoder.close()
    with pytest.raises(ValueError, match="closed"):
        encoder.encode(np.zeros((480, 1), np.int16))
    with pytest.raises(ValueError, match="closed"):
        encoder.configure(EncoderSettings(bitrate=12_000))


def test_redundancy_follows_the_loss_that_is_expected() -> None:
    """libopus adds none for a loss of 0, and all there is room for at 20 %."""
    sound = voice_like(24_000, 2.0)
    shares = []
    for settings in (
        EncoderSettings(fec=True),
        EncoderSettings(fec=True, expected_loss_pct=20),
        EncoderSettings(fec=True, expected_loss_pct=0),
        EncoderSettings(expected_loss_pct=20),
    ):
        encoder = OpusEncoder(settings)
        packets = [encoder.encode(sound[at : at + 480]) for at in range(0, len(sound) - 480, 480)]
        encoder.close()
        shares.append(sum(parse_packet(packet).has_fec for packet in packets) / len(packets))
    assert shares[0] == shares[1] > 0.3
    assert shares[2:] == [0, 0]


def test_what_is_left_to_libopus_is_known() -> None:
    encoder = OpusEncoder(EncoderSettings())
    assert encoder._default_complexity == EncoderSettings().effective_complexity == DEFAULT_COMPLEXITY
    assert EncoderSettings(complexity=3).effective_complexity == 3
    encoder.close()
