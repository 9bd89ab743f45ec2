"""Loudness against the test signals of the EBU; without the library nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from core.audio import loudness
from core.audio.levels import LevelMeter
from core.audio.loudness import (
    LoudnessLibraryError,
    MomentaryLoudness,
    NoLoudness,
    load_ebur128,
    loudness_problem,
    make_loudness,
)
from core.audio.output import SAMPLE_RATE_HZ, Pcm
from core.audio.played import PlayedAudio

LOOK_FRAMES = SAMPLE_RATE_HZ // 20


@pytest.fixture
def meter() -> Iterator[MomentaryLoudness]:
    """The set-up installs the library; without it there is nothing to measure with."""
    if (problem := loudness_problem()) is not None:
        pytest.skip(problem)
    meter = MomentaryLoudness(load_ebur128())
    yield meter
    meter.close()


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine that has no libebur128."""
    monkeypatch.setattr(loudness, "_FILES", {"linux": ("libnowhere.so.1", "libc.so.6")})
    monkeypatch.setattr("core.audio.loudness.sys.platform", "linux")
    loudness._looked_for.cache_clear()
    yield
    loudness._looked_for.cache_clear()


def sine(peak_dbfs: float, seconds: float, hz: float = 997.0) -> Pcm:
    """In both channels."""
    wave = 10 ** (peak_dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ)
    return np.repeat(wave[:, np.newaxis], 2, axis=1).astype(np.float32)


def feed(meter: MomentaryLoudness, audio: Pcm) -> None:
    for start in range(0, len(audio), LOOK_FRAMES):
        meter.add(audio[start : start + LOOK_FRAMES])


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_sine_in_both_channels_is_as_loud_as_its_peak(meter: MomentaryLoudness, level: float) -> None:
    """EBU Tech 3341, minimum requirements, cases 1 and 2."""
    feed(meter, sine(level, 20.0))
    assert meter.momentary_lufs() == pytest.approx(level, abs=0.1)


def test_only_the_last_400_ms_count(meter: MomentaryLoudness) -> None:
    feed(meter, sine(-13.0, 2.0))
    feed(meter, sine(-33.0, 0.45))
    assert meter.momentary_lufs() == pytest.approx(-33.0, abs=0.2)


def test_one_side_alone_is_half_as_loud(meter: MomentaryLoudness) -> None:
    audio = sine(-23.0, 1.0)
    audio[:, 1] = 0.0
    feed(meter, audio)
    assert meter.momentary_lufs() == pytest.approx(-26.0, abs=0.1)


def test_high_and_low_are_weighted(meter: MomentaryLoudness) -> None:
    """The K-filter of BS.1770-4: 40 Hz are heard less."""
    feed(meter, sine(-23.0, 1.0, hz=40.0))
    loudness_lufs = meter.momentary_lufs()
    assert loudness_lufs is not None
    assert loudness_lufs < -26.0


def test_silence_and_a_beginning_have_no_loudness(meter: MomentaryLoudness) -> None:
    assert meter.momentary_lufs() is None
    feed(meter, sine(-23.0, 0.35))
    assert meter.momentary_lufs() is None
    feed(meter, sine(-23.0, 0.1))
    assert meter.momentary_lufs() == pytest.approx(-23.0, abs=0.2)
    feed(meter, np.zeros((SAMPLE_RATE_HZ, 2), dtype=np.float32))
    assert meter.momentary_lufs() is None


def test_blocks_that_are_no_whole_array_are_read_rightly(meter: MomentaryLoudness) -> None:
    wide = np.repeat(sine(-23.0, 1.0), 2, axis=1)
    meter.add(wide[:, ::2])
    assert meter.momentary_lufs() == pytest.approx(-23.0, abs=0.1)


def test_closed_it_is_silent_and_closing_twice_is_harmless() -> None:
    meter = MomentaryLoudness(load_ebur128())
    feed(meter, sine(-23.0, 1.0))
    meter.close()
    meter.close()
    meter.add(sine(-23.0, 1.0))
    assert meter.momentary_lufs() is None


def test_levels_bring_it_along() -> None:
    played = PlayedAudio()
    meter = LevelMeter(played)
    audio = sine(-23.0, 1.0)
    levels = None
    for start in range(0, len(audio), LOOK_FRAMES):
        played.write(audio[start : start + LOOK_FRAMES])
        levels = meter.take()
    assert levels is not None
    assert levels.loudness_lufs == pytest.approx(-23.0, abs=0.1)
    assert levels.peak_dbfs == pytest.approx((-23.0, -23.0), abs=0.01)
    meter.close()


def test_without_the_library_there_is_no_figure_and_nothing_else_changes(no_library: None) -> None:
    problem = loudness_problem()
    assert problem is not None
    assert "libebur128-1" in problem
    with pytest.raises(LoudnessLibraryError, match="libebur128-1"):
        load_ebur128()
    assert isinstance(make_loudness(), NoLoudness)
    played = PlayedAudio()
    meter = LevelMeter(played)
    played.write(sine(-23.0, 1.0))
    levels = meter.take()
    assert levels is not None
    assert levels.loudness_lufs is None
    assert levels.peak_dbfs[0] == pytest.approx(-23.0, abs=0.01)
    meter.close()
