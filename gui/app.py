"""The way into the window. Nothing of Qt is imported before this is called."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Final

from core.receiver.options import DEFAULT_URL, ListenOptions

EXIT_NO_WINDOW: Final = 2


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How the window starts. What is ``None`` was not asked for: the window then does as it remembers."""

    url: str | None = None
    """Put into the address edit instead of the last one used."""
    listen: ListenOptions | None = None
    """Connect so as soon as the window stands."""
    target_delay_ms: float | None = None
    frame_ms: float | None = None
    output: str | None = None
    remember_url: bool = True
    """Whether ``url`` goes into the history; not where it leads to a server that ends with the window."""
    title_suffix: str = ""
    close_after_s: float | None = None
    """Close by itself after so many seconds."""


def open_window(options: WindowOptions) -> int:
    """Show the window until it is closed; gives the exit status: 0, or 2 where Qt cannot be loaded.

    In the latter case one line on standard error names the headless command. That there is a display is for the
    caller to know: without one Qt aborts the process.
    """
    # qasync reads it while it is imported.
    os.environ["QT_API"] = "pyside6"
    try:
        from gui.running import run_window
    except ImportError as error:
        headless = f"opuscope probe {options.url or DEFAULT_URL}"
        sys.stderr.write(f"opuscope: Qt could not be loaded ({error}); without a window: {headless}\n")
        return EXIT_NO_WINDOW
    return run_window(options)
