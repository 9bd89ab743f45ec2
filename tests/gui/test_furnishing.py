"""The window is seen first; its plots come right afterwards, and nothing connects before they are there."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QApplication, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from core.audio.priority import put_off_collecting
from core.receiver.options import ListenOptions
from gui import running, settings
from gui.docks import PlotPlace
from gui.main_window import FIRST_SIZE, MainWindow
from gui.options import WindowOptions
from gui.settings import ThemeChoice
from gui.theme import LIGHT
from tests.gui.conftest import URL, Bench, eventually

REPOSITORY = Path(__file__).resolve().parents[2]

_LOADED = """
import os, sys
os.environ["QT_API"] = "pyside6"
from pathlib import Path
from core.monitor.monitor import Monitor
from core.receiver.session import ListeningSession
from gui.main_window import FIRST_SIZE, MainWindow
from gui.running import make_application
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.theme import Theme
from gui import settings
application = make_application()
store = SettingsStore(Path(sys.argv[1]))
theme = Theme(store.get(settings.THEME))
monitor = Monitor()
owner = SessionOwner(monitor, ListeningSession)
window = MainWindow(monitor, owner, store, theme, lambda again: [])
window.show()
application.processEvents()
late = ("pyqtgraph", "dbus_fast", "keyring", "gui.widgets.credentials_dialog")
print("loaded:", *(name for name in late if name in sys.modules))
"""


class Log(list[str]):
    """What happened, in order."""


class Unfurnished(Bench):
    """As the program makes it: the plots are still to come."""

    def furnish(self) -> None:
        """Not yet."""


@pytest.fixture
def bare(qtbot: QtBot, qapp: QApplication, settings_path: Path) -> Unfurnished:
    """A window without plots."""
    # Else closing the window would end the loop that the test runs on.
    qapp.setQuitOnLastWindowClosed(False)
    bench = Unfurnished(settings_path, WindowOptions(URL, ListenOptions(URL)))
    qtbot.addWidget(bench.window)
    return bench


@pytest.fixture
def log(bare: Unfurnished, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Writes down what the window does."""
    log, window = Log(), bare.window

    def follow(owner: Any, name: str, what: str) -> None:
        real = getattr(owner, name)

        def call(*given: Any) -> Any:
            log.append(what + ("" if window.windowHandle().isExposed() else " unseen"))
            return real(*given)

        monkeypatch.setattr(owner, name, call)

    for room in window.rooms:
        follow(room, "furnish", type(room).__name__)
    follow(window, "scan_devices", "devices")
    follow(window.media_keys, "begin", "media keys")
    follow(window, "connect_to", "connect")
    return log


@pytest.fixture
def living(bare: Unfurnished, log: Log) -> Iterator[Any]:
    """Gives the coroutine that the program runs."""
    yield running._live(bare.window, bare.owner, WindowOptions(URL, ListenOptions(URL)))
    if not bare.window.has_closed:
        bare.window.close()
    gc.enable()
    gc.unfreeze()


def geometries(window: MainWindow) -> dict[str, QRect]:
    docks = [dock for dock in window.panels.docks.all if not dock.visibleRegion().isEmpty()]
    return {dock.objectName(): QRect(dock.geometry()) for dock in docks}


def tabs(window: QWidget) -> list[str]:
    bars = [bar for bar in window.findChildren(QTabBar) if not bar.visibleRegion().isEmpty()]
    return sorted(bar.tabText(at) for bar in bars for at in range(bar.count()))


def places(window: QWidget) -> list[PlotPlace]:
    return window.findChildren(PlotPlace)


def test_what_only_plots_keys_and_dialogs_need_is_not_loaded_before_the_window_is_shown(settings_path: Path) -> None:
    environment = {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, str(settings_path)],
        env=environment,
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["loaded:"]


async def test_the_window_is_seen_then_furnished_then_connected(bare: Unfurnished, log: Log, living: Any) -> None:
    put_off_collecting()
    life = asyncio.ensure_future(living)
    await eventually(lambda: "connect" in log, within_s=10)
    assert log == ["devices", "Watch", "WhatIfRoom", "SoundRoom", "media keys", "connect"]
    assert gc.isenabled()
    bare.window.close()
    await life


async def test_closing_the_window_before_it_is_furnished_ends_the_program(
    bare: Unfurnished, log: Log, living: Any
) -> None:
    life = asyncio.ensure_future(living)
    await eventually(bare.window.isVisible)
    bare.window.close()
    await asyncio.wait_for(life, 5)
    assert not {"Watch", "WhatIfRoom", "SoundRoom"} & set(log)
    assert bare.sessions == []


