"""Record: asks where to, and tells the session; shows for how long, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from core.receiver.recordings import summary
from core.receiver.status import SessionSnapshot
from core.recording.status import RecordingError, RecordingStatus
from gui.session_owner import SessionOwner
from gui.view_models.recording import default_name, recording_view
from gui.widgets.listen_panel import ListenPanel

Say = Callable[[str], None]


class RecordDesk(QObject):
    """One recording at a time. Why one ended by itself stands in the event log, and so in the banner."""

    def __init__(self, panel: ListenPanel, owner: SessionOwner, window: QWidget, complain: Say, tell: Say) -> None:
        """``complain`` and ``tell`` are for what did not work, and for what did."""
        super().__init__(window)
        self._panel, self._owner, self._window = panel, owner, window
        self._complain, self._tell = complain, tell
        self._action: QAction | None = None
        self._dialog: QFileDialog | None = None
        self._folder: Path | None = None
        self._shown: RecordingStatus | None = None
        panel.record_wanted.connect(self.toggle)

    def offer(self, action: QAction) -> None:
        """Keep a menu's action like the button."""
        self._action = action
        self.show_facts(self._owner.snapshot())

    def toggle(self) -> None:
        """End the recording, or ask where to and begin one."""
        session = self._owner.session
        if session is None:
            return
        if self._running(session.snapshot()) is not None:
            session.stop_recording()
            self.show_facts(session.snapshot())
        elif self._dialog is None:
            self._ask()

    def begin(self, path: Path) -> None:
        """Record to ``path``; whoever was asked has agreed that a file there is replaced."""
        session = self._owner.session
        if session is None:
            self._complain(self.tr("There is nothing to record any more; connect first"))
            return
        try:
            session.start_recording(path, is_forced=True)
        except RecordingError as error:
            self._complain(str(error))
            return
        self._folder = path.parent
        self.show_facts(session.snapshot())

    def show_facts(self, snapshot: SessionSnapshot | None) -> None:
        """Bring button and menu up to date; tell how a recording ended."""
        running = self._running(snapshot)
        view = recording_view(running, self._owner.is_running)
        self._panel.show_recording(view)
        if self._action is not None:
            self._action.setText(self.tr("End the &recording") if running else self.tr("&Record…"))
            self._action.setEnabled(view.is_possible)
        if running is None and self._shown is not None and snapshot is not None:
            for ended in snapshot.recordings:
                if ended.problem is None and ended.path == self._shown.path:
                    self._tell(self.tr("Recorded {0}").format(summary(ended)))
        self._shown = running

    def _running(self, snapshot: SessionSnapshot | None) -> RecordingStatus | None:
        if snapshot is None or not self._owner.is_running:
            return None
        return next((each for each in snapshot.recordings if each.is_running), None)

    def _ask(self) -> None:
        kinds = {
            self.tr("The packets as received (*.opus)"): "opus",
            self.tr("The sound as played (*.flac)"): "flac",
            self.tr("The sound as played, uncompressed (*.wav)"): "wav",
        }
        moment = time.strftime("%Y%m%d-%H%M%S")
        place = self._folder or music_folder()
        name = str(place / default_name(self._owner.url, moment))
        dialog = QFileDialog(self._window, self.tr("Record to"), name, ";;".join(kinds))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("opus")
        dialog.filterSelected.connect(lambda kind: dialog.setDefaultSuffix(kinds[kind]))
        dialog.fileSelected.connect(lambda chosen: self.begin(Path(chosen)))
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.open()

    def _forget_dialog(self) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.deleteLater()


def music_folder() -> Path:
    """The user's, or where there is none the home folder."""
    named = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
    return Path(named) if named and Path(named).is_dir() else Path.home()
