"""Errors reach a file that stays small, and faults in C code are found at the next start."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.receiver.options import ListenOptions
from gui import error_log
from gui.error_log import FAULTS_KEPT, ErrorLog, keep_events, log_folder, newest_fault
from gui.options import WindowOptions
from gui.running import _live, _reporting_to
from tests.gui.conftest import URL, Bench, eventually
from tests.support.processes import python


@pytest.fixture(autouse=True)
def fault_files(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What traces of faults were to be written to, ``None`` for no more; pytest's own files stay as they are."""
    enabled: list[Any] = []
    monkeypatch.setattr(error_log.faulthandler, "enable", enabled.append)
    monkeypatch.setattr(error_log.faulthandler, "disable", lambda: enabled.append(None))
    return enabled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


class Banner:
    """What a window's banner was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def report(self, text: str) -> None:
        self.lines.append(text)


def log_text(folder: Path) -> str:
    return (folder / "opuscope.log").read_text(encoding="utf-8")


def leave_fault(folder: Path, text: str = "Fatal Python error: Segmentation fault\n", at_s: float = 1.76e9) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "fault.log").write_text(text)
    os.utime(folder / "fault.log", (at_s, at_s))


def test_what_is_logged_stands_in_the_file_with_its_traceback(folder: Path) -> None:
    with ErrorLog(folder) as log:
        try:
            raise ValueError("no such thing")
        except ValueError:
            logging.getLogger("core.somewhere").exception("it did not work")
    text = log_text(folder)
    assert "ERROR core.somewhere: it did not work" in text
    assert "Traceback (most recent call last)" in text
    assert "ValueError: no such thing" in text
    assert log.notices == []


def test_what_happened_is_in_the_file_after_a_restart_without_secrets(folder: Path) -> None:
    events = Monitor().events
    keep_events(events, lambda: ["hunter2"])
    events.add(Level.ERROR, "nobody listens yet")
    with ErrorLog(folder):
        events.add(Level.INFO, "target delay 40 -> 75 ms")
        events.add(Level.CHANGE, "connected to ws://me:pass@radio.example/x?token=abc")
        events.add(Level.WARNING, "underrun: nothing to play for 62 ms (late network)")
        events.add(Level.ERROR, "the server did not like hunter2")
    with ErrorLog(folder):
        pass
    text = log_text(folder)
    assert text.count(" starts, process ") == 2
    assert "change: connected to ws://radio.example/x" in text
    assert "warning: underrun: nothing to play for 62 ms (late network)" in text
    assert "error: the server did not like" in text
    for unwanted in ("hunter2", "pass@", "abc", "target delay", "nobody listens"):
        assert unwanted not in text


async def test_the_window_writes_its_events_to_the_log(bench: Bench, folder: Path) -> None:
    with ErrorLog(folder):
        await bench.stream()
        bench.monitor.events.add(Level.WARNING, "underrun: nothing to play for 62 ms (late network)")
    assert "underrun: nothing to play for 62 ms" in log_text(folder)


def test_what_the_window_shows_is_not_told_on_the_terminal_too(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    events = Monitor().events
    keep_events(events, list)
    with ErrorLog(folder):
        events.add(Level.ERROR, "the connection broke")
    assert "the connection broke" not in capfd.readouterr().err


def test_after_the_end_nothing_of_it_is_left_in_the_process(folder: Path, fault_files: list[Any]) -> None:
    before = list(logging.getLogger().handlers)
    with ErrorLog(folder):
        faults = fault_files[0]
    assert logging.getLogger().handlers == before
    assert faults.closed
    assert None in fault_files, "a closed file must not be written to"


def test_addresses_and_paths_in_the_log_tell_no_secrets(folder: Path) -> None:
    with ErrorLog(folder):
        logging.getLogger("core").error("wss://me:pass@host/live?token=s3cret failed; see %s/ca.pem", Path.home())
    text = log_text(folder)
    assert "wss://host/live?... failed; see ~/ca.pem" in text
    assert "s3cret" not in text


def test_the_log_has_at_most_three_files_of_a_megabyte(folder: Path) -> None:
    with ErrorLog(folder):
        for _ in range(45):
            logging.getLogger("core").error("x" * 100_000)
    files = sorted(path.name for path in folder.glob("opuscope.log*"))
    assert files == ["opuscope.log", "opuscope.log.1", "opuscope.log.2"]
    assert all(path.stat().st_size <= 1_000_000 for path in folder.glob("opuscope.log*"))


def test_an_error_that_ends_the_program_is_written(folder: Path) -> None:
    with pytest.raises(RuntimeError), ErrorLog(folder):
        raise RuntimeError("the end")
    assert "RuntimeError: the end" in log_text(folder)


def test_a_folder_that_cannot_be_used_is_one_line_and_the_program_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    before = list(logging.getLogger().handlers)
    with ErrorLog(tmp_path / "file" / "log") as log:
        logging.getLogger("core").error("nobody writes this down")
        assert logging.getLogger().handlers == before
    (line,) = log.notices
    assert line.startswith("Errors are not written to a file: ")
    assert str(tmp_path / "file" / "log") in line
    assert "\n" not in line


def test_a_log_that_cannot_be_written_leaves_no_half_of_it_open(folder: Path, fault_files: list[Any]) -> None:
    (folder / "opuscope.log").mkdir(parents=True)
    with ErrorLog(folder) as log:
        assert len(log.notices) == 1
        assert fault_files[0].closed


def test_a_disk_that_fills_up_later_is_endured_in_silence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_handler: object, _record: object) -> None:
        raise OSError(28, "No space left on device")

    with ErrorLog(folder):
        monkeypatch.setattr("logging.handlers.RotatingFileHandler.shouldRollover", full)
        logging.getLogger("core").error("this does not fit")
    assert capsys.readouterr().err == ""


def test_traces_of_the_last_run_are_put_aside_and_told_in_one_line(folder: Path) -> None:
    leave_fault(folder)
    with ErrorLog(folder) as log:
        (line,) = log.notices
    (kept,) = folder.glob("fault-*.log")
    assert line.startswith("The last run ended with a fault in C code; its traces are in ")
    assert str(kept) in line
    assert "Copy diagnostics" in line
    assert newest_fault(folder) == (kept.name, "Fatal Python error: Segmentation fault\n")
    with ErrorLog(folder) as log:
        assert log.notices == [], "told once"


def test_a_run_that_ended_in_order_leaves_no_fault_behind(folder: Path, fault_files: list[Any]) -> None:
    with ErrorLog(folder):
        fault_files[0].write("Windows fatal exception: code 0x8001010d\n")
    assert (folder / "fault.log").stat().st_size == 0
    assert newest_fault(folder) == ("", "")


def test_only_the_newest_traces_are_kept(folder: Path) -> None:
    for day in range(FAULTS_KEPT + 3):
        leave_fault(folder, f"fault {day}\n", 1.76e9 + 86_400 * day)
        with ErrorLog(folder):
            pass
    kept = sorted(folder.glob("fault-*.log"))
    assert [path.read_text() for path in kept] == [f"fault {day}\n" for day in range(3, FAULTS_KEPT + 3)]


def test_a_fault_in_c_code_is_found_at_the_next_start(folder: Path) -> None:
    script = (
        "import faulthandler, pathlib, sys\n"
        "from gui.error_log import ErrorLog\n"
        "ErrorLog(pathlib.Path(sys.argv[1])).open()\n"
        "faulthandler._sigsegv()\n"
    )
    with python("-c", script, str(folder)) as child:
        assert child.wait(30) != 0
    with ErrorLog(folder) as log:
        assert len(log.notices) == 1
    name, text = newest_fault(folder)
    assert name.startswith("fault-20")
    assert "egmentation fault" in text or "access violation" in text
    assert "<module>" in text, "where it was"


def test_the_folder_is_the_variables_or_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPUSCOPE_LOG_DIR", str(tmp_path / "here"))
    assert log_folder() == tmp_path / "here"
    monkeypatch.delenv("OPUSCOPE_LOG_DIR")
    assert log_folder().is_absolute()
    assert log_folder().name == "log"


async def test_unexpected_errors_reach_file_log_and_banner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", lambda *what: quiet.append(what))
    monkeypatch.setattr(threading, "excepthook", quiet.append)
    loop, monitor, banner = asyncio.get_running_loop(), Monitor(), Banner()

    def fail() -> None:
        raise ValueError("in the background")

    with ErrorLog(folder):
        with _reporting_to(banner, monitor, loop):  # type: ignore[arg-type]
            try:
                raise ValueError("in a slot")
            except ValueError as error:
                sys.excepthook(type(error), error, error.__traceback__)
            loop.call_exception_handler({"message": "a task failed", "exception": KeyError("in a task")})
            thread = threading.Thread(target=fail, name="device")
            thread.start()
            thread.join()
            await eventually(lambda: len(banner.lines) == 3)
        assert len(quiet) == 2, "hooks that others installed go on working"
    text = log_text(folder)
    for error in ("ValueError: in a slot", "KeyError: 'in a task'", "ValueError: in the background"):
        assert error in text
    assert text.count("Traceback") == 2, "an error that was never raised has none"
    assert banner.lines == [
        "Something unexpected went wrong: in a slot",
        "a task failed: 'in a task'",
        "Something unexpected went wrong in the background: in the background",
    ]
    assert [event.level for event in monitor.events.since(0)] == [Level.ERROR] * 3


async def test_the_banner_tells_of_the_last_fault_also_where_the_window_connects_at_once(bench: Bench) -> None:
    options = WindowOptions(URL, ListenOptions(URL))
    living = asyncio.get_running_loop().create_task(_live(bench.window, bench.owner, options, ["the last run ended"]))
    await eventually(lambda: bench.window.banner.text == "The last run ended")
    assert bench.owner.is_running
    bench.window.close()
    async with asyncio.timeout(3.0):
        await living


def test_the_process_of_the_window_keeps_the_log_and_looks_for_the_last_fault(folder: Path, tmp_path: Path) -> None:
    leave_fault(folder)
    surroundings = {
        "QT_QPA_PLATFORM": "offscreen",
        "OPUSCOPE_SETTINGS": str(tmp_path / "settings.ini"),
        "OPUSCOPE_LOG_DIR": str(folder),
    }
    with python("-m", "tests.gui.run_window", "after", environment=surroundings) as child:
        assert child.wait(30) == 0
    assert len(list(folder.glob("fault-*.log"))) == 1
    assert (folder / "fault.log").stat().st_size == 0
    assert " starts, process " in log_text(folder)
