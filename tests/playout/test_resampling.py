"""Reading at a ratio near 1: exact where nothing is corrected, clean where something is, no click at an end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opus.packet import SAMPLE_RATE_HZ
from core.playout.resampling import AHEAD, MAX_DEVIATION, FractionalReader
from core.playout.ring import Pcm, PcmRing

ratios = st.sampled_from((0.995, 0.9995, 0.9999, 1.0, 1.0001, 1.0005, 1.005))
block_sizes = st.lists(st.integers(1, 700), min_size=1, max_size=20)


def ring_of(pcm: Pcm) -> PcmRing:
    ring = PcmRing(len(pcm), pcm.shape[1])
    ring.write(pcm)
    return ring


def noise(frames: int, channels: int = 2) -> Pcm:
    return np.random.default_rng(frames).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


def tone(frequency_hz: float, frames: int) -> Pcm:
    at = np.arange(frames) / SAMPLE_RATE_HZ
    return np.sin(2 * np.pi * frequency_hz * at).astype(np.float32)[:, np.newaxis]


def read(reader: FractionalReader, ring: PcmRing, frames: int, ratio: float) -> Pcm:
    out = np.full((frames, ring.peek(0, 0).shape[1]), np.nan, dtype=np.float32)
    return out[: reader.read_into(ring, out, ratio)]


def level_and_residue_db(pcm: Pcm, frequency_hz: float) -> tuple[float, float]:
    """The level of the tone in mono PCM, against full scale, and of all the rest, against the tone."""
    angles = 2 * np.pi * frequency_hz / SAMPLE_RATE_HZ * np.arange(len(pcm))
    basis = np.stack((np.sin(angles), np.cos(angles)), axis=1)
    signal = pcm[:, 0].astype(np.float64)
    parts = np.linalg.lstsq(basis, signal, rcond=None)[0]
    residue = signal - basis @ parts
    level = float(np.hypot(*parts))
    return 20 * np.log10(level), 10 * np.log10(float(np.mean(residue**2)) / (level**2 / 2))


def roughness(pcm: Pcm, frequency_hz: float) -> float:
    """How far a frame is from what the two before it foretell for a tone: 0 where it goes on undisturbed."""
    signal = pcm[:, 0].astype(np.float64)
    foretold = 2 * np.cos(2 * np.pi * frequency_hz / SAMPLE_RATE_HZ) * signal[1:-1] - signal[:-2]
    return float(np.abs(signal[2:] - foretold).max())


@given(block_sizes)
def test_without_drift_every_bit_is_what_went_in(blocks: list[int]) -> None:
    pcm = noise(sum(blocks))
    reader, ring = FractionalReader(2), ring_of(pcm)
    assert np.array_equal(np.concatenate([read(reader, ring, block, 1.0) for block in blocks]), pcm)


@given(block_sizes, ratios)
def test_the_size_of_the_blocks_does_not_matter(blocks: list[int], ratio: float) -> None:
    frames = sum(blocks)
    pcm = noise(frames * 2 + 100)
    reader, ring = FractionalReader(2), ring_of(pcm)
    pieces = np.concatenate([read(reader, ring, block, ratio) for block in blocks])
    at_once = read(FractionalReader(2), ring_of(pcm), frames, ratio)
    assert np.allclose(pieces, at_once, rtol=0, atol=2e-6)


@given(block_sizes, ratios)
def test_what_is_consumed_is_the_ratio_times_what_is_produced(blocks: list[int], ratio: float) -> None:
    reader, ring = FractionalReader(2), ring_of(noise(sum(blocks) * 2 + 100))
    produced = sum(len(read(reader, ring, block, ratio)) for block in blocks)
    assert produced == sum(blocks)
    assert ring.read_position + reader.phase == pytest.approx(produced * ratio, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), min_size=1, max_size=40), ratios)
def test_a_ring_that_runs_dry_gives_all_it_has_at_the_ratio(turns: list[tuple[int, int]], ratio: float) -> None:
    reader, ring, produced, bridged = FractionalReader(2), PcmRing(40_000, 2), 0, 0.0
    for arriving, wanted in turns:
        ring.write(noise(arriving))
        count = len(read(reader, ring, wanted, ratio))
        assert count == wanted or len(ring) == 0
        produced += count
        if len(ring) == 0:
            bridged += 1 + wanted * MAX_DEVIATION
    assert 0 <= reader.phase < 1
    assert abs(ring.read_position - produced * ratio) <= 1.5 + bridged


@pytest.mark.parametrize("frames", [1, 2, 3, 15, 16, 17, 18, 40])
def test_the_last_frames_come_out_however_few_they_are(frames: int) -> None:
    for ratio in (0.995, 1.005):
        reader, ring = FractionalReader(1), ring_of(tone(440, frames))
        heard = read(reader, ring, 100, ratio)
        assert (len(heard), len(ring), reader.phase) == (frames, 0, 0)
        assert np.allclose(heard, tone(440, frames), rtol=0, atol=0.02)


@pytest.mark.parametrize("ratio", [0.995, 0.9995, 1.0005, 1.005])
@pytest.mark.parametrize("frequency_hz", [100, 1_000, 5_000, 10_000, 15_000])
def test_distortion_and_noise_lie_90_db_under_a_tone(frequency_hz: float, ratio: float) -> None:
    reader, ring = FractionalReader(1), ring_of(tone(frequency_hz, 25_000))
    heard = np.concatenate([read(reader, ring, 480, ratio) for _ in range(50)])[AHEAD:]
    _, residue_db = level_and_residue_db(heard, frequency_hz * ratio)
    assert residue_db < -90


@pytest.mark.parametrize("frequency_hz", [50, 4_000, 12_000, 16_000, 18_000])
def test_the_level_stays_within_a_hundredth_of_a_decibel_up_to_18_khz(frequency_hz: float) -> None:
    reader, ring = FractionalReader(1), ring_of(tone(frequency_hz, 25_000))
    level_db, _ = level_and_residue_db(read(reader, ring, 24_000, 1.0005)[AHEAD:], frequency_hz * 1.0005)
    assert abs(level_db) < 0.01


@pytest.mark.parametrize("ratio", [0.9995, 1.0005, 1.005])
def test_when_correction_ends_the_reader_glides_to_copying(ratio: float) -> None:
    pcm = tone(1_000, 30_000)
    reader, ring = FractionalReader(1), ring_of(pcm)
    corrected = read(reader, ring, 700, ratio)
    assert reader.phase != 0
    gliding = [read(reader, ring, 240, 1.0) for _ in range(25)]
    assert reader.phase == 0
    # A jump by a tenth of a frame would be 0.013; 5 cents of pitch are 0.0002.
    assert roughness(np.concatenate((corrected[AHEAD:], *gliding)), 1_000) < 1e-3
    at = ring.read_position
    assert np.array_equal(read(reader, ring, 1_000, 1.0), pcm[at : at + 1_000])


def test_changes_of_the_ratio_are_not_heard() -> None:
    reader, ring = FractionalReader(1), ring_of(tone(1_000, 50_000))
    pieces = [read(reader, ring, 480, ratio) for ratio in (1.0, 1.0005, 1.0, 0.9995, 1.0001, 1.0, 0.995, 1.005) * 10]
    assert roughness(np.concatenate(pieces), 1_000) < 2e-3


@pytest.mark.parametrize("ratio", [0.9995, 1.0005, 1.005])
def test_a_ring_that_is_emptied_at_every_turn_does_not_click(ratio: float) -> None:
    pcm = tone(440, 48_000)
    reader, ring, pieces = FractionalReader(1), PcmRing(2_000, 1), []
    for begin in range(0, len(pcm), 960):
        ring.write(pcm[begin : begin + 960])
        pieces.append(read(reader, ring, 1_200, ratio))
        assert len(ring) == 0
    # A jump by half a frame would be 0.03. Gliding by half a frame over 32 frames changes the pitch for 0.7 ms.
    assert roughness(np.concatenate(pieces), 440) < 3e-3


def test_what_sounds_after_the_end_follows_without_a_jump() -> None:
    pcm = tone(1_000, 2_000)
    heard = read(FractionalReader(1), ring_of(pcm[:1_500]), 1_600, 1.0005)
    assert roughness(np.concatenate((heard, pcm[1_500:])), 1_000) < 5e-3


def test_a_front_changed_by_others_goes_on_from_what_was_heard() -> None:
    period = 48
    pcm = tone(SAMPLE_RATE_HZ / period, 20_000)
    reader, ring, pieces = FractionalReader(1), ring_of(pcm), []
    for _ in range(20):
        pieces.append(read(reader, ring, 480, 1.0005))
        ring.skip(period, period)
    assert roughness(np.concatenate(pieces), SAMPLE_RATE_HZ / period) < 1e-4


def test_after_a_reset_nothing_is_left_of_what_was_read() -> None:
    reader = FractionalReader(1)
    read(reader, ring_of(np.ones((1_000, 1), dtype=np.float32)), 700, 1.005)
    reader.reset()
    assert reader.phase == 0
    afterwards = read(reader, ring_of(noise(1_000, 1)), 500, 1.005)
    assert np.array_equal(afterwards, read(FractionalReader(1), ring_of(noise(1_000, 1)), 500, 1.005))


def test_channels_are_kept_apart() -> None:
    left, right = tone(440, 5_000), tone(3_000, 5_000)
    both = read(FractionalReader(2), ring_of(np.hstack((left, right))), 4_000, 0.9995)
    for channel, alone in enumerate((left, right)):
        assert np.allclose(both[:, [channel]], read(FractionalReader(1), ring_of(alone), 4_000, 0.9995), atol=1e-6)
