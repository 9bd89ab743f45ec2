"""The one line for problems. A new one replaces the old one; there are no boxes."""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from gui.view_models.text import sentence
from gui.widgets.labels import TextLabel, describe


class BannerLevel(Enum):
    """How bad it is: each has a shape and a colour."""

    INFO = "info"
    WARNING = "warning"
    BAD = "bad"


_SHAPES: Final = {BannerLevel.INFO: "ℹ", BannerLevel.WARNING: "▲", BannerLevel.BAD: "✕"}


class Banner(QFrame):
    """Hidden while there is nothing to say. ``topic`` lets whoever put a line up take it down again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Hidden."""
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAccessibleName(self.tr("Problem"))
        self._topic = ""
        self._shape = TextLabel()
        self._label = TextLabel()
        self._label.setWordWrap(True)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.dismiss_button = QToolButton()
        self.dismiss_button.setText("✕")
        describe(self.dismiss_button, self.tr("Dismiss"), self.tr("Take this message away (Esc)"))
        self.dismiss_button.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(10)
        row.addWidget(self._shape)
        row.addWidget(self._label, 1)
        row.addWidget(self.dismiss_button)
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
        self.show()

    def dismiss(self) -> None:
        """Say nothing."""
        self.hide()

    def clear(self, topic: str) -> None:
        """Say nothing, if what it says is about ``topic``."""
        if topic == self._topic:
            self.hide()
