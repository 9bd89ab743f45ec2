"""Faster and slower at the same pitch: what is heard, measured on tones, voices and real speech."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.playout.ring import PcmRing
from core.playout.time_scale import (
    LONGEST_LAG_SAMPLES,
    LONGEST_PAUSE_SAMPLES,
    SHORTEST_LAG_SAMPLES,
    TimeScale,
)
from tests.benchmarks.sound_quality import (
    WAYS,
    Stretched,
    back_in_time,
    load,
    pesq_score,
    pitch_hz,
    spectral_distance_db,
    stretched,
)
from tests.support.clips import largest_jump

Sound = NDArray[np.float32]
SECONDS = 3
TIME = np.arange(SECONDS * 48_000) / 48_000
RATES = (0.25, -0.25)

JUMP_MARGIN = 1.01
"""Within a cross-fade over n samples the difference d of both sides adds up to d * pi / 2n to a step: 0.3 % of d at
10 ms. For the tone of 1 kHz and the worst lag, half a sample off, that is 0.02 % of its own steepest step; the rest is
for voices, which repeat themselves less exactly."""


@cache
def tone(hz: float) -> Sound:
    return stereo(0.5 * np.sin(2 * np.pi * hz * TIME))


@cache
def vowel(pitch: float, vibrato: float = 0.0) -> Sound:
    """An open "a" on one note, five vibrations a second."""
    return voice(pitch * (1 + vibrato * np.sin(2 * np.pi * 5 * TIME)))


def voice(pitch: NDArray[np.float64]) -> Sound:
    """Formants at 730, 1090 and 2440 Hz (Peterson & Barney 1952), harmonics up to 8 kHz, the pitch for each frame."""
    phase, mean = 2 * np.pi * np.cumsum(pitch) / 48_000, float(pitch.mean())
    sound = np.zeros_like(TIME)
    for harmonic in range(1, int(8_000 / mean)):
        hz = harmonic * mean
        gain = sum(1 / (1 + ((hz - formant) / width) ** 2) for formant, width in ((730, 90), (1090, 110), (2440, 170)))
        sound += (gain + 0.02) / harmonic**0.5 * np.sin(harmonic * phase + harmonic**2)
    return stereo(0.5 * sound / np.abs(sound).max())


def stereo(left: NDArray[np.floating[Any]], right: NDArray[np.floating[Any]] | None = None) -> Sound:
    sound = np.stack([left, left if right is None else right], axis=1).astype(np.float32)
    # Several tests share one.
    sound.flags.writeable = False
    return sound


def noise(level: float, seed: int = 1) -> NDArray[np.float64]:
    return level * np.random.default_rng(seed).normal(size=len(TIME))


@lru_cache(maxsize=1)
def speech() -> Sound:
    return load()


@lru_cache(maxsize=8)
def stretched_speech(rate: float, way: str = "ours") -> Stretched:
    return stretched(speech(), rate, WAYS[way]())


def frequency_hz(sound: Sound) -> float:
    """Of the strongest partial, over all of it."""
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound)), size))
    return float(np.argmax(spectrum)) * 48_000 / size


def levels_db(sound: Sound, window: int = 960) -> NDArray[np.float64]:
    """Of each 20 ms, left channel."""
    pieces = sound[: len(sound) // window * window, 0].reshape(-1, window).astype(np.float64)
    return 10 * np.log10(np.mean(pieces**2, axis=1) + 1e-12)


def ring_of(sound: Sound, played: int = 0) -> PcmRing:
    """A ring that holds all of ``sound``, ``played`` frames of it read."""
    ring = PcmRing(48_000, sound.shape[1])
    ring.write(sound)
    ring.read_into(np.zeros((played, sound.shape[1]), dtype=np.float32))
    return ring


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [100, 440, 1_000, 3_333])
def test_a_tone_keeps_its_pitch_and_level_and_has_no_clicks(hz: float, rate: float) -> None:
    source = tone(hz)
    result = stretched(source, rate, TimeScale(), least_similarity=0.9)
    assert len(result.pcm) == pytest.approx(len(source) * (1 + rate), rel=0.03)
    assert frequency_hz(result.pcm) == pytest.approx(hz, rel=0.01)
    assert largest_jump(result.pcm) <= largest_jump(source) * JUMP_MARGIN
    assert np.abs(levels_db(result.pcm) - levels_db(source)[5]).max() < 1


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("pitch", "vibrato"), [(120, 0.0), (220, 0.0), (120, 0.02), (220, 0.02)])
def test_a_voice_keeps_its_pitch_and_level_and_has_no_clicks(pitch: float, vibrato: float, rate: float) -> None:
    source = vowel(pitch, vibrato)
    result = stretched(source, rate, TimeScale(), least_similarity=0.9)
    heard = [pitch_hz(result.pcm, at) for at in range(2_000, len(result.pcm) - 4_000, 480)]
    assert len(result.pcm) == pytest.approx(len(source) * (1 + rate), rel=0.03)
    assert np.mean(heard) == pytest.approx(pitch, rel=0.01)
    assert np.abs(np.array(heard) / pitch - 1).max() < vibrato + 0.01
    assert largest_jump(result.pcm) <= largest_jump(source) * JUMP_MARGIN
    of_source, of_result = levels_db(source), levels_db(result.pcm)
    assert of_result.min() > of_source.min() - 1
    assert of_result.max() < of_source.max() + 1


@pytest.mark.parametrize("rate", [*RATES, 0.1, -0.1])
def test_speech_changes_its_length_by_what_was_asked_without_a_click(rate: float) -> None:
    result = stretched_speech(rate)
    assert len(result.pcm) == pytest.approx(len(speech()) * (1 + rate), rel=0.03)
    assert largest_jump(result.pcm) <= largest_jump(speech()) * JUMP_MARGIN


@pytest.mark.parametrize("rate", [0.1, -0.1])
def test_speech_is_closer_to_the_source_than_with_whole_frames_left_out_or_repeated(rate: float) -> None:
    distances = {
        way: spectral_distance_db(speech(), back_in_time(speech(), stretched_speech(rate, way))) for way in WAYS
    }
    assert distances["ours"] < 0.85 * distances["frames, 5 ms fade"] < 0.85 * distances["frames, hard"]


@pytest.mark.parametrize("rate", [0.1, -0.1])
def test_speech_scores_better_in_pesq_than_with_whole_frames_left_out_or_repeated(rate: float) -> None:
    pytest.importorskip("pesq", reason="comes with the extra 'bench', since it needs a C compiler")
    scores = {way: pesq_score(speech(), back_in_time(speech(), stretched_speech(rate, way))) for way in WAYS}
    assert scores["ours"] > scores["frames, 5 ms fade"] > scores["frames, hard"]


def test_what_was_not_spliced_comes_back_from_the_comparison_unchanged() -> None:
    untouched = back_in_time(speech(), Stretched(speech()))
    inside = slice(2_000, len(speech()) - 4_000)
    # -80 dBFS: in near silence one place is as good as another.
    assert np.abs(untouched[inside] - speech()[inside]).max() < 1e-4


@pytest.mark.parametrize("rate", RATES)
def test_equal_channels_stay_equal(rate: float) -> None:
    result = stretched(stereo(speech()[:, 0]), rate, TimeScale())
    assert np.array_equal(result.pcm[:, 0], result.pcm[:, 1])


@pytest.mark.parametrize("rate", RATES)
def test_a_delay_between_the_channels_stays(rate: float) -> None:
    left = vowel(120, 0.02)[:, 0]
    result = stretched(stereo(left, np.roll(left, 10)), rate, TimeScale()).pcm
    for at in range(960, len(result) - 2_000, 960):
        right = result[at : at + 960, 1]
        likeness = [float(result[at - lag : at - lag + 960, 0] @ right) for lag in range(31)]
        assert int(np.argmax(likeness)) == 10


@pytest.mark.parametrize("rate", RATES)
def test_opposite_channels_are_heard_as_well_as_equal_ones(rate: float) -> None:
    voice = vowel(120, 0.02)[:, 0]
    equal, opposite = (stretched(stereo(voice, right), rate, TimeScale()) for right in (voice, -voice))
    assert np.array_equal(opposite.pcm[:, 0], equal.pcm[:, 0])
    assert np.array_equal(opposite.pcm[:, 1], -equal.pcm[:, 0])


@pytest.mark.parametrize("rate", RATES)
def test_a_silent_channel_stays_silent(rate: float) -> None:
    result = stretched(stereo(speech()[:, 0], np.zeros(len(speech()))), rate, TimeScale())
    assert not result.pcm[:, 1].any()
    assert len(result.pcm) == pytest.approx(len(speech()) * (1 + rate), rel=0.03)


@pytest.mark.parametrize("noise_db", [-60, -38])
@pytest.mark.parametrize("rate", RATES)
def test_pauses_give_way_before_words_do(rate: float, noise_db: float) -> None:
    is_word = TIME % 0.6 < 0.35
    edges = np.convolve(is_word, np.hanning(480) / np.hanning(480).sum(), mode="same")
    falling = voice(180 - 150 * (TIME % 0.6))[:, 0]
    source = stereo(falling * edges + noise(10 ** (noise_db / 20)))
    result = stretched(source, 0.6 * rate, TimeScale(), least_similarity=0.995)
    in_pauses = sum(abs(frames) for _, at, frames in result.splices if not is_word[at])
    assert len(result.pcm) == pytest.approx(len(source) * (1 + 0.6 * rate), rel=0.03)
    assert in_pauses > 0.8 * abs(len(result.pcm) - len(source))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("least_similarity", [0.8, -1.0])
@pytest.mark.parametrize(
    "source",
    [
        pytest.param(stereo(np.zeros_like(TIME)), id="silence"),
        pytest.param(stereo(np.full_like(TIME, 0.3)), id="DC"),
        pytest.param(stereo(noise(0.1), noise(0.1, 2)), id="white noise"),
        pytest.param(stereo(np.where(np.arange(len(TIME)) % 4_800 == 0, 0.9, 0.0)), id="clicks"),
    ],
)
def test_what_has_no_pitch_does_not_break(source: Sound, least_similarity: float, rate: float) -> None:
    result = stretched(source, rate, TimeScale(), least_similarity=least_similarity)
    assert np.isfinite(result.pcm).all()
    # The steps of the source; for noise, whose largest is a matter of chance, none that it could not have had.
    assert largest_jump(result.pcm) <= largest_jump(source) * 1.2 + 1e-6
    assert np.abs(result.pcm).max() <= np.abs(source).max() + 1e-6
    if least_similarity < 0:
        assert len(result.pcm) == pytest.approx(len(source) * (1 + rate), rel=0.03)


def test_noise_is_left_alone_where_similarity_is_asked_for() -> None:
    source = stereo(noise(0.1), noise(0.1, 2))
    for rate in RATES:
        assert np.array_equal(stretched(source, rate, TimeScale(), least_similarity=0.8).pcm, source)


def test_one_channel_and_more_than_two_work_too() -> None:
    voice = vowel(120)[:, :1]
    for channels in (1, 4):
        result = stretched(np.repeat(voice, channels, axis=1), -0.25, TimeScale())
        assert len(result.pcm) == pytest.approx(len(voice) * 0.75, rel=0.03)


@settings(deadline=None)
@given(
    start=st.integers(0, 40_000),
    stored=st.integers(0, 3_000),
    played=st.integers(0, 1_500),
    most=st.integers(-100, 2_500),
    least_similarity=st.sampled_from([-1.0, 0.5, 0.9, 1.5]),
)
def test_no_more_is_removed_or_inserted_than_allowed_and_nothing_else_changes(
    start: int, stored: int, played: int, most: int, least_similarity: float
) -> None:
    sound = speech()[start : start + played + stored]
    for insert in (False, True):
        ring = ring_of(sound, played)
        splice = TimeScale().insert if insert else TimeScale().remove
        frames = splice(ring, most, least_similarity)
        assert frames == 0 or SHORTEST_LAG_SAMPLES <= frames <= most
        assert frames <= max(LONGEST_LAG_SAMPLES, LONGEST_PAUSE_SAMPLES)
        assert len(ring) == stored + (frames if insert else -frames)
        if frames == 0:
            assert np.array_equal(ring.peek(0, stored), sound[played:])
        else:
            rest = min(len(ring), stored) - 480
            assert np.array_equal(ring.peek(len(ring) - max(rest, 0), max(rest, 0)), sound[len(sound) - max(rest, 0) :])


@pytest.mark.parametrize("stored", [0, 1, SHORTEST_LAG_SAMPLES + 239])
def test_too_little_in_the_ring_is_left_alone(stored: int) -> None:
    for sound in (tone(440), stereo(np.zeros_like(TIME))):
        ring = ring_of(sound[: 1_000 + stored], 1_000)
        assert TimeScale().remove(ring, 2_000, -1.0) == 0
        assert np.array_equal(ring.peek(0, stored), sound[1_000 : 1_000 + stored])


def test_5_ms_ahead_are_enough_to_get_slower() -> None:
    ring = ring_of(tone(440)[: 1_000 + 240], 1_000)
    inserted = TimeScale().insert(ring, 2_000, 0.9)
    assert inserted > 0
    heard = np.concatenate((ring.history(960), ring.peek(0, len(ring))))
    assert largest_jump(heard) <= largest_jump(tone(440)) * JUMP_MARGIN
    assert TimeScale().insert(ring_of(tone(440)[: 1_000 + 239], 1_000), 2_000, 0.9) == 0


def test_nothing_is_repeated_before_anything_was_played() -> None:
    assert TimeScale().insert(ring_of(tone(440)[:4_000]), 2_000, -1.0) == 0


def test_a_full_ring_takes_nothing_in() -> None:
    ring = PcmRing(4_000, 2)
    ring.write(tone(440)[:4_000])
    ring.read_into(np.zeros((1_000, 2), dtype=np.float32))
    ring.write(tone(440)[4_000:4_950])
    assert TimeScale().insert(ring, 2_000, -1.0) == 0


def test_several_periods_go_at_once_where_they_are_as_alike() -> None:
    for most, periods in ((2_000, 4), (800, 3), (400, 1)):
        assert TimeScale().remove(ring_of(vowel(200)[:4_000]), most, 0.9) == pytest.approx(periods * 240, abs=2)


def heard(scale: TimeScale, sound: Sound, blocks: int) -> TimeScale:
    for _ in range(blocks):
        scale.hear(sound[:480])
    return scale


def test_a_soft_passage_is_a_pause_only_after_a_loud_one() -> None:
    soft = stereo(noise(10 ** (-55 / 20)))
    assert heard(TimeScale(), soft, 100).remove(ring_of(soft[:4_000]), 2_000, 0.99) == 0
    after_loud = heard(heard(TimeScale(), tone(440), 1), soft, 10)
    assert after_loud.remove(ring_of(soft[:4_000]), 2_000, 0.99) == LONGEST_PAUSE_SAMPLES
    assert heard(after_loud, soft, 6_000).remove(ring_of(soft[:4_000]), 2_000, 0.99) == 0


def test_the_noise_of_a_room_is_found_to_be_a_pause_even_if_digital_silence_came_first() -> None:
    room = stereo(noise(10 ** (-45 / 20)))
    scale = heard(TimeScale(), stereo(np.zeros_like(TIME)), 100)
    for _ in range(100):
        heard(heard(scale, tone(440), 20), room, 20)
    assert scale.remove(ring_of(room[:4_000]), 2_000, 0.99) == LONGEST_PAUSE_SAMPLES


def test_the_short_silence_before_a_plosive_is_left_alone() -> None:
    silence = stereo(np.zeros_like(TIME))
    scale = heard(TimeScale(), tone(440), 10)
    for silent_ms in range(0, 50, 10):
        assert scale.remove(ring_of(silence[:4_000]), 2_000, 0.5) == 0, silent_ms
        scale.hear(silence[:480])
    assert heard(scale, silence, 1).remove(ring_of(silence[:4_000]), 2_000, 0.5) == LONGEST_PAUSE_SAMPLES


def test_the_short_silence_goes_too_where_anything_will_do() -> None:
    silence = stereo(np.zeros_like(TIME))
    scale = heard(TimeScale(), tone(440), 10)
    assert scale.remove(ring_of(silence[:4_000]), 2_000, -1.0) > 0
