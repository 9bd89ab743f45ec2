"""A window with fake sessions, and the event loop that it needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import qasync
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.monitor.monitor import Monitor
from core.receiver.options import ListenOptions
from gui import settings
from gui.main_window import MainWindow
from gui.options import WindowOptions
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.theme import Theme
from tests.gui.fake_session import FakeSession

URL = "ws://127.0.0.1:8765/ws-audio"


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Asynchronous tests of the window run on Qt's loop, as the window does."""
    return {"qt": lambda: qasync.QEventLoop(QApplication.instance() or QApplication([]))}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Qt's offscreen platform complains about every window and tray symbol; all other warnings fail a test."""
    item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support", "systemTrayWindowChanged"))


class Clock:
    """Monotonic nanoseconds that only a test moves."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class Bench:
    """A window and everything around it, within reach of a test."""

    def __init__(self, settings_path: Path, options: WindowOptions | None = None) -> None:
        self.clock = Clock()
        self.monitor = Monitor(self.clock, lambda: 1_760_000_000.0)
        self.sessions: list[FakeSession] = []
        self.devices = ["Headphones (ALSA)", "ear (ALSA)"]
        self.scans: list[bool] = []
        self.owner = SessionOwner(self.monitor, self._make_session)  # type: ignore[arg-type]
        self.store = SettingsStore(settings_path)
        self.theme = Theme(self.store.get(settings.THEME))
        self.theme.apply()
        self.window = MainWindow(
            self.monitor, self.owner, self.store, self.theme, self._list_devices, options, self.clock
        )
        self.furnish()

    def furnish(self) -> None:
        """Make the plots; the program does so when the window can be seen."""
        self.window.furnish()

    @property
    def session(self) -> FakeSession:
        """The newest session."""
        return self.sessions[-1]

    async def connect(self, url: str = URL) -> FakeSession:
        """Connect as the user does; the session then runs."""
        self.window.connect_panel.set_address(url)
        self.window.connect_panel.button.click()
        await asyncio.sleep(0.02)
        return self.session

    async def stream(self) -> FakeSession:
        """Connect, and have audio come."""
        session = await self.connect()
        session.stream()
        self.window.show_facts()
        return session

    def _make_session(self, options: ListenOptions, monitor: Monitor) -> FakeSession:
        self.sessions.append(FakeSession(options, monitor))
        return self.sessions[-1]

    def _list_devices(self, look_again: bool) -> list[str]:
        self.scans.append(look_again)
        return self.devices


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """What a test's window leaves behind goes with it: the menus of its plots have no parent, 60 for each window.

    The style reaches all widgets there are. With those of hundreds of windows a new one took seconds.
    """
    before = set(QApplication.topLevelWidgets())
    yield
    for widget in QApplication.topLevelWidgets():
        if widget not in before:
            widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def settings_path(tmp_path: Path) -> Path:
    """Where the window under test keeps its settings."""
    return tmp_path / "settings.ini"


@pytest.fixture
def bench(qtbot: QtBot, qapp: QApplication, settings_path: Path) -> Bench:
    """A window that is not shown and not connected."""
    # Else closing the window would end the loop that the test runs on.
    qapp.setQuitOnLastWindowClosed(False)
    bench = Bench(settings_path)
    qtbot.addWidget(bench.window)
    return bench


async def eventually(is_so: Callable[[], bool], within_s: float = 3.0) -> None:
    """Wait until ``is_so`` holds; `qtbot.waitUntil` would hang within an asynchronous test."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)
