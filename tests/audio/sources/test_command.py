"""Programs as sources: what they write is heard, and they never outlive the stream."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.audio.sources import SourceError, open_source
from core.audio.sources.command import CommandSource
from tests.audio.sources.test_file import read_all, write_encoded
from tests.server.helpers import tone, until, write_wav


def python(script: str) -> str:
    return f'command:{sys.executable} -c "{script}"'


def cat(path: Path) -> str:
    return python(f"import sys; sys.stdout.buffer.write(open('{path}', 'rb').read())")


async def test_raw_samples_are_taken_as_they_are(tmp_path: Path) -> None:
    pcm = np.concatenate([tone(0.3), tone(0.3, 660)], axis=1)
    (tmp_path / "raw").write_bytes(pcm.astype("<i2").tobytes() + b"\x01")
    assert np.array_equal(await read_all(open_source(cat(tmp_path / "raw"), 24_000, 2)), pcm)


@pytest.mark.parametrize(("codec", "suffix"), [("flac", "flac"), ("libopus", "ogg"), ("pcm_s16le", "wav")])
async def test_a_container_is_decoded_and_resampled(tmp_path: Path, codec: str, suffix: str) -> None:
    path = write_encoded(tmp_path / f"tone.{suffix}", codec, tone(1.0, rate=48_000), 48_000)
    heard = (await read_all(open_source(cat(path), 24_000, 1)))[:, 0].astype(float)
    assert len(heard) == pytest.approx(24_000, abs=500)
    assert np.argmax(np.abs(np.fft.rfft(heard[6_000:18_000]))) == 220


async def test_a_wav_file_through_a_pipe_is_exact(tmp_path: Path) -> None:
    pcm = tone(0.5)
    path = write_wav(tmp_path / "tone.wav", pcm)
    assert np.array_equal(await read_all(open_source(cat(path), 24_000, 1)), pcm)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
async def test_text_to_speech_is_heard() -> None:
    heard = await read_all(open_source('command:espeak-ng --stdout "hello there"', 24_000, 1))
    assert 0.4 * 24_000 < len(heard) < 3 * 24_000
    assert np.abs(heard).max() > 3_000


async def test_samples_are_heard_as_they_come_and_not_in_batches(tmp_path: Path) -> None:
    # The program goes on only after its last 20 ms were heard.
    script = (
        f"import pathlib,sys,time; heard = lambda n: pathlib.Path('{tmp_path}', str(n)).exists();"
        " write = lambda: (sys.stdout.buffer.write(bytes(960)), sys.stdout.flush());"
        " [(write(), [time.sleep(.002) for _ in iter(lambda: heard(n), 1)]) for n in range(10)]"
    )
    source = open_source(python(script), 24_000, 1)
    async with asyncio.timeout(30):
        for number in range(10):
            block = await source.read(480)
            assert block is not None
            assert len(block.pcm) == 480
            (tmp_path / str(number)).touch()
        assert await source.read(480) is None
    await source.close()


@pytest.mark.parametrize("output", [b"", bytes(9_600)])
async def test_a_failure_says_status_and_last_words(output: bytes) -> None:
    script = (
        f"import sys; sys.stdout.buffer.write(bytes({len(output)})); print('one\\ntwo', file=sys.stderr); sys.exit(3)"
    )
    with pytest.raises(SourceError) as failure:
        await read_all(open_source(python(script.replace("\n", "\\n")), 24_000, 1))
    assert str(failure.value).endswith("failed with exit status 3: two")


async def test_a_program_without_output_just_ends() -> None:
    source = open_source("command:true", 24_000, 1)
    assert await source.read(480) is None
    await source.close()


@pytest.mark.parametrize(
    ("command", "words"), [("", "lacks a program"), ("no-such-program x", "no such program"), ("sh -c 'x", "quotes")]
)
def test_what_cannot_be_run_is_refused(command: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        open_source(f"command:{command}", 24_000, 1)


async def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    target = tmp_path / "made"
    source = open_source(f"command:echo hello; touch {target} `touch {target}`", 24_000, 1)
    await read_all(source)
    assert not target.exists()


async def test_nothing_is_started_before_it_is_read() -> None:
    source = open_source(python("import time; time.sleep(60)"), 24_000, 1)
    assert isinstance(source, CommandSource)
    assert source.pid is None
    await source.close()
    assert source.pid is None


@pytest.mark.parametrize(
    "script",
    [
        "import sys,time; sys.stdout.buffer.write(bytes(96000)); sys.stdout.flush(); time.sleep(60)",
        "import signal,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "sys.stdout.buffer.write(bytes(96000)); sys.stdout.flush(); time.sleep(60)",
    ],
    ids=["obedient", "deaf to SIGTERM"],
)
async def test_closing_ends_the_program(script: str) -> None:
    source = open_source(python(script), 24_000, 1)
    assert isinstance(source, CommandSource)
    await source.read(480)
    assert source.pid is not None
    process = psutil.Process(source.pid)
    started_s = time.monotonic()
    await source.close()
    assert time.monotonic() - started_s < 30  # not the 60 s that it would take by itself
    assert not process.is_running()


async def test_a_close_that_is_cancelled_ends_the_program_all_the_same() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    source = open_source(python("import sys,time; sys.stdout.buffer.write(bytes(96000)); time.sleep(60)"), 24_000, 1)
    assert isinstance(source, CommandSource)
    await source.read(480)
    assert source.pid is not None
    process = psutil.Process(source.pid)
    release = threading.Event()
    busy = loop.run_in_executor(None, release.wait)
    closing = asyncio.create_task(source.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    release.set()
    await busy
    await loop.shutdown_default_executor()
    assert not process.is_running()


async def test_closing_ends_the_children_that_hold_the_pipe() -> None:
    """A shell that starts the player in the background and is gone."""
    source = open_source("command:sh -c '(head -c 96000 /dev/zero; sleep 60) & exit 0'", 24_000, 1)
    assert isinstance(source, CommandSource)
    await source.read(480)
    assert source.pid is not None
    group = source.pid

    def members() -> list[int]:
        found = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    assert members()
    await source.close()
    await until(lambda: not members())


async def test_closing_while_a_read_waits_ends_both() -> None:
    source = open_source(python("import time; time.sleep(60)"), 24_000, 1)
    assert isinstance(source, CommandSource)
    reading = asyncio.create_task(source.read(480))
    await until(lambda: source.pid is not None)
    assert source.pid is not None
    process = psutil.Process(source.pid)
    reading.cancel()
    await asyncio.wait({reading})
    await source.close()
    assert not process.is_running()
