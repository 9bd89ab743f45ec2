"""Reports in files: whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.cli.common import CommandError
from core.cli.whole_files import check_reports, write_report


def test_a_check_leaves_nothing_behind_and_touches_nothing(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("kept")
    before = there.stat()
    check_reports([None, str(there), str(tmp_path / "new"), "-"])
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert there.read_text() == "kept"
    assert there.stat().st_mtime_ns == before.st_mtime_ns


def test_a_report_takes_the_place_of_an_older_one_at_once(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    with path.open() as reader:
        write_report(str(path), "new ±\n")
        assert reader.read() == "old"  # whoever had it open reads it to its end
    assert path.read_text(encoding="utf-8") == "new ±\n"
    assert [each.name for each in tmp_path.iterdir()] == ["report"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_where_the_disk_is_full_the_older_report_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    path.write_text("old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CommandError, match=r"cannot be written to .*report \(No space left on device\); name another"):
        write_report(str(path), "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "real")
    check_reports([str(tmp_path / "link")])
    write_report(str(tmp_path / "link"), "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "real").read_text() == "text"


def test_devices_are_written_to_and_not_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    check_reports(["/dev/null", "/dev/stderr"])
    write_report("/dev/null", "x")
    write_report("/dev/stderr", "told\n")
    write_report("-", "printed\n")
    assert Path("/dev/null").is_char_device()
    assert capfd.readouterr() == ("printed\n", "told\n")


def test_two_names_of_one_file_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(CommandError, match="two reports would go to"):
        check_reports([str(tmp_path / "a"), str(tmp_path / "b")])
