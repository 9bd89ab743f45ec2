"""Pictures of the window with plausible data: ``python -m tests.gui.screenshots FOLDER``.

One process makes one picture, because the scale of a screen is fixed when Qt starts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.main_window import MainWindow
    from tests.gui.fake_session import FakeSession

PICTURES = {
    "dark": ["--theme", "dark"],
    "light": ["--theme", "light"],
    "small-dark": ["--theme", "dark", "--size", "1280x800"],
    "smallest-light": ["--theme", "light", "--size", "400x300"],
    "double-light": ["--theme", "light", "--size", "1280x800", "--scale", "2"],
    "empty-dark": ["--theme", "dark", "--scene", "empty"],
    "empty-light": ["--theme", "light", "--scene", "empty"],
    "waiting-dark": ["--theme", "dark", "--scene", "waiting"],
    "bare-light": ["--theme", "light", "--scene", "bare", "--size", "1280x800"],
    "failed-light": ["--theme", "light", "--scene", "failed", "--size", "1280x800"],
    "bare-dark": ["--theme", "dark", "--scene", "bare"],
}


def main() -> None:
    """Make all pictures, or one of them where ``--one`` is given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--size", default="1600x1000")
    parser.add_argument("--scale", default="1")
    parser.add_argument("--scene", default="streaming", choices=("streaming", "empty", "waiting", "failed", "bare"))
    chosen = parser.parse_args()
    if chosen.one:
        take_picture(chosen.folder / f"{chosen.one}.png", chosen.theme, chosen.size, chosen.scene)
        return
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, options in PICTURES.items():
        scale = options[options.index("--scale") + 1] if "--scale" in options else "1"
        environment = {**os.environ, "QT_SCALE_FACTOR": scale}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        command = [sys.executable, "-m", "tests.gui.screenshots", str(chosen.folder), "--one", name, *options]
        subprocess.run(command, env=environment, check=True)
        print(chosen.folder / f"{name}.png")


def take_picture(path: Path, theme: str, size: str, scene: str) -> None:
    """Run the window for about a second in ``scene`` and write ``path``."""
    os.environ["QT_API"] = "pyside6"
    import qasync

    from core.monitor.monitor import Monitor
    from core.playout.presets import PresetName
    from core.playout.settings import PlayoutMode
    from core.receiver.options import ListenOptions
    from gui import settings
    from gui.main_window import MainWindow
    from gui.running import make_application
    from gui.session_owner import SessionOwner
    from gui.settings import SettingsStore, ThemeChoice
    from gui.theme import Theme
    from tests.gui.fake_session import FakeSession
    from tests.gui.fake_stream import STEP_S, FakeStream
    from tests.gui.test_main_window import choose

    class Clock:
        now_ns = 1_000_000_000_000

    clock = Clock()
    application = make_application()
    monitor = Monitor(lambda: clock.now_ns, lambda: 1_760_000_000 + clock.now_ns / 1e9)
    sessions: list[FakeSession] = []

    def make_session(options: ListenOptions, the_monitor: Monitor) -> FakeSession:
        sessions.append(FakeSession(options, the_monitor))
        return sessions[-1]

    owner = SessionOwner(monitor, make_session)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        store = SettingsStore(Path(folder) / "settings.ini")
        store.set(settings.THEME, ThemeChoice(theme))
        colors = Theme(store.get(settings.THEME))
        colors.apply()
        window = MainWindow(
            monitor,
            owner,
            store,
            colors,
            lambda _again: ["Built-in Audio Analog Stereo (ALSA)"],
            clock_ns=lambda: clock.now_ns,
        )
        window.furnish()
        width, height = (int(part) for part in size.split("x"))
        window.resize(width, height)

        async def run() -> None:
            window.show()
            window.scan_devices()
            if scene != "empty":
                window.connect_to("ws://127.0.0.1:8765/ws-audio")
                await asyncio.sleep(0.05)
                enter_scene(window, sessions[0], scene, clock.now_ns)
            if scene in ("streaming", "bare"):
                stream = FakeStream(monitor)
                for _ in range(round(58 / STEP_S)):
                    clock.now_ns += round(STEP_S * 1e9)
                    stream.step()
                from tests.gui.fake_session import LATENCY

                network = None if scene == "bare" else 4.2
                sessions[0].know(
                    underruns=stream.underruns,
                    episodes=tuple(stream.episodes),
                    target_delay_ms=stream.target_ms,
                    inserted_samples_for_deceleration=19_200,
                    removed_samples_for_acceleration=21_312,
                    skipped_samples=0,
                    buffer_depth_ms=94.1,
                    latency=replace(
                        LATENCY,
                        buffer=94.1,
                        network=network,
                        total=130.6 + (network or 0.0),
                        kind="estimated" if network is None else "measured",
                    ),
                )
                if scene == "bare":
                    choose(window.tune_panel.playout.kind, False)
                    choose(window.tune_panel.playout.mode, PlayoutMode.LIVE)
                else:
                    choose(window.tune_panel.playout.preset, PresetName.SAFE)
            window.setFocus()
            await asyncio.sleep(0.8)
            window.show_facts()
            window.grab().save(str(path))
            window.close()
            await asyncio.sleep(0.1)

        loop = qasync.QEventLoop(application)
        with loop:
            loop.run_until_complete(run())


def enter_scene(window: MainWindow, session: FakeSession, scene: str, now_ns: int) -> None:
    """Put the session into what the picture shall show."""
    from core.monitor.events import Level
    from core.receiver.status import ConnectionState, FrameSizeControl
    from tests.gui.fake_session import STREAM

    events = session.monitor.events
    events.add(Level.INFO, "Connecting to ws://127.0.0.1:8765/ws-audio")
    if scene == "waiting":
        session.become(
            ConnectionState.WAITING,
            reason="nobody listens at 127.0.0.1:8765 (connection refused); is the server running there?",
            attempt=3,
            next_attempt_at_ns=now_ns + 4_200_000_000,
        )
        events.add(Level.WARNING, "Connection refused by 127.0.0.1:8765; trying again in 4.2 s")
        return
    if scene == "failed":
        session.become(ConnectionState.FAILED, reason="ws://127.0.0.1:8765/ws-audio: not found (404); check the path")
        session.end()
        return
    session.stream()
    session.know(concealed_samples=4_128)
    events.add(Level.INFO, "Streaming: CELT, fullband, stereo, 20 ms frames")
    if scene == "bare":
        session.become(ConnectionState.STREAMING, dialect="bare (five packets parse alike)")
        session.know(
            stream=replace(STREAM, declared_frame_ms=10.0, declared_channels=None, application=None),
            frame_size=FrameSizeControl(
                None, 20.0, (), "this server takes no control messages, it sends what it sends"
            ),
        )


if __name__ == "__main__":
    main()
