"""Captures in the window: opening one, playing it in place of a connection, going to where something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from core.receiver.options import ListenOptions
from core.receiver.replay import Replay, replay_options
from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import Capture, open_capture
from core.recording.outline import Problem, problems_of
from gui.job_queue import Job, JobQueue
from gui.session_owner import SessionOwner
from gui.translation import translate
from gui.widgets.replay_bar import ReplayBar

_LEAD_S: Final = 2.0
"""Playing begins so long before a problem, so that it is heard and seen coming."""

_SAME_S: Final = 0.5
"""What is so near to where a jump led is the problem that it led to."""

_Opened = tuple[Replay, tuple[Problem, ...]]


class ReplayDesk(QObject):
    """Between the replay bar, the capture and the owner of sessions."""

    starting = Signal()
    """A replay is about to take the place of whatever plays."""

    def __init__(
        self,
        owner: SessionOwner,
        wishes: Callable[[], ListenOptions],
        complain: Callable[[str], None],
        window: QWidget,
    ) -> None:
        """``wishes`` gives what is set in the window, for a session; ``complain`` tells people one line."""
        super().__init__(window)
        self._owner, self._wishes, self._complain, self._window = owner, wishes, complain, window
        self._jobs = JobQueue(self)
        self._replay: Replay | None = None
        self._problems: tuple[Problem, ...] = ()
        self._told_s: float | None = None
        """Where the problem is that was last gone to, while the replay is still on its way there."""
        self._has_closed = False
        self.bar = ReplayBar()
        self.bar.position_wanted.connect(self.go_to)
        self.bar.problem_wanted.connect(self.go_to_problem)
        self.bar.close_wanted.connect(self.close_capture)

    @property
    def is_open(self) -> bool:
        """Whether a capture is in the place of a connection."""
        return self._replay is not None

    @property
    def capture(self) -> Capture | None:
        """The one that is open."""
        return None if self._replay is None else self._replay.capture

    def ask(self) -> None:
        """Ask which capture to open."""
        dialog = QFileDialog(self._window, self._window.tr("Open a capture"), "", capture_kinds())
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.open(Path(name)))
        dialog.open()

    def open(self, path: Path) -> None:
        """Look through a file, aside, and play it; one that is no good is told, and all stays as it is."""
        self._jobs.add(Job(lambda: _opened(path), lambda opened: self._play(*opened), self._refuse))

    def play(self, replay: Replay) -> None:
        """Play a capture that is open already."""
        capture = replay.capture
        self._jobs.add(Job(lambda: problems_of(capture), lambda problems: self._play(replay, problems), self._refuse))

    def play_from(self, capture: Capture, position_s: float) -> None:
        """Play a capture, the open one or another, from there on."""
        if self.capture == capture:
            self.go_to(position_s)
            return
        replay = Replay(capture)
        replay.jump_to(position_s)
        self.play(replay)

    def go_to(self, position_s: float) -> None:
        """Go on from elsewhere; begins anew where the replay is over."""
        if self._replay is None:
            return
        self._told_s = None
        self._replay.jump_to(position_s)
        if self._replay.is_over or not self._owner.is_running:
            self._start()
        self.show_facts()

    def go_to_problem(self, is_next: bool) -> None:
        """Play from shortly before the next problem on, or the one before."""
        if self._replay is None:
            return
        at_s = self._replay.position_s if self._told_s is None else self._told_s
        found = next_problem(self._problems, at_s, is_next=is_next)
        if found is None:
            self._complain(
                self.tr("There is no later fault in the capture")
                if is_next
                else self.tr("There is no earlier fault in the capture")
            )
            return
        self.go_to(max(0.0, found.position_s - _LEAD_S))
        self._told_s = found.position_s
        self.bar.problem.show_text(found.text)

    def close_capture(self) -> None:
        """No capture is open any more."""
        was_replaying = self._replay is not None and self._owner.replay is self._replay
        self._replay, self._problems = None, ()
        self.bar.hide()
        if was_replaying:
            self._owner.stop()

    def close(self) -> None:
        """The window has gone: nothing that is still being looked through shall be played."""
        self._has_closed = True

    def show_facts(self) -> None:
        """Bring the bar up to date; a connection that was made meanwhile puts the capture away."""
        if self._replay is None:
            return
        if self._owner.is_running and self._owner.replay is not self._replay:
            self.close_capture()
            return
        position_s = self._replay.position_s
        if self._told_s is not None and not self._replay.is_jumping and position_s > self._told_s + _SAME_S:
            self._told_s = None
        if self._owner.is_running:
            self.bar.show_position(position_s, self._replay.capture.duration_s)

    def _play(self, replay: Replay, problems: tuple[Problem, ...]) -> None:
        if self._has_closed:
            return
        self._replay, self._problems, self._told_s = replay, problems, None
        capture = replay.capture
        self.bar.show_capture(capture.path.name, capture.duration_s, len(problems))
        self._start()
        if capture.notice is not None:
            self._complain(capture.notice)

    def _start(self) -> None:
        if self._replay is not None:
            self.starting.emit()
            self._owner.start(replay_options(self._wishes(), self._replay))

    def _refuse(self, error: BaseException) -> None:
        if not isinstance(error, CaptureError):
            raise error
        self._complain(str(error))


def capture_kinds() -> str:
    """What a file dialog offers to be opened."""
    return translate("Replay", "Captures (*.pcapng *.pcap *.cap *.rtpdump *.rtp);;All files (*)")


def next_problem(problems: tuple[Problem, ...], at_s: float, *, is_next: bool) -> Problem | None:
    """The first problem after a position, or the last one before it; ``None`` if there is none."""
    if is_next:
        return next((each for each in problems if each.position_s > at_s + _SAME_S), None)
    return next((each for each in reversed(problems) if each.position_s < at_s - _SAME_S), None)


def _opened(path: Path) -> _Opened:
    capture = open_capture(path)
    return Replay(capture), problems_of(capture)
