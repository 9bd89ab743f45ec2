"""One question and its answer: is a buffer of so many milliseconds enough for this server?"""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from gui.view_models.verdict import VerdictView
from gui.widgets.labels import ElidedLabel, TextLabel, describe
from gui.widgets.number_box import NumberBox


class VerdictBar(QFrame):
    """Asks for one depth and says what it is told."""

    depth_changed = Signal(float)
    """Milliseconds."""
    anew_wanted = Signal()
    """What was seen so far shall not count any more."""

    def __init__(self, least_ms: float, most_ms: float, parent: QWidget | None = None) -> None:
        """Without an answer."""
        super().__init__(parent)
        self.setObjectName("card")
        self.buffer = NumberBox(least_ms, most_ms, 10.0, self.tr(" ms"))
        describe(
            self.buffer,
            self.tr("Buffer in question, in milliseconds"),
            self.tr("The answer is for a fixed buffer of so many milliseconds; what plays is not changed by it"),
        )
        question = TextLabel(self.tr("enou&gh for this server?"), "heading")
        question.setTextFormat(Qt.TextFormat.AutoText)
        question.setBuddy(self.buffer)
        self.buffer.valueChanged.connect(self.depth_changed)
        self.word = TextLabel("", "muted")
        self.word.setAccessibleName(self.tr("Verdict"))
        self.sentence = ElidedLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 12, 5)
        row.setSpacing(8)
        for widget in (TextLabel(self.tr("Is a buffer of"), "heading"), self.buffer, question, self.word):
            row.addWidget(widget)
        row.addWidget(self.sentence, 1)
        self.anew = QToolButton()
        self.anew.setText(self.tr("Start over"))
        self.anew.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(self.anew, self.tr("Judge anew"), self.tr("Forget what was seen so far"))
        self.anew.clicked.connect(self.anew_wanted)
        row.addWidget(self.anew)

    def set_depth(self, depth_ms: float) -> None:
        """Ask about another depth; emits nothing."""
        with QSignalBlocker(self.buffer):
            self.buffer.setValue(depth_ms)

    def show_verdict(self, view: VerdictView) -> None:
        """Say it."""
        self.word.show_text(view.word)
        self.word.show_role(view.role)
        self.sentence.show_text(view.sentence)
        self.word.setVisible(bool(view.word))
