"""The way into the window. Nothing of Qt is imported before it is certain that a window can be opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from core.receiver.options import DEFAULT_URL, ListenOptions

EXIT_NO_WINDOW: Final = 2


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How the window starts."""

    url: str | None = None
    """Put into the address edit instead of the last one used."""
    listen: ListenOptions | None = None
    """Connect so as soon as the window stands. Where depth, frame size or output differ from the defaults of
    `ListenOptions` they win over what is remembered, for this time only."""
    remember_url: bool = True
    """Whether ``url`` goes into the history; not where it leads to a server that ends with the window."""
    title_suffix: str = ""
    close_after_s: float | None = None
    """Close by itself after so many seconds."""
    on_close: Callable[[], None] | None = None
    """Called once, when the window and its session have ended; the demo ends its server here."""


def open_window(options: WindowOptions) -> int:
    """Show the window until it is closed; gives the exit status: 0, or 2 where no window can be opened.

    In the latter case one line on standard error names the headless command.
    """
    problem = display_problem(os.environ, sys.platform)
    if problem is None:
        # qasync reads it while it is imported.
        os.environ["QT_API"] = "pyside6"
        try:
            from gui.running import run_window
        except ImportError as error:
            problem = f"Qt could not be loaded ({error})"
        else:
            return run_window(options)
    url = options.url or DEFAULT_URL
    sys.stderr.write(f"opuscope: {problem}; without a window: opuscope probe {url}\n")
    if options.on_close is not None:
        options.on_close()
    return EXIT_NO_WINDOW


def display_problem(environment: Mapping[str, str], platform: str) -> str | None:
    """Why no window can be opened, or ``None``: Qt itself would abort the process."""
    if not platform.startswith("linux"):
        return None
    if any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        return None
    return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
