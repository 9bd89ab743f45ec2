"""The test signals: level, frequency, and no seam anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audio.sources import open_source
from core.audio.sources.signals import PEAK


async def samples(name: str, rate: int, blocks: list[int], channels: int = 1) -> np.ndarray:
    source = open_source(name, rate, channels)
    pieces = []
    for frames in blocks:
        block = await source.read(frames)
        assert block is not None
        assert block.capture_time_ns is None
        assert block.pcm.shape == (frames, channels)
        assert block.pcm.dtype == np.int16
        pieces.append(block.pcm)
    await source.close()
    return np.concatenate(pieces)


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
async def test_the_tone_is_440_hz_at_minus_12_dbfs(rate: int) -> None:
    tone = (await samples("tone", rate, [rate]))[:, 0]
    spectrum = np.abs(np.fft.rfft(tone.astype(float)))
    assert np.argmax(spectrum) == 440
    assert np.max(np.abs(tone)) == pytest.approx(32767 * 10 ** (-12 / 20), abs=1)


@pytest.mark.parametrize(("name", "steepest"), [("tone", 440 / 24_000), ("sweep", 0.45)])
async def test_the_repetition_has_no_jump(name: str, steepest: float) -> None:
    """A sine of amplitude A and frequency f rises by at most 2 A sin(pi f / rate) from sample to sample."""
    signal = (await samples(name, 24_000, [500] * 500))[:, 0].astype(float)
    assert np.max(np.abs(np.diff(signal))) <= 2 * PEAK * np.sin(np.pi * steepest) + 1


async def test_the_sweep_goes_from_50_hz_to_nearly_nyquist() -> None:
    signal = (await samples("sweep", 48_000, [5 * 48_000]))[:, 0].astype(float)

    def loudest_hz(part: np.ndarray) -> float:
        return float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part))))) * 48_000 / len(part))

    assert loudest_hz(signal[:4_800]) == pytest.approx(55, abs=10)
    assert loudest_hz(signal[-2_400:]) == pytest.approx(21_000, rel=0.03)


async def test_a_click_comes_each_half_second_and_lasts_two_milliseconds() -> None:
    signal = (await samples("clicks", 48_000, [480] * 250))[:, 0]
    loud = np.flatnonzero(signal)
    starts = loud[np.diff(loud, prepend=-1_000) > 480]
    assert list(starts // 24_000) == [0, 1, 2, 3, 4]
    assert all(start % 24_000 < 5 for start in starts)
    assert all(position % 24_000 < 96 for position in loud)


async def test_all_channels_are_alike() -> None:
    stereo = await samples("tone", 48_000, [4_800], channels=2)
    assert np.array_equal(stereo[:, 0], stereo[:, 1])


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=20))
async def test_blocks_of_any_size_are_one_signal(blocks: list[int]) -> None:
    whole = await samples("sweep", 8_000, [sum(blocks)])
    assert np.array_equal(await samples("sweep", 8_000, blocks), whole)
