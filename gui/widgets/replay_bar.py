"""Where in a capture the replay stands, and the way to elsewhere; out of sight while no capture is open."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSlider, QWidget

from gui.widgets.labels import ElidedLabel, TextLabel, describe

STEPS_PER_S: Final = 10
_PAGE_S: Final = 10


class ReplayBar(QFrame):
    """A position and buttons; it decides nothing."""

    position_wanted = Signal(float)
    """Seconds since the capture's first packet."""
    problem_wanted = Signal(bool)
    """The next problem (True), or the one before."""
    compare_wanted = Signal()
    """This capture beside another one."""
    close_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Hidden."""
        super().__init__(parent)
        self.setObjectName("card")
        self.name = ElidedLabel("heading")
        self.position = QSlider(Qt.Orientation.Horizontal)
        self.position.setSingleStep(STEPS_PER_S)
        self.position.setPageStep(_PAGE_S * STEPS_PER_S)
        describe(
            self.position,
            self.tr("Position in the capture"),
            self.tr("Drag to go elsewhere; arrow keys go by a second, Page Up and Page Down by ten"),
        )
        # While it is dragged nothing jumps: the place where it is let go is what is wanted.
        self.position.setTracking(False)
        self.position.valueChanged.connect(lambda value: self.position_wanted.emit(value / STEPS_PER_S))
        self.time = TextLabel("", "muted")
        self.problem = ElidedLabel("muted")
        self.previous = self._button(
            self.tr("◀ Fault"), self.tr("Previous fault in the capture"), self.tr("Play from the fault before (Ctrl+[)")
        )
        self.previous.clicked.connect(lambda: self.problem_wanted.emit(False))
        self.next = self._button(
            self.tr("Fault ▶"), self.tr("Next fault in the capture"), self.tr("Play from the next fault on (Ctrl+])")
        )
        self.next.clicked.connect(lambda: self.problem_wanted.emit(True))
        self.compare = self._button(
            self.tr("Compare…"),
            self.tr("Compare with another capture"),
            self.tr("Show this capture and another one side by side (Ctrl+Shift+O)"),
        )
        self.compare.clicked.connect(self.compare_wanted)
        self.close_ = self._button(
            self.tr("Close"), self.tr("Close the capture"), self.tr("Stop the replay and hide this bar")
        )
        self.close_.clicked.connect(self.close_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 12, 5)
        row.setSpacing(8)
        row.addWidget(self.name, 1)
        row.addWidget(self.position, 3)
        for widget in (self.time, self.previous, self.next):
            row.addWidget(widget)
        row.addWidget(self.problem, 2)
        row.addWidget(self.compare)
        row.addWidget(self.close_)
        self.hide()

    def show_capture(self, name: str, duration_s: float, problems: int) -> None:
        """Show the bar for another capture."""
        self.name.show_text(name)
        with QSignalBlocker(self.position):
            self.position.setRange(0, max(1, round(duration_s * STEPS_PER_S)))
            self.position.setValue(0)
        for button in (self.previous, self.next):
            button.setEnabled(problems > 0)
        self.problem.show_text(self.tr("faults: {0}").format(problems))
        self.show()

    def show_position(self, position_s: float, duration_s: float) -> None:
        """Follow the replay, unless a hand is on the slider; emits nothing."""
        if not self.position.isSliderDown():
            with QSignalBlocker(self.position):
                self.position.setValue(round(position_s * STEPS_PER_S))
        self.time.show_text(f"{_clock(position_s)} / {_clock(duration_s)}")

    def _button(self, text: str, name: str, tooltip: str) -> QPushButton:
        button = QPushButton(text)
        describe(button, name, tooltip)
        return button


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
