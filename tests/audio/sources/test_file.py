"""Files: exact where nothing has to be converted, gapless in a loop, refused where they are no audio."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from core.audio.sources import PcmSource, SourceError, open_source
from tests.server.helpers import Pcm16, tone, until, write_wav


async def read_all(source: PcmSource, frames: int = 480) -> Pcm16:
    """Everything up to the end; all blocks but the last are full."""
    blocks: list[Pcm16] = []
    while (block := await source.read(frames)) is not None:
        assert not blocks or len(blocks[-1]) == frames
        blocks.append(block.pcm)
    await source.close()
    return np.concatenate(blocks)


async def read_frames(source: PcmSource, frames: int) -> Pcm16:
    block = await source.read(frames)
    assert block is not None
    return block.pcm


def write_encoded(path: Path, codec: str, pcm: Pcm16, rate: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or 1_024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.T), format="s16", layout="mono")
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


async def test_a_file_in_the_streams_own_format_is_given_sample_by_sample(tmp_path: Path) -> None:
    pcm = tone(1.2345)
    source = open_source(str(write_wav(tmp_path / "tone.wav", pcm)), 24_000, 1)
    assert not source.is_live
    assert np.array_equal(await read_all(source), pcm)


async def test_stereo_stays_stereo(tmp_path: Path) -> None:
    pcm = np.concatenate([tone(0.3), tone(0.3, 660)], axis=1)
    path = write_wav(tmp_path / "stereo.wav", pcm)
    assert np.array_equal(await read_all(open_source(str(path), 24_000, 2)), pcm)
    assert (await read_all(open_source(str(path), 24_000, 1))).shape == pcm[:, :1].shape


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("flac", "flac"), ("libmp3lame", "mp3"), ("libopus", "ogg"), ("aac", "m4a"), ("pcm_s24le", "mkv")],
)
async def test_any_format_that_ffmpeg_reads(tmp_path: Path, codec: str, suffix: str) -> None:
    path = write_encoded(tmp_path / f"tone.{suffix}", codec, tone(1.0, rate=48_000), 48_000)
    heard = (await read_all(open_source(str(path), 24_000, 1)))[:, 0].astype(float)
    assert len(heard) == pytest.approx(24_000, abs=1_500)
    middle = heard[6_000:18_000]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 220
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(8_000 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000, 8_000])
async def test_a_loop_has_no_seam(tmp_path: Path, rate: int) -> None:
    """A file of whole cycles, looped, is one endless sine at any rate of the file."""
    path = write_wav(tmp_path / "loop.wav", tone(0.1, hertz=500, rate=rate), rate)
    source = open_source(str(path), 24_000, 1, loop=True)
    heard = (await read_frames(source, 24_000))[:, 0].astype(float)
    await source.close()
    # Without the first milliseconds, where the resampler's filter has only silence before it.
    heard = heard[480:]
    time = np.arange(len(heard)) / 24_000
    basis = np.stack([np.sin(2 * np.pi * 500 * time), np.cos(2 * np.pi * 500 * time)], axis=1)
    fit = basis @ np.linalg.lstsq(basis, heard, rcond=None)[0]
    assert np.abs(heard - fit).max() < 12
    assert np.abs(fit).max() == pytest.approx(8_000, rel=0.02)


async def test_a_loop_in_the_streams_own_format_repeats_exactly(tmp_path: Path) -> None:
    pcm = tone(0.0777)
    source = open_source(str(write_wav(tmp_path / "loop.wav", pcm)), 24_000, 1, loop=True)
    heard = await read_frames(source, 5 * len(pcm))
    await source.close()
    assert np.array_equal(heard, np.tile(pcm, (5, 1)))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.wav", b"this is no sound at all, only text " * 20, "cannot read"),
        ("empty.wav", b"", "cannot read"),
        ("noise.mp3", bytes(range(7)) * 300, "choose"),
        ("cut.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "choose"),
    ],
)
def test_what_is_no_audio_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as refusal:
        open_source(str(path), 24_000, 1)
    assert words in str(refusal.value)
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_header_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "silent.wav", np.zeros((0, 1), dtype=np.int16))
    with pytest.raises(SourceError, match="holds no audio"):
        open_source(str(path), 24_000, 1, loop=True)


def test_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), dtype=np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="has no audio stream"):
        open_source(str(path), 24_000, 1)


@pytest.mark.parametrize(("spec", "words"), [("", "empty"), ("no/such.wav", "no file"), (".", "is a folder")])
def test_what_is_not_there_is_refused(spec: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        open_source(spec, 24_000, 1)


@pytest.mark.parametrize("spec", ["microphone", "microphone:X", "command:true"])
def test_only_files_loop(spec: str) -> None:
    with pytest.raises(SourceError, match="cannot be looped"):
        open_source(spec, 24_000, 1, loop=True)


async def test_a_file_that_vanishes_from_a_loop_is_an_error(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "loop.wav", tone(2.0))
    source = open_source(str(path), 24_000, 1, loop=True)
    await source.read(480)
    path.unlink()
    with pytest.raises(SourceError, match=r"loop\.wav"):
        await read_all(source)
    await source.close()


async def test_the_worker_ends_with_the_source(tmp_path: Path) -> None:
    def workers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("pcm")}

    source = open_source(str(write_wav(tmp_path / "tone.wav", tone(30.0))), 24_000, 1)
    others = workers()
    await source.read(480)
    assert workers() - others
    await source.close()
    await source.close()
    await until(lambda: not workers() - others)


async def test_reading_ahead_is_bounded(tmp_path: Path) -> None:
    source = open_source(str(write_wav(tmp_path / "tone.wav", tone(20.0))), 24_000, 1)
    await source.read(480)
    await asyncio.sleep(0.2)
    prefetcher = source._prefetcher  # type: ignore[attr-defined]
    waiting = prefetcher._fifo.frames + sum(len(block) for block in prefetcher._next.result())
    assert waiting < 1.5 * 24_000
    await source.close()
