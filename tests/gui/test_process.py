"""The window as a process: it ends cleanly and in time."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.processes import ChildProcess, python


def run_window(action: str, settings_path: Path) -> ChildProcess:
    return python(
        "-m",
        "tests.gui.run_window",
        action,
        environment={
            "QT_QPA_PLATFORM": "offscreen",
            "OPUSCOPE_SETTINGS": str(settings_path),
            # The offscreen platform complains about every window; everything else stays on stderr.
            "QT_LOGGING_RULES": "",
        },
    )


def stderr_of(child: ChildProcess) -> list[str]:
    return [line for line in child.text("stderr").splitlines() if "propagateSizeHints" not in line]


def test_closing_while_connected_ends_the_process_within_two_seconds_and_silently(settings_path: Path) -> None:
    with run_window("close", settings_path) as child:
        closing = float(child.wait_for_line(r"closing (\S+)", 30)[1])
        assert child.wait(10) == 0
        assert time.time() - closing < 2.0
        assert stderr_of(child) == []
        assert "ended" in child.text("stdout")


def test_a_session_that_does_not_stop_cannot_keep_the_process(settings_path: Path) -> None:
    with run_window("stubborn", settings_path) as child:
        closing = float(child.wait_for_line(r"closing (\S+)", 30)[1])
        assert child.wait(10) == 0
        assert time.time() - closing < 2.0
        assert stderr_of(child) == []


def test_ctrl_c_closes_cleanly(settings_path: Path) -> None:
    with run_window("wait", settings_path) as child:
        child.wait_for_line("standing", 30)
        time.sleep(0.3)
        child.interrupt()
        assert child.wait(5) == 0
        assert stderr_of(child) == []
        assert "ended" in child.text("stdout")


def test_the_window_closes_by_itself_after_the_time_given(settings_path: Path) -> None:
    with run_window("after", settings_path) as child:
        child.wait_for_line("standing", 30)
        assert child.wait(5) == 0
        assert stderr_of(child) == []


def test_settings_are_written_where_the_variable_says(settings_path: Path) -> None:
    with run_window("close", settings_path) as child:
        assert child.wait(30) == 0
    assert "ws://127.0.0.1:8765/ws-audio" in settings_path.read_text()
