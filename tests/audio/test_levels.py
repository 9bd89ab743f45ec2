"""Meters: what was played, and how loud it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audio.levels import FLOOR_DBFS, LevelMeter
from core.audio.played import KEPT_FRAMES, PlayedAudio


@given(st.lists(st.integers(1, 3_000), max_size=60), st.integers(0, KEPT_FRAMES + 100))
def test_what_was_last_played_is_what_was_written_last(blocks: list[int], wanted: int) -> None:
    played, written = PlayedAudio(), np.zeros((0, 2), dtype=np.float32)
    for number, frames in enumerate(blocks):
        block = np.full((frames, 2), number + 1, dtype=np.float32)
        played.write(block)
        written = np.concatenate((written, block))
    kept = min(wanted, KEPT_FRAMES, len(written))
    np.testing.assert_array_equal(played.last(wanted), written[len(written) - kept :])


def test_a_block_longer_than_the_memory_leaves_its_end() -> None:
    played = PlayedAudio()
    ramp = np.arange(KEPT_FRAMES * 2 + 10, dtype=np.float32)
    played.write(np.stack((ramp, -ramp), axis=1))
    np.testing.assert_array_equal(played.last(100)[:, 0], ramp[-100:])


def sine(amplitude: float, frames: int = 4_800) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    wave = amplitude * np.sin(2 * np.pi * 1_000 * np.arange(frames) / 48_000)
    return np.stack((wave, wave / 2), axis=1).astype(np.float32)


def test_a_sine_of_full_scale_has_a_peak_of_0_and_an_rms_of_minus_3() -> None:
    played = PlayedAudio()
    meter = LevelMeter(played)
    played.write(sine(1.0))
    levels = meter.take()
    assert levels is not None
    assert levels.peak_dbfs == pytest.approx((0.0, -6.02), abs=0.02)
    assert levels.rms_dbfs == pytest.approx((-3.01, -9.03), abs=0.02)


def test_silence_is_at_the_floor_and_nothing_played_is_nothing() -> None:
    played = PlayedAudio()
    meter = LevelMeter(played)
    assert meter.take() is None
    played.write(np.zeros((480, 2), dtype=np.float32))
    levels = meter.take()
    assert levels is not None
    assert levels.rms_dbfs == (FLOOR_DBFS, FLOOR_DBFS)
    assert meter.take() is None


def test_only_what_came_since_the_last_look_counts() -> None:
    played = PlayedAudio()
    meter = LevelMeter(played)
    played.write(sine(1.0))
    meter.take()
    played.write(sine(0.1))
    levels = meter.take()
    assert levels is not None
    assert levels.peak_dbfs[0] == pytest.approx(-20, abs=0.05)
