"""The analysis of the glass-to-glass benchmark, on recordings made up for it."""

from __future__ import annotations

import numpy as np
import pytest

from core.opus.decoder import OpusDecoder
from core.opus.encoder import Application, EncoderSettings, OpusEncoder
from tests.benchmarks.channel_delay import HOP, NOISE_BAND_HZ, delays, gaps, noise, until_the_end
from tests.support.clips import Sound

SAID = noise(3.0)


def later(sound: Sound, samples: int) -> Sound:
    """The same so much later, and as long."""
    return np.concatenate((np.zeros(samples, dtype=sound.dtype), sound))[: len(sound)]


@pytest.mark.parametrize("samples", [0, 1, 768, 1_921, 12_345])
def test_a_known_shift_is_found_to_the_sample(samples: int) -> None:
    found = delays(SAID, later(SAID, samples) * 0.3)
    assert len(found) > 100
    assert (found == samples).all()
    assert gaps(SAID, later(SAID, samples) * 0.3, found) == []


def test_a_shift_is_found_in_what_a_codec_and_a_room_left_of_it() -> None:
    other = noise(3.0, seed=2)
    found = delays(SAID, later(SAID, 960) + 0.4 * other)
    assert (found == 960).all()


@pytest.mark.parametrize("frame_ms", [2.5, 5.0, 10.0, 20.0])
def test_opus_delays_by_its_look_ahead_and_leaves_no_gap(frame_ms: float) -> None:
    settings = EncoderSettings(48_000, 1, frame_ms, Application.LOWDELAY, 128_000)
    encoder, decoder = OpusEncoder(settings), OpusDecoder()
    pcm = np.round(SAID * 32767).astype(np.int16)[:, np.newaxis]
    step = settings.frame_samples
    frames = [pcm[at : at + step] for at in range(0, len(pcm) - step + 1, step)]
    heard = np.concatenate([decoder.decode(encoder.encode(frame))[:, 0].copy() for frame in frames])
    found = delays(SAID, heard)
    assert set(found) == {settings.application.look_ahead_ms * 48}
    assert gaps(SAID, heard, found) == []
    encoder.close()
    decoder.close()


def test_where_nothing_fits_nothing_is_found() -> None:
    assert np.isnan(delays(SAID, noise(3.0, seed=2))).all()
    assert np.isnan(delays(SAID, np.zeros_like(SAID))).all()
    assert gaps(SAID, np.zeros_like(SAID), delays(SAID, np.zeros_like(SAID))) == []


@pytest.mark.parametrize("length", [240, 480, 960, 4_800])
@pytest.mark.parametrize("instead", ["silence", "something else"])
def test_missing_sound_is_a_gap_of_its_length(length: int, instead: str) -> None:
    heard = later(SAID, 1_000).copy()
    filler = noise(3.0, seed=3)[:length] if instead == "something else" else 0.0
    heard[48_000 : 48_000 + length] = filler
    [gap] = gaps(SAID, heard, delays(SAID, heard))
    assert gap.at_s == pytest.approx(1.0, abs=0.004)
    assert gap.length_ms == pytest.approx(length / 48, abs=2.5)


def test_two_gaps_are_two() -> None:
    heard = later(SAID, 1_000).copy()
    heard[40_000:40_960] = 0
    heard[44_000:44_480] = 0
    assert len(gaps(SAID, heard, delays(SAID, heard))) == 2


def test_a_delay_that_changes_leaves_no_gap_but_shows_in_the_delays() -> None:
    heard = np.concatenate((later(SAID, 1_000)[:60_000], later(SAID, 1_240)[60_000:]))
    found = delays(SAID, heard)
    assert set(found[~np.isnan(found)]) == {1_000, 1_240}
    assert gaps(SAID, heard, found) == []


def test_what_was_not_said_is_not_missed() -> None:
    said = SAID.copy()
    said[48_000:52_800] = 0
    heard = later(said, 700)
    assert gaps(said, heard, delays(said, heard)) == []


def test_after_the_end_nothing_is_missed() -> None:
    heard = later(SAID, 500).copy()
    heard[96_000:] = 0
    found = until_the_end(delays(SAID, heard))
    assert len(found) == pytest.approx(95_500 / HOP, abs=4)
    assert gaps(SAID, heard, found) == []


def test_the_noise_repeats_nowhere_and_has_its_band() -> None:
    spectrum = np.abs(np.fft.rfft(SAID)) ** 2
    hertz = np.fft.rfftfreq(len(SAID), 1 / 48_000)
    inside = (hertz >= NOISE_BAND_HZ[0]) & (hertz <= NOISE_BAND_HZ[1])
    assert spectrum[inside].sum() > 0.999 * spectrum.sum()
    assert np.abs(SAID).max() < 1
