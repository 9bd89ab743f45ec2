"""Errors on disk: a log that stays small, and the traces of faults in C code, found at the next start."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from PySide6.QtCore import QStandardPaths, QUrl
from PySide6.QtGui import QDesktopServices

from core.diagnostics import home_folder, package_version, without_private
from core.monitor.events import Event, EventLog, Level
from gui.translation import translate

LOG_VARIABLE: Final = "OPUSCOPE_LOG_DIR"
"""Names another folder for the log, for tests and for carrying it around."""

EVENTS_LOGGER: Final = "opuscope.events"
LOG_NAME: Final = "opuscope.log"
FAULT_NAME: Final = "fault.log"
FAULTS_KEPT: Final = 5
_LOG_BYTES: Final = 1_000_000
_OLDER_LOGS: Final = 2
_KEPT_FAULTS: Final = "fault-*.log"
_FAULT_TOLD_CHARACTERS: Final = 6_000


def log_folder() -> Path:
    """Where the log goes; the application needs its name first (`gui.running.make_application`)."""
    named = os.environ.get(LOG_VARIABLE)
    if named:
        return Path(named)
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)
    return Path(place) / "log"


def newest_fault(folder: Path) -> tuple[str, str]:
    """Name and beginning of the newest traces kept in ``folder``; two empty texts where there are none."""
    kept = _kept_faults(folder)
    if not kept:
        return "", ""
    try:
        text = kept[-1].read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        text = f"cannot be read ({error.strerror})"
    return kept[-1].name, text[:_FAULT_TOLD_CHARACTERS]


def open_log_folder(folder: Path) -> str:
    """Show ``folder`` in the desktop's file manager; gives one line for people where there is none, else nothing."""
    if QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
        return ""
    text = translate("ErrorLog", "The desktop could not show the folder of the log; it is {folder}")
    return text.format(folder=folder)


def keep_events(events: EventLog, secrets: Callable[[], Iterable[str]]) -> None:
    """Write what matters of ``events`` to the log, if one is open, without ``secrets``: it is there after a restart.

    Every line is logged as information, whatever its level: a terminal is not for what the window shows already.
    """
    log = logging.getLogger(EVENTS_LOGGER)

    def write(event: Event) -> None:
        if event.level is not Level.INFO and log.isEnabledFor(logging.INFO):
            log.info("%s: %s", event.level.value, without_private(event.text, secrets()))

    events.tell(write)


class ErrorLog:
    """While it is open, what is logged and faults in C code are written to files in one folder.

    Nothing here raises because of the disk: where the folder cannot be written, `notices` says so and that is all.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is touched before `open`."""
        self._folder = folder
        self._file: logging.Handler | None = None
        self._stderr: logging.Handler | None = None
        self._faults: IO[str] | None = None
        self._stderr_had_faults = False
        self.notices: list[str] = []
        """What the user should know after `open`: one line each."""

    def __enter__(self) -> Self:
        """Open it."""
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it. What ends the program is written first."""
        if isinstance(error, Exception):
            self._leave_stderr()  # Python itself tells it there.
            logging.getLogger(__name__).error("The program ends by an error", exc_info=error)
        self.close()

    def open(self) -> None:
        """Write from now on; traces that the last run left behind are put aside."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._put_last_fault_aside()
            self._open_faults()
            self._open_log()
        except OSError as error:
            self.close()
            text = translate(
                "ErrorLog", "Errors are not written to a file: {folder} cannot be used ({reason}); the program goes on"
            )
            self.notices.append(text.format(folder=self._folder, reason=error.strerror or error))

    def close(self) -> None:
        """Write no more. The run has ended in order, so no traces of it are kept."""
        self._leave_stderr()
        logging.getLogger(EVENTS_LOGGER).setLevel(logging.NOTSET)
        if self._file is not None:
            logging.getLogger().removeHandler(self._file)
            self._file.close()
            self._file = None
        if self._faults is None:
            return
        faulthandler.disable()
        if self._stderr_had_faults and sys.__stderr__ is not None:
            faulthandler.enable(sys.__stderr__)
        # Windows also notes what a library provoked and survived: not what ended a run.
        self._faults.truncate(0)
        self._faults.close()
        self._faults = None

    def _open_log(self) -> None:
        root = logging.getLogger()
        self._file = _QuietFile(
            self._folder / LOG_NAME, maxBytes=_LOG_BYTES, backupCount=_OLDER_LOGS, encoding="utf-8", errors="replace"
        )
        self._file.setFormatter(_PrivateFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        # Where there is any handler, Python's logging no longer writes to stderr by itself; people look there, too.
        if not root.handlers and logging.lastResort is not None:
            self._stderr = logging.lastResort
            root.addHandler(self._stderr)
        root.addHandler(self._file)
        log = logging.getLogger(__name__)
        log.setLevel(logging.INFO)
        logging.getLogger(EVENTS_LOGGER).setLevel(logging.INFO)
        log.info("Opuscope %s starts, process %d", package_version("opuscope"), os.getpid())

    def _leave_stderr(self) -> None:
        if self._stderr is not None:
            logging.getLogger().removeHandler(self._stderr)
            self._stderr = None

    def _open_faults(self) -> None:
        # Appending: another window of this program may be writing to the same file.
        self._faults = (self._folder / FAULT_NAME).open("a", encoding="utf-8")
        self._stderr_had_faults = faulthandler.is_enabled()
        faulthandler.enable(self._faults)

    def _put_last_fault_aside(self) -> None:
        """Keep what the last run left under a name that says when it was."""
        left = self._folder / FAULT_NAME
        if not left.exists() or left.stat().st_size == 0:
            return
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(left.stat().st_mtime))
        kept = self._folder / f"fault-{stamp}.log"
        left.replace(kept)
        for old in _kept_faults(self._folder)[:-FAULTS_KEPT]:
            old.unlink(missing_ok=True)
        text = translate(
            "ErrorLog",
            "The last run ended with a fault in C code; its traces are in {file};"
            " Help > Copy diagnostics copies them together with what else a report needs",
        )
        self.notices.append(text.format(file=kept))


class _QuietFile(RotatingFileHandler):
    """A disk that is full later on is no reason for tracebacks about logging."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging gave it
        """Go on without this line."""


class _PrivateFormatter(logging.Formatter):
    """Logs are sent around: addresses lose their queries, paths the user's name."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback if there is one."""
        return without_private(super().format(record), home=home_folder())


def _kept_faults(folder: Path) -> list[Path]:
    """Oldest first: their names are their times."""
    return sorted(folder.glob(_KEPT_FAULTS))
