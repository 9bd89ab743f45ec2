"""Spectrum and outline of what is played."""

from __future__ import annotations

import numpy as np
import pytest

from core.audio.output import SAMPLE_RATE_HZ, Pcm
from core.audio.spectrum import FFT_FRAMES, FLOOR_DB, band_edges, band_frequencies, band_levels_db, envelope

BANDS = 120


def sine(frequency_hz: float, left: float, right: float) -> Pcm:
    wave = np.sin(2 * np.pi * frequency_hz * np.arange(FFT_FRAMES) / SAMPLE_RATE_HZ)
    return np.stack((left * wave, right * wave), axis=1).astype(np.float32)


@pytest.mark.parametrize("bin_number", [8, 43, 200, 850])
@pytest.mark.parametrize("level_db", [0.0, -40.0])
def test_a_sine_is_the_strongest_in_its_own_band_and_has_its_own_level(bin_number: int, level_db: float) -> None:
    frequency_hz = bin_number * SAMPLE_RATE_HZ / FFT_FRAMES
    amplitude = 10 ** (level_db / 20)
    levels = band_levels_db(sine(frequency_hz, amplitude, -amplitude), band_edges(BANDS))
    assert levels.max() == pytest.approx(level_db, abs=0.05)
    edges_hz = band_frequencies(BANDS)
    half_bin_hz = SAMPLE_RATE_HZ / FFT_FRAMES / 2
    # Where bands are narrower than a bin is wide, several show the same one.
    strongest = np.flatnonzero(levels > levels.max() - 0.05)
    assert len(strongest) >= 1
    for band in strongest:
        assert edges_hz[band] - half_bin_hz <= frequency_hz <= edges_hz[band + 1] + half_bin_hz


def test_between_two_bins_a_sine_loses_at_most_what_the_window_does() -> None:
    levels = band_levels_db(sine(100.5 * SAMPLE_RATE_HZ / FFT_FRAMES, 1.0, 1.0), band_edges(BANDS))
    assert levels.max() == pytest.approx(-1.42, abs=0.05)


def test_a_sine_in_one_ear_only_has_half_the_power() -> None:
    levels = band_levels_db(sine(43 * SAMPLE_RATE_HZ / FFT_FRAMES, 1.0, 0.0), band_edges(BANDS))
    assert levels.max() == pytest.approx(-3.01, abs=0.05)


def test_two_octaves_away_from_a_loud_tone_there_is_nothing() -> None:
    levels = band_levels_db(sine(1_000.0, 1.0, 1.0), band_edges(BANDS))
    assert levels[band_frequencies(BANDS)[:-1] > 4_000].max() < -90


def test_silence_is_at_the_floor() -> None:
    levels = band_levels_db(np.zeros((FFT_FRAMES, 2), dtype=np.float32), band_edges(BANDS))
    assert levels.shape == (BANDS,)
    assert levels.dtype == np.float32
    assert np.all(levels == FLOOR_DB)


@pytest.mark.parametrize("bands", [1, 60, 700])
def test_bands_stand_side_by_side_from_40_hz_to_20_khz(bands: int) -> None:
    edges = band_edges(bands)
    assert len(edges) == bands + 1
    assert np.all(np.diff(edges) >= 0)
    assert edges[0] * SAMPLE_RATE_HZ / FFT_FRAMES == pytest.approx(40, abs=12)
    assert edges[-1] * SAMPLE_RATE_HZ / FFT_FRAMES == pytest.approx(20_000, abs=12)


def test_the_outline_of_a_point_reaches_from_its_lowest_to_its_highest_sample() -> None:
    left = np.array([9, 1, -2, 3, 0, 5, 4], dtype=np.float32)
    low, high = envelope(np.stack((left, -left), axis=1), 3)
    np.testing.assert_array_equal(low, [[-2, -3], [0, -5]])
    np.testing.assert_array_equal(high, [[3, 2], [5, 0]])


def test_less_than_a_point_has_no_outline() -> None:
    low, high = envelope(np.zeros((2, 2), dtype=np.float32), 3)
    assert low.shape == high.shape == (0, 2)
