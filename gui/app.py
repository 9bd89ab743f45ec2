"""The way into the window. Nothing of Qt is imported before this is called."""

from __future__ import annotations

import os
import sys
from typing import Final

from core.audio.priority import put_off_collecting
from core.receiver.options import DEFAULT_URL
from gui.options import WindowOptions

EXIT_NO_WINDOW: Final = 2


def open_window(options: WindowOptions) -> int:
    """Show the window until it is closed; gives the exit status: 0, or 2 where Qt cannot be loaded.

    In the latter case one line on standard error names the headless command. That there is a display is for the
    caller to know: without one Qt aborts the process.
    """
    put_off_collecting()
    # qasync reads it while it is imported.
    os.environ["QT_API"] = "pyside6"
    try:
        from gui.running import run_window
    except ImportError as error:
        headless = f"opuscope probe {options.url or DEFAULT_URL}"
        sys.stderr.write(f"opuscope: Qt could not be loaded ({error}); without a window: {headless}\n")
        return EXIT_NO_WINDOW
    return run_window(options)
