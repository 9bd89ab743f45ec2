"""Copy diagnostics: gathers what the window knows, and puts it onto the clipboard without secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import PySide6
from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication

from core.audio.output import OutputError
from core.diagnostics import (
    EVENTS_TOLD,
    DiagnosticsFacts,
    diagnostics_text,
    home_folder,
    library_versions,
    package_version,
)
from core.monitor.monitor import Monitor
from gui import settings
from gui.error_log import log_folder, newest_fault
from gui.options import WindowOptions
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.translation import translate


class Diagnostics:
    """Reads only; it may be asked at any time, also while nothing is connected."""

    def __init__(
        self,
        monitor: Monitor,
        owner: SessionOwner,
        store: SettingsStore,
        list_devices: Callable[[bool], Sequence[str]],
        options: WindowOptions | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        folder: Callable[[], Path] = log_folder,
        secrets: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """What must not appear is in ``options`` (the command line's), and given by ``secrets`` (what is kept).

        ``folder`` is where the traces of faults are.
        """
        self._monitor, self._owner, self._store = monitor, owner, store
        self._list_devices = list_devices
        self._options = options or WindowOptions()
        self._clock_ns = clock_ns
        self._folder = folder
        self._secrets = secrets

    def text(self) -> str:
        """The report."""
        owner, store = self._owner, self._store
        tuning, preset = store.tuning, store.get(settings.PRESET)
        log = self._monitor.events
        fault_name, fault_text = newest_fault(self._folder())
        facts = DiagnosticsFacts(
            wall_time_s=time.time(),
            now_ns=self._clock_ns(),
            versions=[*library_versions(), *_window_versions()],
            devices=self._devices(),
            url=owner.url or self._options.url or "",
            secrets=self._all_secrets(),
            snapshot=owner.snapshot(),
            playout=owner.playout or tuning.playout,
            preset=preset.value if preset is not None else None,
            device_latency_ms=tuning.device_latency_ms,
            frame_ms=store.get(settings.FRAME_MS),
            output=store.get(settings.OUTPUT),
            events=log.since(log.next_number - EVENTS_TOLD),
            fault_name=fault_name,
            fault_text=fault_text,
        )
        return diagnostics_text(facts, home_folder())

    def copy(self) -> str:
        """Put the report onto the clipboard; gives one line for people."""
        text = self.text()
        QGuiApplication.clipboard().setText(text)
        line = translate(
            "Diagnostics", "Diagnostics copied ({number} lines, no token and no query in them): paste them anywhere"
        )
        return line.format(number=text.count("\n"))

    def _all_secrets(self) -> list[str]:
        listen = self._options.listen
        found = [*self._secrets()]
        if listen is not None:
            found += [listen.token or "", *(value for _name, value in listen.headers)]
        return [secret for secret in found if secret]

    def _devices(self) -> list[str]:
        try:
            return list(self._list_devices(False))
        except OutputError as error:
            return [str(error)]


def _window_versions() -> list[tuple[str, str]]:
    return [
        ("PySide6", f"{PySide6.__version__}, Qt {qVersion()} ({QGuiApplication.platformName()})"),
        ("qasync", package_version("qasync")),
        ("pyqtgraph", package_version("pyqtgraph")),
    ]
