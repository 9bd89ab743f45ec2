"""The window in a process of its own, with a session that streams: ``python -m tests.gui.run_window ACTION``.

Prints ``standing`` when the session runs, then does what ACTION says.
"""

from __future__ import annotations

import asyncio
import sys
import time

from core.monitor.monitor import Monitor
from core.receiver.options import ListenOptions
from gui.options import WindowOptions

_OFTEN_S = 0.02


def main(action: str) -> int:
    """``close`` while connected; ``stubborn``: the session won't stop; ``wait`` for a signal; ``after`` 2.5 s."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from gui.running import run_window
    from tests.gui.fake_session import FakeSession

    class Streaming(FakeSession):
        def __init__(self, options: ListenOptions, monitor: Monitor) -> None:
            super().__init__(options, monitor)
            self.ignores_stop = action == "stubborn"

        async def run(self) -> None:
            self.stream()
            say("standing")
            if action in ("close", "stubborn"):
                QTimer.singleShot(300, close)
            feeding = asyncio.get_running_loop().create_task(self._feed())
            try:
                await super().run()
            finally:
                feeding.cancel()

        async def _feed(self) -> None:
            while True:
                self.monitor.record("buffer_depth_ms", 60.0)
                await asyncio.sleep(_OFTEN_S)

    def close() -> None:
        say(f"closing {time.time():.3f}")
        for window in QApplication.topLevelWidgets():
            window.close()

    url = "ws://127.0.0.1:8765/ws-audio"
    after_s = 2.5 if action == "after" else None
    options = WindowOptions(url, ListenOptions(url), title_suffix="test", close_after_s=after_s)
    status = run_window(options, Streaming, lambda _again: [])  # type: ignore[arg-type]
    say(f"ended {time.time():.3f}")
    return status


def say(text: str) -> None:
    """One line on standard output, now."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
