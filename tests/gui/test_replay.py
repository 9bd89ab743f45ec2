"""Captures in the window: opened, scrubbed, gone through from fault to fault; a connection puts them away."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from core.monitor.monitor import Monitor
from core.receiver.options import ListenOptions
from core.receiver.session import ListeningSession
from core.receiver.status import ConnectionState
from core.recording.capture_writer import CaptureWriter
from core.recording.outline import Problem
from gui import settings
from gui.main_window import MainWindow
from gui.replay_desk import next_problem
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.theme import Theme
from tests.gui.conftest import eventually
from tests.recording.transcripts import stream

CAPTURES = Path(__file__).parents[1] / "captures"


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Thirty seconds with packets missing at 10 s and a pause at 20 s."""
    path = tmp_path / "faulty.pcapng"
    late = {number: max(0.0, 400.0 - 20 * (number - 1_000)) for number in range(1_000, 1_020)}
    with CaptureWriter(path) as writer:
        for seen in stream(1_500, dropped=frozenset({500, 501}), delays_ms=late):
            writer.take(seen)
    return path


class RealWindow:
    """The window with real sessions on the null output."""

    def __init__(self, folder: Path) -> None:
        monitor = Monitor()
        self.owner = SessionOwner(monitor, ListeningSession)
        store = SettingsStore(folder / "settings.json")
        store.set(settings.OUTPUT, "null")
        theme = Theme("light")
        theme.apply()
        self.window = MainWindow(monitor, self.owner, store, theme, lambda again: [], None)
        self.desk = self.window.replays
        self.bar = self.desk.bar

    @property
    def state(self) -> ConnectionState | None:
        snapshot = self.owner.snapshot()
        return None if snapshot is None else snapshot.connection.state

    @property
    def position_s(self) -> float:
        assert self.owner.replay is not None
        return self.owner.replay.position_s

    async def end(self) -> None:
        self.window.close()
        await eventually(lambda: not self.owner.is_running)


async def test_a_capture_plays_as_a_server_does_and_its_bar_shows_where(qtbot: QtBot, tmp_path: Path) -> None:
    real = RealWindow(tmp_path)
    assert real.bar.isHidden()
    real.desk.open(CAPTURES / "gstreamer.pcapng")
    await eventually(lambda: real.state is ConnectionState.STREAMING)
    assert not real.bar.isHidden()
    assert real.bar.name.full_text == "gstreamer.pcapng"
    await eventually(lambda: real.state is ConnectionState.ENDED)
    snapshot = real.owner.snapshot()
    assert snapshot is not None
    assert (snapshot.packets_received, snapshot.packets_lost) == (101, 0)
    # What is over begins again where the slider is put.
    real.bar.position.setValue(5)
    await eventually(lambda: real.state is ConnectionState.STREAMING)
    await real.end()


async def test_one_goes_from_fault_to_fault_and_hears_what_comes_before(
    qtbot: QtBot, tmp_path: Path, faulty: Path
) -> None:
    real = RealWindow(tmp_path)
    real.desk.open(faulty)
    await eventually(lambda: real.state is ConnectionState.STREAMING)
    real.bar.next.click()
    assert real.bar.problem.full_text == "2 packets missing in sequence"
    await eventually(lambda: 8 <= real.position_s < 9)
    real.bar.next.click()
    assert real.bar.problem.full_text == "nothing came for 420 ms"
    await eventually(lambda: 17.9 <= real.position_s < 19)
    real.bar.next.click()
    assert real.window.banner.text == "There is no later fault in the capture"
    real.bar.previous.click()
    await eventually(lambda: 8 <= real.position_s < 9)
    await eventually(lambda: (real.owner.snapshot() or pytest.fail("no session")).packets_received > 20)
    assert real.state is ConnectionState.STREAMING
    await real.end()


async def test_a_file_that_is_no_capture_is_told_and_all_stays(qtbot: QtBot, tmp_path: Path) -> None:
    real = RealWindow(tmp_path)
    real.desk.open(CAPTURES / "README.md")
    await eventually(lambda: "is no capture; expected pcapng" in real.window.banner.text)
    assert real.bar.isHidden()
    assert not real.owner.is_running
    await real.end()


async def test_a_connection_puts_the_capture_away(qtbot: QtBot, tmp_path: Path, faulty: Path) -> None:
    real = RealWindow(tmp_path)
    real.desk.open(faulty)
    await eventually(lambda: real.state is ConnectionState.STREAMING)
    real.owner.start(ListenOptions("ws://127.0.0.1:9/", output="null"))
    await eventually(lambda: real.owner.is_running and real.owner.replay is None)
    real.window.show_facts()
    assert real.bar.isHidden()
    assert real.owner.is_running
    await real.end()


async def test_closing_the_capture_ends_its_replay(qtbot: QtBot, tmp_path: Path, faulty: Path) -> None:
    real = RealWindow(tmp_path)
    real.desk.open(faulty)
    await eventually(lambda: real.state is ConnectionState.STREAMING)
    real.bar.close_.click()
    await eventually(lambda: not real.owner.is_running)
    assert real.bar.isHidden()
    await real.end()


def test_the_next_problem_is_never_the_one_that_plays() -> None:
    problems = (Problem(1.0, "a"), Problem(5.0, "b"), Problem(9.0, "c"))
    assert next_problem(problems, 5.0, is_next=True) == problems[2]
    assert next_problem(problems, 5.0, is_next=False) == problems[0]
    assert next_problem(problems, 9.0, is_next=True) is None
    assert next_problem(problems, 0.0, is_next=False) is None
