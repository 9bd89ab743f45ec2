"""Recording from the window: a button, a menu, a key; the session does the work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from core.monitor.events import Level
from core.recording.status import RecordingKind, RecordingStatus
from gui.record_desk import music_folder
from gui.view_models.recording import default_name, recording_view
from tests.gui.conftest import Bench
from tests.gui.fake_session import FakeSession

RUNNING = RecordingStatus(RecordingKind.RECEIVED, Path("/music/talk.opus"), seconds=83.4, size_bytes=1_234_567)


def dialog_of(bench: Bench) -> QFileDialog:
    [dialog] = [each for each in bench.window.findChildren(QFileDialog) if each.isVisible()]
    return dialog


async def recording(bench: Bench, path: Path) -> FakeSession:
    """As the user does it."""
    session = await bench.stream()
    bench.window.listen_panel.record.click()
    dialog = dialog_of(bench)
    dialog.fileSelected.emit(str(path))
    dialog.reject()
    return session


async def test_the_button_asks_where_to_and_the_session_records(bench: Bench, tmp_path: Path) -> None:
    bench.window.show()
    session = await bench.stream()
    bench.window.listen_panel.record.click()
    dialog = dialog_of(bench)
    assert dialog.acceptMode() is QFileDialog.AcceptMode.AcceptSave
    [name] = dialog.selectedFiles()
    assert Path(name).parent == music_folder()
    assert Path(name).name.startswith("opuscope-127.0.0.1-20")
    assert Path(name).suffix == ".opus"
    # A second press opens no second one.
    bench.window.recording.toggle()
    assert dialog_of(bench) is dialog
    dialog.fileSelected.emit(str(tmp_path / "talk.opus"))
    dialog.reject()
    assert ("record", (tmp_path / "talk.opus", True)) in session.asked
    assert bench.window.listen_panel.record.property("recording") is True


@pytest.mark.parametrize("ending", ["flac", "wav"])
async def test_another_kind_of_file_is_chosen_by_its_ending(bench: Bench, ending: str) -> None:
    bench.window.show()
    await bench.stream()
    bench.window.recording.toggle()
    dialog = dialog_of(bench)
    [kind] = [each for each in dialog.nameFilters() if each.endswith(f"(*.{ending})")]
    dialog.filterSelected.emit(kind)
    assert dialog.defaultSuffix() == ending
    dialog.reject()


async def test_the_button_shows_how_long_and_how_much_and_ends_it(bench: Bench, tmp_path: Path) -> None:
    bench.window.show()
    session = await recording(bench, tmp_path / "talk.opus")
    button = bench.window.listen_panel.record
    session.know(recordings=(RUNNING,))
    bench.window.show_facts()
    assert button.text() == "■ 1:23 · 1.23 MB"
    assert "/music/talk.opus" in button.toolTip()
    button.click()
    assert ("end recording", None) in session.asked
    assert button.text() == "● Record…"
    assert button.property("recording") is False
    assert bench.window.banner.text == "Recorded 83.4 s to /music/talk.opus (1.23 MB, 0 packets, no gaps)"


async def test_the_key_and_the_menu_do_the_same(bench: Bench, qtbot: QtBot, tmp_path: Path) -> None:
    bench.window.show()
    session = await recording(bench, tmp_path / "talk.opus")
    [action] = [each for each in bench.window.findChildren(type(bench.window.actions_.connect)) if _is_record(each)]
    assert action.text() == "End the &recording"
    action.trigger()
    assert ("end recording", None) in session.asked
    assert action.text() == "&Record…"
    assert action.shortcut().toString() == "Ctrl+R"


def _is_record(action: object) -> bool:
    return getattr(action, "shortcut", lambda: None)().toString() == "Ctrl+R"  # type: ignore[union-attr]


async def test_without_a_session_there_is_nothing_to_record_and_the_button_says_so(bench: Bench) -> None:
    button = bench.window.listen_panel.record
    assert not button.isEnabled()
    assert "Connect first" in button.toolTip()
    await bench.stream()
    assert button.isEnabled()
    bench.window.recording.toggle()
    bench.window.recording._dialog.reject()
    bench.session.end()


async def test_what_cannot_be_recorded_to_is_said_in_the_banner(bench: Bench, tmp_path: Path) -> None:
    session = await bench.stream()
    session.refuses_recording = "/music/talk.opus cannot be written (Read-only file system); name another place"
    bench.window.recording.begin(tmp_path / "talk.opus")
    assert bench.window.banner.text == session.refuses_recording
    assert bench.window.listen_panel.record.property("recording") is False


async def test_a_full_disk_is_one_line_in_the_banner_and_no_summary_covers_it(bench: Bench, tmp_path: Path) -> None:
    session = await bench.stream()
    bench.window.recording.begin(tmp_path / "talk.opus")
    problem = "/music/talk.opus cannot be written (No space left on device); free some room there"
    session.know(recordings=(replace(RUNNING, path=tmp_path / "talk.opus", is_running=False, problem=problem),))
    bench.monitor.events.add(Level.ERROR, f"the recording ended after 83.4 s: {problem}")
    bench.window.show_facts()
    assert bench.window.banner.text == f"The recording ended after 83.4 s: {problem}"
    assert bench.window.listen_panel.record.text() == "● Record…"


async def test_a_recording_that_ends_with_the_session_is_told_too(bench: Bench, tmp_path: Path) -> None:
    session = await bench.stream()
    bench.window.recording.begin(tmp_path / "talk.opus")
    session.stop_recording()
    bench.window.show_facts()
    assert bench.window.banner.text.startswith("Recorded 0.0 s to ")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("ws://studio:8765/secret?token=x", "opuscope-studio-20261123-110500.opus"),
        ("wss://[::1]:9/", "opuscope-1-20261123-110500.opus"),
        ("", "opuscope-20261123-110500.opus"),
        ("ws://ümläut.example/", "opuscope-ml-ut.example-20261123-110500.opus"),
    ],
)
def test_the_name_offered_is_a_file_name_everywhere_and_tells_no_secret(url: str, name: str) -> None:
    assert default_name(url, "20261123-110500") == name


def test_state_is_never_colour_alone() -> None:
    idle, busy = recording_view(None, True), recording_view(RUNNING, True)
    assert (idle.text[0], busy.text[0]) == ("●", "■")
    assert (idle.is_recording, busy.is_recording) == (False, True)


def test_where_there_is_no_music_folder_it_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _kind: "/nowhere")
    assert music_folder() == Path.home()
