"""Claims about the analysis of recordings."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.clips import (
    SAMPLE_RATE_HZ,
    align,
    largest_jump,
    longest_zero_run_ms,
    mono,
    read_wav,
    window_correlations,
)

_MS = SAMPLE_RATE_HZ // 1000


def _noise(ms: int, seed: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 0.1, ms * _MS)


def _delayed(sound: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    return np.concatenate([np.zeros(samples), sound])


@given(st.integers(-9_000, 9_000))
def test_a_clip_is_found_wherever_it_begins(offset: int) -> None:
    clip = _noise(300)
    recording = _delayed(clip, offset) if offset >= 0 else clip[-offset:]
    assert align(clip, recording) == offset


def test_a_clip_is_found_in_noise_though_a_part_is_missing() -> None:
    clip = _noise(1_000)
    recording = _delayed(0.2 * clip, 777)
    recording[300 * _MS : 400 * _MS] = 0
    noisy = recording + 0.05 * np.resize(_noise(900, seed=3), len(recording))
    assert align(clip, noisy) == 777


def test_a_short_recording_is_found_inside_a_long_reference() -> None:
    clip = _noise(2_000)
    assert align(clip, clip[30_000:40_000]) == -30_000


@pytest.mark.parametrize("silent", [np.zeros(100), np.zeros(0)])
def test_silence_cannot_be_aligned(silent: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="silent or empty"):
        align(_noise(10), silent)
    with pytest.raises(ValueError, match="silent or empty"):
        align(silent, _noise(10))


def test_an_equal_recording_correlates_fully_whatever_its_loudness() -> None:
    clip = _noise(1_050)
    values = window_correlations(clip, _delayed(0.01 * clip, 500), 500)
    assert values.shape == (10,)
    assert values == pytest.approx(1.0)


def test_only_the_damaged_windows_correlate_badly() -> None:
    clip = _noise(1_000)
    recording = clip.copy()
    recording[300 * _MS : 400 * _MS] = _noise(100, seed=2)
    recording[700 * _MS : 800 * _MS] *= -1
    values = window_correlations(clip, recording, 0)
    assert abs(values[3]) < 0.1
    assert values[7] == pytest.approx(-1.0)
    assert np.delete(values, [3, 7]) == pytest.approx(1.0)


def test_a_cut_window_is_zero_and_a_silence_that_stays_silent_is_one() -> None:
    clip = _noise(400)
    clip[100 * _MS : 200 * _MS] = 0
    recording = clip.copy()
    recording[300 * _MS :] = 0
    assert window_correlations(clip, recording, 0) == pytest.approx([1, 1, 1, 0])


def test_sound_where_silence_belongs_counts_as_wrong() -> None:
    clip = _noise(200)
    clip[100 * _MS :] = 0
    assert window_correlations(clip, _noise(200), 0) == pytest.approx([1, 0])


def test_windows_that_the_recording_does_not_reach_are_zero() -> None:
    clip = _noise(500)
    assert window_correlations(clip, clip[: 200 * _MS], 0) == pytest.approx([1, 1, 0, 0, 0])
    assert window_correlations(clip, clip[200 * _MS :], -200 * _MS) == pytest.approx([0, 0, 1, 1, 1])


def test_a_window_may_shift_by_the_slack_and_no_further() -> None:
    clip = _noise(500)
    late = _delayed(clip, 4 * _MS)
    assert window_correlations(clip, late, 0, slack_ms=5) == pytest.approx(1.0)
    assert np.abs(window_correlations(clip, late, 0, slack_ms=3)).max() < 0.2


@given(st.integers(1, 500), st.integers(0, 500), st.booleans())
def test_the_longest_run_of_zeros_is_found_wherever_it_lies(zeros: int, before: int, stereo: bool) -> None:
    sound = np.ones(1_200)
    sound[before : before + zeros] = 0
    shaped = np.stack([sound, sound], axis=1) if stereo else sound
    assert longest_zero_run_ms(shaped) == pytest.approx(zeros / _MS)


def test_a_zero_in_one_channel_only_is_no_silence() -> None:
    assert longest_zero_run_ms(np.array([[0.0, 1.0], [1.0, 0.0]])) == 0


def test_a_threshold_counts_quiet_as_silent() -> None:
    sound = np.full(480, 0.001)
    assert longest_zero_run_ms(sound) == 0
    assert longest_zero_run_ms(sound, threshold=0.001) == pytest.approx(10)


def test_nothing_has_neither_zeros_nor_jumps() -> None:
    assert longest_zero_run_ms(np.zeros(0)) == 0
    assert largest_jump(np.zeros(0)) == 0


def test_a_cut_in_a_tone_is_its_largest_jump() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    assert largest_jump(tone) <= 2 * np.pi * 440 / SAMPLE_RATE_HZ * 0.5
    tone[20_000:20_100] = 0
    assert largest_jump(tone) > 0.2


def test_jumps_between_channels_do_not_count() -> None:
    assert largest_jump(np.array([[0.0, 1.0], [0.25, 1.0]])) == 0.25


def test_mono_is_the_mean_of_the_channels() -> None:
    assert mono(np.array([[0.0, 1.0], [0.5, 0.5]])) == pytest.approx([0.5, 0.5])
    assert mono(np.array([0.25, 0.5])) == pytest.approx([0.25, 0.5])


def test_a_wav_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "sixteen.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.array([[0, 16384], [-32768, 8192]], "<i2").tobytes())
    assert np.array_equal(read_wav(path), np.array([[0, 0.5], [-1, 0.25]], np.float32))


def test_a_wav_file_whose_length_was_never_filled_in_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "torn.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.array([16384, -16384], "<i2").tobytes())
    content = path.read_bytes()
    path.write_bytes(content[:40] + bytes(4) + content[44:])
    assert np.array_equal(read_wav(path), np.array([[0.5], [-0.5]], np.float32))


def test_what_is_no_wav_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("not at all a sound")
    with pytest.raises(ValueError, match="no WAV file"):
        read_wav(path)
