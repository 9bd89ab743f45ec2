"""The window, really running: a server in a process of its own, real sockets, the real session."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.monitor import monitor as metric
from core.monitor.monitor import Monitor
from core.playout.presets import PRESETS, PresetName
from core.receiver.session import ListeningSession
from core.receiver.status import ConnectionState, SessionSnapshot
from gui import settings
from gui.main_window import MainWindow
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.theme import Theme
from tests.gui.conftest import eventually
from tests.gui.test_main_window import choose
from tests.support.display import VirtualDisplay
from tests.support.processes import ChildProcess, opuscope
from tests.support.sound_card import SoundCard

OpenReal = Callable[[], AbstractAsyncContextManager["RealWindow"]]


class RealWindow:
    """The window as `opuscope` makes it, with the null output."""

    def __init__(self, settings_path: Path) -> None:
        self.monitor = Monitor()
        self.owner = SessionOwner(self.monitor, ListeningSession)
        self.store = SettingsStore(settings_path)
        self.store.set(settings.OUTPUT, "null")
        theme = Theme("light")
        theme.apply()
        self.window = MainWindow(self.monitor, self.owner, self.store, theme, lambda again: [], None)
        self.window.furnish()

    @property
    def snapshot(self) -> SessionSnapshot:
        snapshot = self.owner.snapshot()
        assert snapshot is not None
        return snapshot

    @property
    def state(self) -> ConnectionState:
        snapshot = self.owner.snapshot()
        return ConnectionState.DISCONNECTED if snapshot is None else snapshot.connection.state

    async def connect(self, url: str) -> None:
        self.window.connect_panel.set_address(url)
        self.window.connect_panel.button.click()
        await eventually(lambda: self.state is ConnectionState.STREAMING, 8)


@pytest.fixture
def open_real(qtbot: QtBot, qapp: QApplication, settings_path: Path) -> OpenReal:
    """Opens the real window for the length of an ``async with``.

    Not an asynchronous fixture: between a test and its fixtures' end pytest-qt processes events without the loop
    running, in which no session survives.
    """
    qapp.setQuitOnLastWindowClosed(False)

    @asynccontextmanager
    async def opened() -> AsyncIterator[RealWindow]:
        real = RealWindow(settings_path)
        qtbot.addWidget(real.window)
        real.window.resize(1600, 1000)
        real.window.show()
        closed = asyncio.Event()
        real.owner.closed.connect(closed.set)
        try:
            yield real
        finally:
            real.window.close()
            await eventually(closed.is_set, 5)

    return opened


def serve(port: int = 0) -> ChildProcess:
    return opuscope("serve", "--source", "tone", "--port", str(port))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve() as server:
        yield server.wait_for_line(r"listening on (\S+)", 15)[1]


async def test_it_connects_and_every_plot_receives_data(open_real: OpenReal, url: str) -> None:
    async with open_real() as real:
        await real.connect(url)
        await eventually(lambda: real.snapshot.total_samples_received > 48_000, 8)
        for name in (
            metric.BUFFER_DEPTH_MS,
            metric.TARGET_DELAY_MS,
            metric.LATENCY_BUFFER_MS,
            metric.LATENCY_NETWORK_MS,
        ):
            assert np.isfinite(real.monitor.series[name].window().mean).sum() >= 5, name
        watch = real.window.watch
        assert watch.plots.depth.refresh(real.monitor.history)
        assert watch.plots.latency.refresh(real.monitor.history)
        drawn = watch.plots.depth.mean_curve.getData()[1]
        assert np.nanmax(drawn) == np.nanmax(real.monitor.series[metric.BUFFER_DEPTH_MS].window().mean)


async def test_a_frame_size_chosen_arrives_at_the_server_and_comes_back_as_in_force(
    open_real: OpenReal, url: str
) -> None:
    async with open_real() as real:
        tune = real.window.tune_panel
        choose(tune.playout.kind, False)
        await real.connect(url)
        await eventually(lambda: tune.frame_size.isEnabled(), 5)
        for size_ms in (10.0, 60.0, 2.5):
            choose(tune.frame_size, size_ms)
            await eventually(lambda wanted=size_ms: real.snapshot.frame_size.in_force_ms == wanted, 5)
            await eventually(lambda wanted=size_ms: f"in force {wanted:g} ms" in tune.frame_text.text(), 5)
        assert real.snapshot.underruns.episodes == 0


async def test_a_depth_chosen_moves_the_buffer_up_and_down_within_two_seconds(open_real: OpenReal, url: str) -> None:
    async with open_real() as real:
        choose(real.window.tune_panel.playout.kind, False)
        await real.connect(url)
        await eventually(lambda: real.snapshot.buffer_depth_ms is not None, 5)
        for depth_ms in (250, 30):
            real.window.tune_panel.playout.depth_slider.setValue(depth_ms)
            await eventually(lambda wanted=depth_ms: abs((real.snapshot.buffer_depth_ms or 0) - wanted - 10) < 20, 2)
        assert real.snapshot.underruns.episodes == 0


async def test_presets_reach_the_real_buffer_and_its_target_follows(open_real: OpenReal, url: str) -> None:
    async with open_real() as real:
        await real.connect(url)
        controls = real.window.tune_panel.playout
        choose(controls.preset, PresetName.SAFE)
        assert real.owner.playout == PRESETS[PresetName.SAFE].playout
        assert real.snapshot.target_delay_ms >= 100, "its least target is in force at once"
        await eventually(lambda: (real.snapshot.buffer_depth_ms or 0) > 80, 5)
        choose(controls.preset, PresetName.LOWEST_DELAY)
        assert real.owner.playout == PRESETS[PresetName.LOWEST_DELAY].playout
        assert "adaptive, live" in real.window.tune_panel.playout_text.full_text
        await eventually(lambda: real.snapshot.target_delay_ms < 100, 15)
        choose(controls.kind, False)
        assert real.owner.playout.target_delay_ms == real.snapshot.target_delay_ms


async def test_a_server_killed_and_started_again_is_found_again_by_itself(open_real: OpenReal) -> None:
    async with open_real() as real:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        with serve(port) as server:
            url = (await asyncio.to_thread(server.wait_for_line, r"listening on (\S+)", 15))[1]
            await real.connect(url)
        await eventually(lambda: real.state is ConnectionState.WAITING, 5)
        await eventually(lambda: "Next attempt" in real.window.connect_panel.detail.text(), 2)
        with serve(port) as server:
            await asyncio.to_thread(server.wait_for_line, r"listening on (\S+)", 15)
            await eventually(lambda: real.state is ConnectionState.STREAMING, 15)
            assert real.snapshot.connection.reconnects == 1


async def test_the_window_shown_latency_is_measured_and_its_parts_make_the_total(open_real: OpenReal, url: str) -> None:
    async with open_real() as real:
        await real.connect(url)
        await eventually(lambda: real.snapshot.latency.kind == "measured", 5)
        latency = real.snapshot.latency
        parts = (latency.frame, latency.codec, latency.network, latency.buffer, latency.device)
        assert latency.total == pytest.approx(sum(part for part in parts if part is not None))


@pytest.mark.sound
def test_the_demo_runs_on_a_display_and_is_gone_two_seconds_after_it_is_closed(
    virtual_display: VirtualDisplay, sound_card: SoundCard, settings_path: Path, tmp_path: Path
) -> None:
    environment = {
        **virtual_display.environment,
        **sound_card.environment,
        "QT_QPA_PLATFORM": "xcb",
        "OPUSCOPE_SETTINGS": str(settings_path),
    }
    heard = tmp_path / "heard.wav"
    with sound_card.record("ear", heard), opuscope("demo", environment=environment) as demo:
        deadline_s = time.monotonic() + 20
        while _is_empty(virtual_display) or not _has_sound(heard):
            assert time.monotonic() < deadline_s, demo.text()
            assert demo.return_code is None, demo.text()
            time.sleep(0.1)
        closing_s = time.monotonic()
        demo.interrupt()
        assert demo.wait(10) == 0
        assert time.monotonic() - closing_s < 2.0
        assert demo.text("stderr") == ""


@pytest.mark.sound
def test_the_demo_s_window_that_closes_by_itself_ends_the_process_and_its_server_silently(
    virtual_display: VirtualDisplay, sound_card: SoundCard, settings_path: Path
) -> None:
    environment = {
        **virtual_display.environment,
        **sound_card.environment,
        "QT_QPA_PLATFORM": "xcb",
        "OPUSCOPE_SETTINGS": str(settings_path),
    }
    with opuscope("demo", "--duration", "4", environment=environment) as demo:
        deadline_s = time.monotonic() + 20
        while _is_empty(virtual_display):
            assert time.monotonic() < deadline_s, demo.text()
        shown_s = time.monotonic()
        assert demo.wait(15) == 0
        # The server's process is a child of the same group, and ends within the same time.
        assert time.monotonic() - shown_s < 4 + 2
        assert demo.text("stderr") == ""


def _has_sound(recording: Path) -> bool:
    """Whether anything was heard so far; the file is still being written, so its header is of no use."""
    samples = recording.read_bytes()[4_096:]
    return bool((np.abs(np.frombuffer(samples[: len(samples) // 4 * 4], "<f4")) > 0.05).any())


def _is_empty(display: VirtualDisplay) -> bool:
    """Whether nothing is shown: a bare screen has one colour."""
    return len(np.unique(display.picture()[::50, ::50].reshape(-1, 3), axis=0)) < 3
