"""`opuscope record` as a user types it."""

from __future__ import annotations

import json
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_commands import free_port, run
from tests.recording.reading import audio_packets, decoded_by_us, opusinfo, pages_of, read_by_ffmpeg
from tests.support.processes import ChildProcess, opuscope, python

CUT_SHORT = ["WARNING: EOS not set on stream 1 (normal for live streams)", "exit status 1"]
"""What opusinfo says of whole pages, the last of which does not tell that it is the last; and nothing else."""


@pytest.fixture(scope="module")
def tone_url() -> Iterator[str]:
    with opuscope("serve", "--source", "tone", "--port", "0") as server:
        yield server.wait_for_line(r"listening on (\S+)", 15)[1]


def until_as_large(path: Path, size: int, process: ChildProcess) -> None:
    """Wait until a file has grown so far."""
    ends_s = time.monotonic() + 20
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < ends_s, process.text()
        time.sleep(0.02)


def test_packets_and_sound_are_recorded_together_and_reported(tone_url: str, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a.opus", "a.wav", "a.flac")]
    status, out, errors = run("record", tone_url, *files, "--duration", "2.5", "--json", "-")
    assert (status, errors) == (0, [])
    values = json.loads(out)
    assert [each["file"] for each in values["recordings"]] == files
    assert [each["kind"] for each in values["recordings"]] == ["received", "played", "played"]
    packets, *sounds = values["recordings"]
    assert (packets["packets"], packets["gaps"], packets["problem"]) == (values["packets_received"], 0, None)
    assert packets["seconds"] == pytest.approx(2.4, abs=0.4)
    assert [each["bytes"] for each in values["recordings"]] == [Path(name).stat().st_size for name in files]
    # The header tells the rate of what was encoded.
    head = pages_of(Path(files[0]).read_bytes())[0].packets[0]
    assert int.from_bytes(head[12:16], "little") == 24_000
    assert opusinfo(Path(files[0]))[1] == []
    for name, told in zip(files[1:], sounds, strict=True):
        assert len(read_by_ffmpeg(Path(name)).pcm) == round(told["seconds"] * 48_000)


def test_ctrl_c_ends_it_with_a_summary_and_a_whole_file(tone_url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    with opuscope("record", tone_url, str(path)) as process:
        until_as_large(path, 3_000, process)
        process.interrupt()
        assert process.wait(10) == 0
        assert process.text("stdout").startswith("recorded ")
        assert f" s to {path} (" in process.text("stdout")
        assert "no gaps" in process.text("stdout")
    assert pages_of(path.read_bytes())[-1].is_last


@pytest.mark.parametrize("name", ["a.opus", "a.wav", "a.flac"])
def test_what_is_left_after_kill_9_plays_up_to_the_last_second(tone_url: str, tmp_path: Path, name: str) -> None:
    """From when it began to grow until the kill at most a second is missing."""
    path = tmp_path / name
    with opuscope("record", tone_url, str(path), "--buffer", "fixed:0") as process:
        until_as_large(path, 1_000, process)
        seen_s = time.monotonic()
        time.sleep(3)
        process.signal(signal.SIGKILL)
        lived_s = time.monotonic() - seen_s
        process.wait(10)
    read = read_by_ffmpeg(path)
    assert read.complaints == ()
    assert len(read.pcm) / 48_000 > lived_s - 1
    if name == "a.opus":
        assert opusinfo(path)[1] == CUT_SHORT
        assert np.any(decoded_by_us(path.read_bytes()))


def test_a_file_too_large_for_its_place_is_one_line_and_status_1(tone_url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    limited = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, {resource.RLIM_INFINITY}));"
        "from core.cli.main import main; sys.exit(main())"
    )
    with python("-c", limited, "record", tone_url, str(path)) as process:
        assert process.wait(30) == 1
        [line] = process.text("stderr").splitlines()
        assert line == f"opuscope: {path} cannot be written (File too large); free some room there or record to " + (
            "another place"
        )
        assert "recorded " in process.text("stdout")
    assert opusinfo(path)[1] == CUT_SHORT
    assert len(audio_packets(path.read_bytes())) > 20
    assert path.stat().st_size <= 6_000


def test_rotation_numbers_the_files(tone_url: str, tmp_path: Path) -> None:
    status, out, errors = run(
        "record", tone_url, str(tmp_path / "a.wav"), "--rotate", "5s", "--duration", "6.5", "--played"
    )
    assert (status, errors) == (0, [])
    assert "the last of 2 files" in out
    first, second = (read_by_ffmpeg(tmp_path / name).pcm for name in ("a-0001.wav", "a-0002.wav"))
    assert len(first) == 5 * 48_000
    assert 0 < len(second) < 3 * 48_000


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["a.mp3"], "a.mp3 cannot be recorded to: what to record follows from the ending; accepted: .opus"),
        (["a.opus", "--played"], "a.opus cannot hold the sound as played (--played); name a file in .wav or .flac"),
        (["/nowhere/a.opus"], "/nowhere/a.opus cannot be written (No such file or directory); name another place"),
        (["README.opus", "--rotate", "soon"], "argument --rotate: 'soon' is no rotation; accepted: a time or a size"),
        ([], "the following arguments are required: FILE"),
    ],
)
def test_wrong_usage_is_refused_with_what_would_be_accepted(arguments: list[str], line: str) -> None:
    status, out, errors = run("record", "ws://127.0.0.1:9/", *arguments)
    assert (status, out, len(errors)) == (2, "", 1)
    assert line in errors[0]


def test_a_file_that_exists_is_kept_unless_told_otherwise(tone_url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(b"dear to somebody")
    status, _, [line] = run("record", tone_url, str(tmp_path / "b.opus"), str(path))
    assert status == 2
    assert line.endswith("a.opus exists already; name another file, or overwrite it (--force)")
    assert [each.name for each in tmp_path.iterdir()] == ["a.opus"]
    assert path.read_bytes() == b"dear to somebody"
    assert run("record", tone_url, str(path), "--force", "--duration", "1")[0] == 0
    assert path.read_bytes()[:4] == b"OggS"


def test_where_nothing_comes_there_is_one_line_no_file_and_status_1(tmp_path: Path) -> None:
    url = f"ws://127.0.0.1:{free_port()}/"
    status, out, [line] = run("record", url, str(tmp_path / "a.opus"))
    assert (status, out) == (1, "")
    assert "nothing listens at" in line
    assert list(tmp_path.iterdir()) == []


def test_help_has_examples() -> None:
    status, out, _ = run("record", "--help")
    assert status == 0
    assert "talk-%Y%m%d-%H%M%S.opus" in out