async def test_closing_the_window_between_two_rooms_ends_the_program(
    bare: Unfurnished, log: Log, living: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bare.window.watch.furnish

    def furnish_and_close() -> None:
        real()
        bare.window.close()

    monkeypatch.setattr(bare.window.watch, "furnish", furnish_and_close)
    await asyncio.wait_for(living, 5)
    assert "Watch" in log
    assert "WhatIfRoom" not in log
    assert bare.sessions == []


async def test_closing_the_window_while_it_waits_to_be_on_time_connects_to_nothing(
    bare: Unfurnished, log: Log, living: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close_meanwhile() -> None:
        bare.window.close()

    monkeypatch.setattr(running, "_until_on_time", close_meanwhile)
    await asyncio.wait_for(asyncio.ensure_future(living), 5)
    assert "media keys" in log
    assert "connect" not in log
    assert bare.sessions == []


async def test_a_window_that_has_closed_asks_no_keyring(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    keeper = bench.window.connecting._credentials.keeper
    monkeypatch.setattr(keeper, "fetch_for_connection", lambda url, _use: asked.append(url))
    bench.window.close()
    bench.window.connect_to(URL)
    assert asked == []


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 800)])
async def test_no_panel_moves_when_its_plot_comes(bare: Unfurnished, size: tuple[int, int]) -> None:
    window = bare.window
    window.resize(*size)
    window.show()
    await asyncio.sleep(0.1)
    before = geometries(window)
    assert len(places(window)) == 8
    window.furnish()
    await asyncio.sleep(0.1)
    assert geometries(window) == before
    assert places(window) == []
    assert all(plot.isVisible() for plot in window.watch.plots[:5])
    assert window.what_if.plot.isVisible()


async def test_without_plots_everything_else_works(bare: Unfurnished, tmp_path: Path) -> None:
    window = bare.window
    window.show()
    session = await bare.stream()
    session.monitor.record("buffer_depth_ms", 60.0)
    window.watch.refresh_next_plot()
    window.sound.refresh()
    window.desk.go_to_problem(True)
    window.desk.toggle_frozen()
    window.watch.view.choose(300)
    window.sound.span.activated.emit(0)
    window.panels.docks.reset()
    bare.theme.choose(ThemeChoice.LIGHT)
    window.show_facts()
    window.desk.save_image(tmp_path / "plots.png")
    window.furnish()
    assert window.watch.view.is_frozen
    assert window.watch.plots.depth.getViewBox().viewRange()[0] == [-300, 0]
    assert window.sound.waveform.span_ms == window.sound.span.itemData(window.sound.span.currentIndex())
    assert window.watch.plots.depth.backgroundBrush().color().name() == LIGHT.plot


async def test_a_plot_that_comes_later_is_described_like_its_panel(bare: Unfurnished) -> None:
    bare.window.furnish()
    plots = (*bare.window.watch.plots, bare.window.what_if.plot, bare.window.sound.waveform)
    docks = (*bare.window.watch.docks, bare.window.what_if.dock, bare.window.sound.waveform_dock)
    for plot, dock in zip(plots, docks, strict=True):
        assert plot.accessibleName() == dock.windowTitle()
        assert plot.accessibleDescription() == dock.toggleViewAction().toolTip()


async def test_panels_that_share_a_place_have_one_row_of_tabs(bare: Unfurnished) -> None:
    bare.window.show()
    await asyncio.sleep(0.1)
    assert tabs(bare.window) == ["Changes", "Events", "Network lab", "Tune"]


async def test_a_remembered_layout_comes_back_as_it_was_without_stray_tabs(
    bare: Unfurnished, settings_path: Path, qtbot: QtBot
) -> None:
    first = bare.window
    # The offscreen screen is smaller than what both windows shall have.
    first.resize(*FIRST_SIZE)
    first.show()
    first.sound.waveform_dock.show()
    first.watch.level_dock.show()
    first.resizeDocks([first.watch.depth_dock], [220], Qt.Orientation.Vertical)
    await asyncio.sleep(0.1)
    before = geometries(first)
    assert before["depth"].height() > before["latency"].height() + 50
    first.close()
    bare.store.set(settings.WINDOW_GEOMETRY, b"")
    bare.store.save()
    again = Unfurnished(settings_path).window
    qtbot.addWidget(again)
    again.resize(*FIRST_SIZE)
    again.show()
    await asyncio.sleep(0.1)
    assert tabs(again) == ["Changes", "Events", "Network lab", "Tune", "Waveform, ms"]
    restored = geometries(again)
    assert restored.keys() == before.keys()
    # Qt takes the height of a row of tabs from its neighbours once more.
    assert all(abs(rect.height() - before[name].height()) <= 20 for name, rect in restored.items())
    again.furnish()
    await asyncio.sleep(0.1)
    assert geometries(again) == restored


async def test_resetting_the_layout_brings_floating_panels_back(bench: Bench) -> None:
    bench.window.show()
    dock = bench.window.watch.jitter_dock
    before = geometries(bench.window)
    dock.setFloating(True)
    await asyncio.sleep(0.1)
    bench.window.panels.docks.reset()
    await asyncio.sleep(0.1)
    assert not dock.isFloating()
    assert geometries(bench.window).keys() == before.keys()
    assert tabs(bench.window) == ["Changes", "Events", "Network lab", "Tune"]
