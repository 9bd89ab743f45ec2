"""What is written into a capture is what is read back: every observation, to the nanosecond."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.analysis.observation import Closed, Connected, Observation, ObserverStall, Received, RoundTrip
from core.opus.media import MediaPacket
from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import is_capture, open_capture
from core.recording.capture_writer import CaptureWriter
from tests.recording.transcripts import MS, NOWADAYS_NS, observations, stream

AUDIO = Received(1, MediaPacket(b"\xf8\xff\xfe", 1))
"""A capture without any audio is refused."""


def written(path: Path, seen: list[Observation]) -> Path:
    with CaptureWriter(path, replaces=True, unix_minus_monotonic_ns=NOWADAYS_NS) as writer:
        for each in seen:
            writer.take(each)
    return path


def read(path: Path) -> list[Observation]:
    return list(open_capture(path).observations())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(observations, max_size=12))
def test_whatever_was_observed_comes_back_as_it_was(tmp_path: Path, seen: list[Observation]) -> None:
    seen = [*seen, AUDIO]
    assert read(written(tmp_path / "a.pcapng", seen)) == seen


@pytest.mark.parametrize("is_bare", [True, False])
def test_a_stream_comes_back_whole(tmp_path: Path, is_bare: bool) -> None:
    seen = stream(is_bare=is_bare)
    seen[50:50] = [ObserverStall(5_900 * MS, 5_960 * MS), RoundTrip(5_960 * MS, 12.5)]
    capture = open_capture(written(tmp_path / "a.pcapng", seen))
    assert (capture.is_ours, capture.packets, capture.notice) == (True, 100, None)
    assert capture.duration_s == pytest.approx(99 * 0.02)
    assert list(capture.observations()) == seen


def test_a_reconnect_in_between_comes_back_too(tmp_path: Path) -> None:
    seen = stream(20) + stream(20, began_ns=7_000 * MS)
    path = written(tmp_path / "a.pcapng", seen)
    assert read(path) == seen
    # For other programs these are two streams.
    with pytest.raises(CaptureError, match=r"no RTP stream 0x00000001; there are: 0x4f505553 .* 0x4f505554"):
        open_capture(path, ssrc=1)


def test_one_stream_of_our_capture_can_be_read_as_any_other_program_does(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng", stream(40))
    capture = open_capture(path, ssrc=0x4F505553)
    assert not capture.is_ours
    packets = [seen.event for seen in capture.observations() if isinstance(seen, Received)]
    assert len(packets) == 40
    assert all(isinstance(packet, MediaPacket) for packet in packets)


def test_a_message_longer_than_any_datagram_is_kept(tmp_path: Path) -> None:
    seen = [AUDIO, Received(2, MediaPacket(bytes(200_000), 2, 7, 960))]
    assert read(written(tmp_path / "a.pcapng", seen)) == seen


def test_a_capture_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng", stream())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    capture = open_capture(path)
    assert 30 < capture.packets < 70
    assert capture.notice is not None
    assert f"cut off at offset {len(whole) // 2}" in capture.notice
    assert list(capture.observations()) == stream()[: capture.packets + 2]


def test_all_is_on_disk_as_soon_as_it_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    writer = CaptureWriter(path)
    for count, seen in enumerate(stream(10)[:-1], 1):
        writer.take(seen)
        if count > 2:
            assert open_capture(path).packets == count - 2
    writer.close()


def test_a_file_that_is_there_is_not_replaced_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        CaptureWriter(path)
    assert path.read_text() == "precious"


def test_a_capture_of_a_later_version_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng", stream(5))
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":9'))
    with pytest.raises(CaptureError, match="written by a later Opuscope"):
        open_capture(path)


@pytest.mark.parametrize("change", [(b'"code":1000', b'"code":"ab"'), (b'"reason":"the end"', b'"treason":"the end')])
def test_a_note_that_was_tampered_with_is_named(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    path = written(tmp_path / "a.pcapng", stream(5))
    path.write_bytes(path.read_bytes().replace(*change))
    with pytest.raises(CaptureError, match=r"a\.pcapng: the note in frame \d+ cannot be read"):
        open_capture(path)


def test_a_capture_in_which_nothing_came_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng", [Connected(1, None), Closed(2, None)])
    with pytest.raises(CaptureError, match="holds no audio"):
        open_capture(path)


def test_only_captures_are_taken_for_captures(tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    trace.write_text(json.dumps({"frame_ms": 20, "delays_ms": [0]}))
    assert not is_capture(trace)
    assert not is_capture(tmp_path / "missing")
    assert not is_capture(tmp_path)
    assert is_capture(written(tmp_path / "a.pcapng", [AUDIO]))
