"""The window as a process: it ends cleanly and in time, and says in one line where there is no display."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gui.app import WindowOptions, display_problem, open_window
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
        assert "on_close" in child.text("stdout")


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
        assert "on_close" in child.text("stdout")


def test_the_window_closes_by_itself_after_the_time_given(settings_path: Path) -> None:
    with run_window("after", settings_path) as child:
        child.wait_for_line("standing", 30)
        assert child.wait(5) == 0
        assert stderr_of(child) == []


def test_settings_are_written_where_the_variable_says(settings_path: Path) -> None:
    with run_window("close", settings_path) as child:
        assert child.wait(30) == 0
    assert "ws://127.0.0.1:8765/ws-audio" in settings_path.read_text()


def test_without_a_display_one_line_names_the_headless_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    closed: list[bool] = []
    status = open_window(WindowOptions("ws://host:1/x", on_close=lambda: closed.append(True)))
    if os.name == "posix" and os.uname().sysname == "Linux":
        lines = capsys.readouterr().err.splitlines()
        assert status == 2
        assert len(lines) == 1
        assert "opuscope probe ws://host:1/x" in lines[0]
        assert closed == [True]


@pytest.mark.parametrize(
    ("environment", "platform", "is_problem"),
    [
        ({}, "linux", True),
        ({"DISPLAY": ""}, "linux", True),
        ({"DISPLAY": ":0"}, "linux", False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", False),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", False),
        ({}, "win32", False),
        ({}, "darwin", False),
    ],
)
def test_where_a_window_can_be_opened(environment: dict[str, str], platform: str, is_problem: bool) -> None:
    assert (display_problem(environment, platform) is not None) is is_problem
