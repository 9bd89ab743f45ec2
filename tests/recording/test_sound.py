"""Sound as played: from the audio thread through the ring into WAV and FLAC."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audio.capture_ring import CaptureRing
from core.audio.output import SAMPLE_RATE_HZ, Pcm
from core.recording.files import Files
from core.recording.played import WRITERS, PlayedSink
from core.recording.rotation import NO_ROTATION, Rotation
from core.recording.wav import wav_header
from tests.recording.reading import read_by_ffmpeg

ENDINGS = (".wav", ".flac")


def noise(frames: int, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).normal(0, 0.2, (frames, 2)).astype(np.float32)


def counted(first: int, frames: int) -> Pcm:
    """Frames that say which they are."""
    return np.repeat(np.arange(first, first + frames, dtype=np.float32)[:, np.newaxis], 2, axis=1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=60))
def test_what_the_ring_gives_and_says_is_lost_is_all_that_was_written_in_order(steps: list[tuple[bool, int]]) -> None:
    ring = CaptureRing(16)
    written, heard = 0, list[float]()

    def take() -> None:
        pcm, lost = ring.take()
        heard.extend(pcm[:, 0].tolist())
        heard.extend([-1.0] * lost)

    for is_take, frames in steps:
        if is_take:
            take()
        else:
            ring.write(counted(written, frames))
            written += frames
    take()
    assert len(heard) == written
    assert [value for at, value in enumerate(heard) if value not in (-1.0, at)] == []


def test_a_reader_that_is_too_slow_loses_from_there_and_is_told_how_much() -> None:
    ring = CaptureRing(100)
    ring.write(counted(0, 80))
    ring.write(counted(80, 30))
    ring.write(counted(110, 5))
    pcm, lost = ring.take()
    assert (len(pcm), lost) == (80, 35)
    ring.write(counted(115, 5))
    pcm, lost = ring.take()
    assert (pcm[:, 0].tolist(), lost) == ([115, 116, 117, 118, 119], 0)


def written(path: Path, blocks: list[Pcm], rotation: Rotation = NO_ROTATION, lost: int = 0) -> PlayedSink:
    sink = PlayedSink(Files(path, rotation.is_active), WRITERS[path.suffix], rotation)
    for block in blocks:
        sink.take(block, lost)
    sink.close()
    return sink


def test_wav_holds_every_sample_exactly_and_beyond_full_scale(tmp_path: Path) -> None:
    sound = noise(20_000) * 8
    written(tmp_path / "a.wav", [sound[:7], sound[7:9_000], sound[9_000:]])
    read = read_by_ffmpeg(tmp_path / "a.wav")
    assert read.complaints == ()
    np.testing.assert_array_equal(read.pcm, sound)
    assert np.max(np.abs(sound)) > 2


def test_flac_holds_every_sample_to_24_bits_and_knows_its_length(tmp_path: Path) -> None:
    sound = np.clip(noise(20_000), -1, 1 - 2**-23)
    written(tmp_path / "a.flac", [sound[:7], sound[7:9_000], sound[9_000:]])
    read = read_by_ffmpeg(tmp_path / "a.flac")
    assert read.complaints == ()
    np.testing.assert_allclose(read.pcm, sound, atol=2**-24 + 1e-9, rtol=0)
    info = (tmp_path / "a.flac").read_bytes()[8:42]
    assert int.from_bytes(info[13:18], "big") & (1 << 36) - 1 == 20_000
    assert info[18:] != bytes(16)


def test_flac_clips_what_is_beyond_full_scale(tmp_path: Path) -> None:
    written(tmp_path / "a.flac", [np.array([[2.0, -2.0]], dtype=np.float32)])
    np.testing.assert_allclose(read_by_ffmpeg(tmp_path / "a.flac").pcm, [[1, -1]], atol=2**-22)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_a_killed_process_leaves_plays(tmp_path: Path, ending: str) -> None:
    """Nothing is closed: the file is read as it stands on the disk."""
    sound = noise(SAMPLE_RATE_HZ)
    sink = PlayedSink(Files(tmp_path / f"a{ending}"), WRITERS[ending])
    for at in range(0, SAMPLE_RATE_HZ, 4_800):
        sink.take(sound[at : at + 4_800])
    read = read_by_ffmpeg(tmp_path / f"a{ending}")
    sink.close()
    assert read.complaints == ()
    assert len(read.pcm) > SAMPLE_RATE_HZ - 9_600
    np.testing.assert_allclose(read.pcm, sound[: len(read.pcm)], atol=2**-23)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_lost_on_the_way_is_silence_of_the_same_length(tmp_path: Path, ending: str) -> None:
    sink = written(tmp_path / f"a{ending}", [noise(1_000), noise(1_000)], lost=100_000)
    pcm = read_by_ffmpeg(tmp_path / f"a{ending}").pcm
    assert len(pcm) == 2 * 101_000
    assert not pcm[1_000:101_000].any()
    assert sink.status().filled_s == pytest.approx(200_000 / SAMPLE_RATE_HZ)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("rotation", [Rotation(samples=10_000), Rotation(size_bytes=120_000)])
def test_rotated_files_one_after_the_other_are_all_that_was_played(
    tmp_path: Path, ending: str, rotation: Rotation
) -> None:
    sound = noise(60_000)
    sink = written(tmp_path / f"a{ending}", [sound[at : at + 700] for at in range(0, 60_000, 700)], rotation)
    files = sorted(tmp_path.iterdir())
    assert sink.status().files == len(files) > 2
    parts = [read_by_ffmpeg(path).pcm for path in files]
    np.testing.assert_allclose(np.concatenate(parts), sound, atol=2**-23)
    if rotation.samples is not None:
        assert [len(part) for part in parts] == [10_000] * 6
    else:
        assert max(path.stat().st_size for path in files) <= 120_000


def test_other_programs_read_the_header(tmp_path: Path) -> None:
    """The standard library's reader knows no floats, but says so only after it has understood the rest."""
    written(tmp_path / "a.wav", [noise(10)])
    with pytest.raises(wave.Error, match="unknown format: 3"), wave.open(str(tmp_path / "a.wav")):
        pass


def test_from_4_gib_on_the_header_is_that_of_rf64() -> None:
    """EBU Tech 3306: 32-bit lengths are all ones, the true ones stand in ``ds64``."""
    small, large = wav_header(2**29 - 20), wav_header(2**29)
    assert (len(small), small[:4], small[12:16]) == (len(large), b"RIFF", b"JUNK")
    assert (large[:4], large[4:8], large[12:16]) == (b"RF64", b"\xff" * 4, b"ds64")
    assert int.from_bytes(large[20:28], "little") == 2**29 * 8 + len(large) - 8
    assert int.from_bytes(large[28:36], "little") == 2**29 * 8
    assert int.from_bytes(large[36:44], "little") == 2**29
    assert large[-4:] == b"\xff" * 4
