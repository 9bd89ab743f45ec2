"""Playlists: gapless to the sample, and what is broken is left out."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from core.audio.sources import SourceError, open_source
from tests.audio.sources.test_file import read_all, read_frames, write_encoded
from tests.server.helpers import Pcm16, tone, write_wav
from tests.support.logs import told


def pieces(folder: Path, *seconds: float) -> tuple[list[Path], Pcm16]:
    """WAV files that are parts of one tone, and the whole of it."""
    whole = tone(sum(seconds))
    paths, at = [], 0
    for number, length in enumerate(seconds):
        frames = round(length * 24_000)
        paths.append(write_wav(folder / f"{number}.wav", whole[at : at + frames]))
        at += frames
    return paths, whole[:at]


@pytest.mark.parametrize("suffix", [".m3u", ".m3u8", ".txt"])
async def test_files_of_a_list_follow_each_other_without_a_sample_between_them(tmp_path: Path, suffix: str) -> None:
    paths, whole = pieces(tmp_path, 0.5, 0.0301, 0.7)
    playlist = tmp_path / f"list{suffix}"
    playlist.write_text("\ufeff#EXTM3U\n\n#EXTINF:1,one\n" + "\n".join(path.name for path in paths) + "\n", "utf-8")
    assert np.array_equal(await read_all(open_source(str(playlist), 24_000, 1)), whole)


async def test_several_paths_are_a_playlist(tmp_path: Path) -> None:
    paths, whole = pieces(tmp_path, 0.2, 0.3)
    assert np.array_equal(await read_all(open_source([str(path) for path in paths], 24_000, 1)), whole)
    assert np.array_equal(await read_all(open_source([str(paths[0])], 24_000, 1)), whole[:4_800])


async def test_resampling_goes_on_across_the_seam(tmp_path: Path) -> None:
    paths, _ = pieces(tmp_path, 0.25, 0.25)
    resampled = await read_all(open_source([str(path) for path in paths], 48_000, 1))
    assert len(resampled) == 24_000
    # A seam would be a step in a sine: its second difference would stand out there.
    bend = np.abs(np.diff(resampled[100:-100, 0].astype(int), 2))
    assert bend[11_800:12_000].max() <= bend[2_000:10_000].max() + 2


async def test_files_of_different_formats_are_all_heard_in_full(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", tone(0.5))
    flac = write_encoded(tmp_path / "b.flac", "flac", tone(0.5, rate=48_000), 48_000)
    heard = await read_all(open_source([str(wav), str(flac), str(wav)], 24_000, 1))
    assert abs(len(heard) - 36_000) <= 1


async def test_a_looped_playlist_begins_again_without_a_gap(tmp_path: Path) -> None:
    paths, whole = pieces(tmp_path, 0.1, 0.15)
    source = open_source([str(path) for path in paths], 24_000, 1, loop=True)
    assert np.array_equal(await read_frames(source, 18_000), np.concatenate([whole, whole, whole])[:18_000])
    await source.close()


async def test_a_broken_entry_is_left_out_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths, whole = pieces(tmp_path, 0.1, 0.1)
    (tmp_path / "no-sound.wav").write_text("this is no sound")
    playlist = tmp_path / "list.m3u"
    playlist.write_text(f"{paths[0]}\nmissing.wav\nno-sound.wav\nhttp://127.0.0.1/x.mp3\n{paths[1]}\n")
    source = open_source(str(playlist), 24_000, 1, loop=True)
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(await read_frames(source, 14_400), np.concatenate([whole] * 3))
    await source.close()
    lines = told(caplog)
    assert lines == told(caplog, "playlist entry left out")
    assert len(lines) == 3
    assert "missing.wav" in lines[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a.wav\nb.wav\n", "none of the 2 files of the playlist can be played"),
        ("# nothing\n\n", "is empty"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:10\nseg0.ts\n", "is a playlist of HTTP Live Streaming"),
    ],
)
def test_a_playlist_without_anything_to_play_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text(content)
    with pytest.raises(SourceError, match=words) as refused:
        open_source(str(path), 24_000, 1)
    assert "\n" not in str(refused.value)


def test_only_files_can_be_several(tmp_path: Path) -> None:
    paths, _ = pieces(tmp_path, 0.1)
    with pytest.raises(SourceError, match="'microphone' cannot be one of several"):
        open_source([str(paths[0]), "microphone"], 24_000, 1)


async def test_when_all_files_have_gone_the_source_has_failed(tmp_path: Path) -> None:
    paths, _ = pieces(tmp_path, 0.1)
    source = open_source([str(paths[0]), str(paths[0])], 24_000, 1, loop=True)
    paths[0].unlink()
    with pytest.raises(SourceError, match="none of the 2 files"):
        await source.read(480)
    await source.close()
