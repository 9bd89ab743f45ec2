"""What ends a server: the first signal gently, the second at once, the third without asking it."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Watches for SIGINT and SIGTERM from its construction on, which takes a running event loop."""

    def __init__(self) -> None:
        self.gently = asyncio.Event()
        self.at_once = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            if sys.platform == "win32":
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._take))
            else:
                loop.add_signal_handler(number, self._take)

    def _take(self) -> None:
        if not self.gently.is_set():
            self.gently.set()
            return
        self.at_once.set()
        for number in _SIGNALS:
            # Should the end itself hang.
            signal.signal(number, signal.SIG_DFL)
