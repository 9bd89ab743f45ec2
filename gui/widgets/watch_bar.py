"""Above the plots: how much time they show, whether they stand still, the way to the next problem, saving."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from gui.view_models.time_window import WINDOWS_S
from gui.widgets.labels import ElidedLabel, TextLabel, describe


class WatchBar(QWidget):
    """Buttons and what they say; it decides nothing."""

    window_chosen = Signal(int)
    """Seconds."""
    freeze_wanted = Signal(bool)
    problem_wanted = Signal(bool)
    """The next problem (True), or the one before."""
    image_wanted = Signal()
    table_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Live, the last minute."""
        super().__init__(parent)
        self.time_shown = QComboBox()
        for seconds in WINDOWS_S:
            text = self.tr("{0} s").format(seconds) if seconds < 120 else self.tr("{0} min").format(seconds // 60)
            self.time_shown.addItem(text, seconds)
        describe(self.time_shown, self.tr("Time shown"), self.tr("How much of the past all plots show (wheel)"))
        self.time_shown.activated.connect(lambda at: self.window_chosen.emit(self.time_shown.itemData(at)))
        label = TextLabel(self.tr("Sho&w"), "heading")
        label.setTextFormat(label.textFormat().AutoText)
        label.setBuddy(self.time_shown)
        self.freeze = QPushButton(self.tr("Freeze"))
        self.freeze.setCheckable(True)
        describe(
            self.freeze,
            self.tr("Freeze"),
            self.tr("Let the plots stand still while recording goes on: then drag, zoom and point (F)"),
        )
        self.freeze.clicked.connect(self.freeze_wanted)
        self.previous = self._button(
            self.tr("◀ Problem"), self.tr("Previous problem"), self.tr("Go to the problem before (Ctrl+Left)")
        )
        self.previous.clicked.connect(lambda: self.problem_wanted.emit(False))
        self.next = self._button(
            self.tr("Problem ▶"), self.tr("Next problem"), self.tr("Go to the problem after (Ctrl+Right)")
        )
        self.next.clicked.connect(lambda: self.problem_wanted.emit(True))
        self.state = ElidedLabel("muted")
        self.image = self._button(
            self.tr("Save PNG…"), self.tr("Save as picture"), self.tr("Write the plots as they stand into a PNG file")
        )
        self.image.clicked.connect(self.image_wanted)
        self.table = self._button(
            self.tr("Save CSV…"), self.tr("Save as table"), self.tr("Write the shown part of all series as CSV")
        )
        self.table.clicked.connect(self.table_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in (label, self.time_shown, self.freeze, self.previous, self.next):
            row.addWidget(widget)
        row.addWidget(self.state, 1)
        row.addWidget(self.image)
        row.addWidget(self.table)

    def show_window(self, seconds: int, is_frozen: bool) -> None:
        """Show what is in force; emits nothing."""
        with QSignalBlocker(self.time_shown), QSignalBlocker(self.freeze):
            self.time_shown.setCurrentIndex(self.time_shown.findData(seconds))
            self.freeze.setChecked(is_frozen)
        self.freeze.setText(self.tr("Frozen") if is_frozen else self.tr("Freeze"))

    def _button(self, text: str, name: str, tooltip: str) -> QPushButton:
        button = QPushButton(text)
        describe(button, name, tooltip)
        return button
