"""The one line for problems. A new one replaces the old one; there are no boxes."""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from gui.view_models.text import sentence
from gui.widgets.labels import TextLabel, TwoLineLabel, describe


class BannerLevel(Enum):
    """How bad it is: each has a shape and a colour."""

    INFO = "info"
    WARNING = "warning"
    BAD = "bad"


_SHAPES: Final = {BannerLevel.INFO: "ℹ", BannerLevel.WARNING: "▲", BannerLevel.BAD: "✕"}


INFO_FOR_MS: Final = 6_000
"""Who was told that something worked has read it by then; what stood there before is of more use."""


class Banner(QFrame):
    """Hidden while there is nothing to say, and of the same height whatever it says.

    ``topic`` lets whoever put a line up take it down again.
    """

    leaving = Signal()
    """It is about to be hidden, and still has the focus if it had it."""
    expired = Signal()
    """What was merely told has left by itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Hidden."""
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAccessibleName(self.tr("Problem"))
        self._topic = ""
        self._shape = TextLabel()
        self._label = TwoLineLabel()
        self.dismiss_button = QToolButton()
        self.dismiss_button.setText("✕")
        describe(self.dismiss_button, self.tr("Dismiss"), self.tr("Take this message away (Esc)"))
        self.dismiss_button.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 1, 6, 1)
        row.setSpacing(10)
        row.addWidget(self._shape)
        row.addWidget(self._label, 1)
        row.addWidget(self.dismiss_button)
        self._expiry = QTimer(self)
        self._expiry.setSingleShot(True)
        self._expiry.setInterval(INFO_FOR_MS)
        self._expiry.timeout.connect(self._expire)
        self.hide()

    @property
    def text(self) -> str:
        """What it says; empty while hidden."""
        return self._label.text() if not self.isHidden() else ""

    @property
    def topic(self) -> str:
        """What the line is about, or was before it was taken away."""
        return self._topic

    def show_problem(self, topic: str, level: BannerLevel, text: str) -> None:
        """Say ``text`` instead of whatever it says."""
        self._topic = topic
        self._shape.show_text(_SHAPES[level])
        self._label.show_text(sentence(text))
        self.setAccessibleDescription(text)
        if self.property("level") != level.value:
            self.setProperty("level", level.value)
            self.style().unpolish(self)
            self.style().polish(self)
        if level is BannerLevel.INFO:
            self._expiry.start()
        else:
            self._expiry.stop()
        self.show()

    def dismiss(self) -> None:
        """Say nothing."""
        self._expiry.stop()
        if not self.isHidden():
            self.leaving.emit()
            self.hide()

    def clear(self, topic: str) -> None:
        """Say nothing, if what it says is about ``topic``."""
        if topic == self._topic:
            self.dismiss()

    def _expire(self) -> None:
        self.dismiss()
        self.expired.emit()
