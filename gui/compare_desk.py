"""Comparing two captures: which ones, looked through aside, and shown in a window of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import Capture, open_capture
from core.recording.overview import Overview, overview_of
from gui.job_queue import Job, JobQueue
from gui.replay_desk import ReplayDesk, capture_kinds
from gui.theme import Theme

if TYPE_CHECKING:
    from gui.widgets.compare_window import CompareWindow


class CompareDesk(QObject):
    """Between the files and the window that shows two of them."""

    def __init__(
        self,
        replays: ReplayDesk,
        theme: Theme,
        complain: Callable[[str], None],
        tell: Callable[[str], None],
        window: QWidget,
    ) -> None:
        """``complain`` and ``tell`` give people one line."""
        super().__init__(window)
        self._replays, self._theme, self._complain, self._tell = replays, theme, complain, tell
        self._window = window
        self._jobs = JobQueue(self)
        self._has_closed = False
        self.shown: CompareWindow | None = None
        """``None`` before the first comparison: its plots take time to make."""

    def ask(self) -> None:
        """Ask which two; where a capture is open, one is enough."""
        title = self._window.tr("Compare two captures: choose both")
        if self._replays.capture is not None:
            title = self._window.tr("Compare {0} with").format(self._replays.capture.path.name)
        dialog = QFileDialog(self._window, title, "", capture_kinds())
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self.choose([Path(name) for name in names]))
        dialog.open()

    def choose(self, paths: list[Path]) -> None:
        """Two files, or one beside the capture that is open. Anything else is refused in one line."""
        present = self._replays.capture
        if len(paths) == 1 and present is not None:
            self.compare(present, paths[0])
        elif len(paths) == 2:
            self.compare(paths[0], paths[1])
        elif len(paths) == 1:
            self._complain(self._window.tr("One capture cannot be compared; choose two, or open the other one first"))
        else:
            self._complain(self._window.tr("{0} captures cannot be compared; choose two").format(len(paths)))

    def compare(self, first: Capture | Path, second: Capture | Path) -> None:
        """Look through both, aside, and show them; one that is no good is told, and all stays as it is."""
        self._tell(self._window.tr("Looking through both captures…"))
        self._jobs.add(Job(lambda: (_overview(first), _overview(second)), lambda both: self._show(*both), self._refuse))

    def close(self) -> None:
        """The window has gone, and what belongs to it goes, too."""
        self._has_closed = True
        if self.shown is not None:
            self.shown.close()

    def _show(self, first: Overview, second: Overview) -> None:
        if self._has_closed:
            return
        if self.shown is None:
            from gui.widgets.compare_window import CompareWindow

            self.shown = CompareWindow(self._theme, self._window)
            self.shown.moment_wanted.connect(self._replays.play_from)
        self.shown.compare(first, second)
        self.shown.show()
        self.shown.raise_()
        self.shown.activateWindow()

    def _refuse(self, error: BaseException) -> None:
        if not isinstance(error, CaptureError):
            raise error
        self._complain(str(error))


def _overview(given: Capture | Path) -> Overview:
    return overview_of(open_capture(given) if isinstance(given, Path) else given)
