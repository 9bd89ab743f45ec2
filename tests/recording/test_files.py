"""Where recordings are written: nothing is replaced unbidden, what fails leaves what is whole, files follow files."""

from __future__ import annotations

import errno
import io
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from core.analysis.observation import Connected
from core.audio.output import SAMPLE_RATE_HZ
from core.opus.packet import parse_packet
from core.recording.files import Files, RecordedFile
from core.recording.packets import ROLL_SAMPLES, PacketSink
from core.recording.played import WRITERS, PlayedSink
from core.recording.recording import kind_of, make_recording
from core.recording.rotation import Rotation, RotationError, parse_rotation
from core.recording.status import RecordingError, RecordingKind
from tests.receiver.harness import opus_packets
from tests.recording.making import STEREO, TONE, bare, numbered, record
from tests.recording.reading import audio_packets, decoded_by_us, opusinfo, pages_of, read_by_ffmpeg


class SmallDisk(io.RawIOBase):
    """A file on a disk that has room for so many bytes, and takes as many of a piece as fit."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.data = bytearray()
        self.at = 0

    def write(self, piece: object) -> int:
        data = bytes(piece)  # type: ignore[call-overload]
        fits = min(len(data), self.room - self.at)
        if fits <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.data[self.at : self.at + fits] = data[:fits]
        self.at += fits
        return fits

    def truncate(self, size: int | None = None) -> int:
        assert size is not None
        del self.data[size:]
        self.at = min(self.at, size)
        return size

    def seek(self, at: int, whence: int = 0) -> int:
        self.at = at if whence == 0 else len(self.data) + at
        return self.at


def test_a_file_that_exists_is_replaced_only_when_that_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(b"dear to somebody")
    with pytest.raises(RecordingError, match=r"a\.opus exists already; name another file, or overwrite it"):
        make_recording(path)
    assert path.read_bytes() == b"dear to somebody"
    file = RecordedFile(path, is_forced=True)
    file.append(b"new")
    file.close()
    assert path.read_bytes() == b"new"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere/a\.wav cannot be written \(No such file or directory\)"):
        make_recording(tmp_path / "nowhere" / "a.wav")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.opus", RecordingKind.RECEIVED), ("a.WAV", RecordingKind.PLAYED), ("a.flac", RecordingKind.PLAYED)],
)
def test_the_ending_decides_what_is_recorded(name: str, kind: RecordingKind) -> None:
    assert kind_of(Path(name)) is kind


def test_an_unknown_ending_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"accepted: \.opus \(the packets as received\), \.wav and \.flac"):
        make_recording(tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []


def test_a_recording_of_nothing_leaves_no_file(tmp_path: Path) -> None:
    record(tmp_path / "a.opus", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "rotation"),
    [
        ("10min", Rotation(samples=600 * SAMPLE_RATE_HZ)),
        ("5s", Rotation(samples=5 * SAMPLE_RATE_HZ)),
        ("1.5 h", Rotation(samples=5_400 * SAMPLE_RATE_HZ)),
        ("100MB", Rotation(size_bytes=100_000_000)),
        ("500kB", Rotation(size_bytes=500_000)),
    ],
)
def test_rotation_is_told_as_people_tell_it(text: str, rotation: Rotation) -> None:
    assert parse_rotation(text) == rotation


@pytest.mark.parametrize("text", ["", "10", "ten min", "4s", "199kB", "-1h", "10 mib", "1e9h", "9" * 40 + "h"])
def test_what_is_no_rotation_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(RotationError, match="accepted: "):
        parse_rotation(text)


@pytest.mark.parametrize("rotation", [Rotation(samples=SAMPLE_RATE_HZ * 3 // 2), Rotation(size_bytes=25_000)])
@pytest.mark.parametrize("payloads", [TONE, STEREO, opus_packets(1_600, 2.5), opus_packets(80, 60.0)])
def test_rotated_files_hold_every_packet_once_but_for_a_second_that_is_not_played(
    tmp_path: Path, rotation: Rotation, payloads: tuple[bytes, ...]
) -> None:
    sink = record(tmp_path / "a.opus", bare(payloads), rotation)
    files = sorted(tmp_path.iterdir())
    assert [each.name for each in files] == [f"a-{number:04}.opus" for number in range(1, len(files) + 1)]
    assert len(files) == sink.status().files > 1
    kept: list[bytes] = []
    for path in files:
        packets = audio_packets(path.read_bytes())
        # As many as the pre-skip lasts, and the very last ones of the file before.
        repeated = 0
        if kept:
            pre_skip = int.from_bytes(pages_of(path.read_bytes())[0].packets[0][10:12], "little")
            repeated = pre_skip // parse_packet(payloads[0]).duration_samples
            assert pre_skip >= ROLL_SAMPLES
            assert kept[-repeated:] == packets[:repeated]
        kept += packets[repeated:]
        if rotation.size_bytes is not None:
            assert path.stat().st_size <= rotation.size_bytes
        assert opusinfo(path)[1] == []
        assert read_by_ffmpeg(path).complaints == ()
    assert tuple(kept) == payloads
    assert sink.status().size_bytes == sum(path.stat().st_size for path in files)


def test_rotated_files_one_after_the_other_are_the_sound_of_one_file(tmp_path: Path) -> None:
    record(tmp_path / "whole.opus", bare(TONE))
    record(tmp_path / "a.opus", bare(TONE), Rotation(samples=2 * SAMPLE_RATE_HZ))
    whole = decoded_by_us((tmp_path / "whole.opus").read_bytes())
    parts = np.concatenate([decoded_by_us(path.read_bytes()) for path in sorted(tmp_path.glob("a-*"))])
    np.testing.assert_array_equal(parts, whole)


def test_each_file_begins_a_second_sooner_than_it_plays(tmp_path: Path) -> None:
    record(tmp_path / "a.opus", bare(TONE), Rotation(samples=2 * SAMPLE_RATE_HZ))
    heads = [pages_of(path.read_bytes())[0].packets[0] for path in sorted(tmp_path.iterdir())]
    assert [int.from_bytes(head[10:12], "little") for head in heads] == [312] + [ROLL_SAMPLES] * (len(heads) - 1)


def test_a_number_that_is_taken_is_passed_over_and_nothing_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a-0002.opus").write_bytes(b"dear to somebody")
    record(tmp_path / "a.opus", bare(TONE), Rotation(samples=3 * SAMPLE_RATE_HZ))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-0001.opus", "a-0002.opus", "a-0003.opus"]
    assert (tmp_path / "a-0002.opus").read_bytes() == b"dear to somebody"


def test_files_can_be_named_by_the_time_at_which_they_begin(tmp_path: Path) -> None:
    moments = iter([time.gmtime(0), time.gmtime(60), time.gmtime(60)])
    files = Files(tmp_path / "a-%H%M%S.opus", is_rotated=True, now=lambda: next(moments))
    made = [files.next() for _ in range(3)]
    for each in made:
        each.append(b"something")
        each.close()
    assert [each.path.name for each in made] == ["a-000000.opus", "a-000100.opus", "a-000100-0003.opus"]


@pytest.mark.parametrize("room", [0, 50, 120, 130, 5_000, 17_777])
def test_a_full_disk_is_one_line_and_leaves_what_is_whole(tmp_path: Path, room: int) -> None:
    disk = SmallDisk(room)
    sink = PacketSink(Files(tmp_path / "a.opus", opener=lambda path, mode: disk))
    sink.take(Connected(0, None))

    def take_all() -> None:
        for each in bare(TONE):
            sink.take(each)

    problem = r"/a\.opus cannot be written \(No space left on device\); free some room there or record to "
    with pytest.raises(RecordingError, match=problem):
        take_all()
    # Whole pages: the last packets are lost, and what is there plays.
    kept = bytes(disk.data)
    pages = pages_of(kept)
    assert len(audio_packets(kept)) % 25 == 0
    if room >= 5_000:
        (tmp_path / "kept.opus").write_bytes(kept)
        assert len(read_by_ffmpeg(tmp_path / "kept.opus").pcm) == pages[-1].granule - 312


@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_a_full_disk_leaves_sound_that_plays(tmp_path: Path, ending: str) -> None:
    disk = SmallDisk(100_000)
    sink = PlayedSink(Files(tmp_path / f"a{ending}", opener=lambda path, mode: disk), WRITERS[ending])
    noise = np.random.default_rng(1).normal(0, 0.1, (4_800, 2)).astype(np.float32)

    def take_all() -> None:
        for _ in range(20):
            sink.take(noise)

    with pytest.raises(RecordingError, match="No space left on device"):
        take_all()
    (tmp_path / f"kept{ending}").write_bytes(disk.data)
    read = read_by_ffmpeg(tmp_path / f"kept{ending}")
    assert read.complaints == ()
    assert len(read.pcm) >= 2 * 4_608
    np.testing.assert_allclose(read.pcm[:4_608], noise[:4_608], atol=2**-24)


@pytest.mark.parametrize("ending", [".opus", ".wav", ".flac"])
def test_a_disk_that_is_full_where_the_next_file_begins_is_one_line_and_the_files_before_are_whole(
    tmp_path: Path, ending: str
) -> None:
    disks = iter([SmallDisk(10**7), SmallDisk(30)])
    opened: list[SmallDisk] = []

    def opener(path: Path, mode: str) -> SmallDisk:
        opened.append(next(disks))
        return opened[-1]

    files, rotation = Files(tmp_path / f"a{ending}", is_rotated=True, opener=opener), Rotation(samples=96_000)
    sink = PacketSink(files, rotation) if ending == ".opus" else PlayedSink(files, WRITERS[ending], rotation)

    def take_all() -> None:
        for each in bare(TONE):
            if isinstance(sink, PacketSink):
                sink.take(each)
            else:
                sink.take(np.full((960, 2), 0.1, dtype=np.float32))

    with pytest.raises(RecordingError, match=r"a-0002\.\w+ cannot be written \(No space left on device\)"):
        take_all()
    with suppress(RecordingError):
        sink.close()
    (tmp_path / f"kept{ending}").write_bytes(opened[0].data)
    read = read_by_ffmpeg(tmp_path / f"kept{ending}")
    assert read.complaints == ()
    assert len(read.pcm) == 96_000 - 312 * (ending == ".opus")


def test_numbers_stay_in_order_where_the_hole_lies_between_two_files(tmp_path: Path) -> None:
    sink = record(tmp_path / "a.opus", numbered(TONE, without=range(95, 105)), Rotation(samples=2 * SAMPLE_RATE_HZ))
    assert sink.status().filled_s == pytest.approx(0.2)
    played = sum(len(decoded_by_us(path.read_bytes())) for path in tmp_path.iterdir())
    assert played == 300 * 960 - 312
