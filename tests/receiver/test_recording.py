"""Recording from a session that runs: real sockets, the null output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from core.receiver.status import ConnectionState
from core.recording.rotation import Rotation
from core.recording.status import RecordingError, RecordingKind
from tests.receiver.harness import listening, opus_packets, send_paced, serving
from tests.recording.reading import audio_packets, decoded_by_us, opusinfo, pages_of, read_by_ffmpeg

PACKETS = opus_packets(100)


async def stream(connection: ServerConnection) -> None:
    await send_paced(connection, PACKETS)


async def endless(connection: ServerConnection) -> None:
    while True:
        await send_paced(connection, PACKETS)


async def test_all_packets_of_a_stream_are_in_the_file_when_the_session_is_over(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    async with serving(stream) as url, listening(url) as run:
        run.session.start_recording(path)
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.ENDED)
        await run.until(lambda: not run.snapshot.recordings[0].is_running)
        [status] = run.snapshot.recordings
        assert (status.kind, status.problem, status.packets, status.gaps) == (RecordingKind.RECEIVED, None, 100, 0)
        assert (status.seconds, status.size_bytes) == (2.0, path.stat().st_size)
        assert f"recording to {path} (packets as received)" in run.log
        assert f"recorded 2.0 s to {path} (" in run.log
    assert tuple(audio_packets(path.read_bytes())) == PACKETS
    assert opusinfo(path)[1] == []
    assert read_by_ffmpeg(path).complaints == ()


async def test_recording_begins_and_ends_while_it_plays_and_playback_does_not_notice(tmp_path: Path) -> None:
    names = ["a.opus", "a.wav", "a.flac"]
    async with serving(endless) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.total_samples_received > 24_000)
        for name in names:
            run.session.start_recording(tmp_path / name)
        await run.until(lambda: all(each.seconds > 1 for each in run.snapshot.recordings))
        run.session.stop_recording(tmp_path / "a.wav")
        assert [each.is_running for each in run.snapshot.recordings] == [True, True, False]
        run.session.stop_recording()
        heard = run.snapshot.total_samples_received
        assert {each.problem for each in run.snapshot.recordings} == {None}
        await run.until(lambda: run.snapshot.total_samples_received > heard + 9_600)
        assert run.snapshot.underruns.episodes == 0
    received = decoded_by_us((tmp_path / "a.opus").read_bytes())
    for name in names:
        pcm = received if name == "a.opus" else read_by_ffmpeg(tmp_path / name).pcm
        # The tone of -12 dBFS, which was playing already.
        assert 1 < len(pcm) / 48_000 < 8
        assert np.sqrt(np.mean(pcm[4_800:] ** 2)) == pytest.approx(8_000 / 32_768 / np.sqrt(2), rel=0.05)


async def test_a_connection_made_again_goes_on_in_the_same_file(tmp_path: Path) -> None:
    async def break_off(connection: ServerConnection) -> None:
        await send_paced(connection, PACKETS[:15])
        connection.transport.abort()

    async with serving(break_off) as url, listening(url) as run:
        run.session.start_recording(tmp_path / "a.opus")
        await run.until(lambda: run.snapshot.connection.reconnects >= 2)
        await run.until(lambda: run.snapshot.packets_received >= 45)
        run.session.stop_recording()
        [status] = run.snapshot.recordings
    assert status.packets >= 45
    # Waiting for the next attempt takes half a second and more.
    assert status.gaps >= 2
    assert status.filled_s > 0.5
    assert opusinfo(tmp_path / "a.opus")[1] == []
    assert len({page.serial for page in pages_of((tmp_path / "a.opus").read_bytes())}) == 1


async def test_what_cannot_be_recorded_to_is_one_line_and_playback_goes_on(tmp_path: Path) -> None:
    (tmp_path / "taken.opus").write_bytes(b"dear to somebody")
    async with serving(endless) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.total_samples_received > 9_600)
        with pytest.raises(RecordingError, match="exists already"):
            run.session.start_recording(tmp_path / "taken.opus")
        run.session.start_recording(tmp_path / "taken.opus", is_forced=True)
        with pytest.raises(RecordingError, match="is being recorded to already"):
            run.session.start_recording(tmp_path / "taken.opus", is_forced=True)
        heard = run.snapshot.total_samples_received
        await run.until(lambda: run.snapshot.total_samples_received > heard + 9_600)
    with pytest.raises(RecordingError, match="the session has ended; connect first"):
        run.session.start_recording(tmp_path / "late.opus")
    assert not (tmp_path / "late.opus").exists()


@pytest.mark.parametrize("name", ["a.opus", "a.wav", "a.flac"])
async def test_a_disk_that_fills_ends_the_recording_with_one_line_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(self: object, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with serving(endless) as url, listening(url) as run:
        run.session.start_recording(tmp_path / name)
        await run.until(lambda: run.snapshot.recordings[0].size_bytes > 1_000)
        monkeypatch.setattr("core.recording.files.RecordedFile._write_all", full)
        await run.until(lambda: not run.snapshot.recordings[0].is_running)
        monkeypatch.undo()
        [status] = run.snapshot.recordings
        assert status.problem is not None
        assert "cannot be written (No space left on device); free some room" in status.problem
        await run.until(lambda: "error: the recording ended after" in run.log)
        assert run.log.count("error: ") == 1
        heard = run.snapshot.total_samples_received
        await run.until(lambda: run.snapshot.total_samples_received > heard + 24_000)
        assert run.snapshot.underruns.episodes == 0
    assert len(read_by_ffmpeg(tmp_path / name).pcm) > 0


async def test_a_recording_that_ended_makes_room_for_the_next_one(tmp_path: Path) -> None:
    async with serving(endless) as url, listening(url) as run:
        for name in ("a.opus", "b.opus"):
            run.session.start_recording(tmp_path / name)
            await run.until(lambda: run.snapshot.recordings[0].packets > 10)
            run.session.stop_recording()
            assert [each.path.name for each in run.snapshot.recordings] == [name]


async def test_files_that_rotate_while_it_plays_hold_all_of_it(tmp_path: Path) -> None:
    async with serving(stream) as url, listening(url) as run:
        run.session.start_recording(tmp_path / "a.opus", Rotation(samples=72_000))
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.ENDED)
        await run.until(lambda: not run.snapshot.recordings[0].is_running)
        assert run.snapshot.recordings[0].files == 2
    parts = [decoded_by_us((tmp_path / name).read_bytes()) for name in ("a-0001.opus", "a-0002.opus")]
    assert sum(len(part) for part in parts) == 100 * 960 - 312
