"""Claims about the display that window tests use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.support.display import DisplayError, VirtualDisplay
from tests.support.processes import python

_RED_WINDOW = """
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication([])
window = QWidget()
window.setStyleSheet("background: #ff2000")
window.setGeometry(0, 0, 300, 200)
window.show()
print("shown on", app.platformName(), window.screen().size().toTuple(), flush=True)
app.exec()
"""


def test_a_child_process_opens_a_window_and_its_colour_is_seen(virtual_display: VirtualDisplay, tmp_path: Path) -> None:
    with python("-c", _RED_WINDOW, environment=virtual_display.environment) as child:
        shown = child.wait_for_line(r"shown on (\w+) \((\d+), (\d+)\)", timeout_s=30)
        deadline = time.monotonic() + 10
        while not np.array_equal(virtual_display.picture()[100, 150], [0xFF, 0x20, 0x00]):
            assert time.monotonic() < deadline, "the window was never painted"
        virtual_display.screenshot(tmp_path / "screen.png")
    assert shown.groups() == ("xcb", "1600", "1000")
    assert virtual_display.picture().shape == (1000, 1600, 3)
    assert (tmp_path / "screen.png").read_bytes().startswith(b"\x89PNG")


def test_two_displays_stand_side_by_side_and_both_end() -> None:
    def running() -> int:
        return sum(child.name() == "Xvfb" for child in psutil.Process().children())

    before = running()
    with VirtualDisplay(320, 200) as one, VirtualDisplay(320, 200) as other:
        assert one.environment["DISPLAY"] != other.environment["DISPLAY"]
        assert running() == before + 2
    assert running() == before


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "Xvfb"
    broken.write_text("#!/bin/sh\necho no memory for a screen >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(DisplayError, match="no memory for a screen"):
        VirtualDisplay().__enter__()


def test_a_missing_server_names_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DisplayError, match=r"system-packages\.sh test"):
        VirtualDisplay().__enter__()
