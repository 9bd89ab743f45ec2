"""The one line for problems. A new one replaces the old one; there are no boxes."""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from gui.view_models.text import sentence
from gui.widgets.labels import TextLabel, describe


class BannerLevel(Enum):
    """How bad it is: each has a shape and a colour."""

    INFO = "info"
    WARNING = "warning"
    BAD = "bad"


_SHAPES: Final = {BannerLevel.INFO: "ℹ", BannerLevel.WARNING: "▲", BannerLevel.BAD: "✕"}


_LINES: Final = 2
"""So much of a long text can be read at once; the tooltip has all of it."""


class _Message(TextLabel):
    """A text on as many lines as there is room for, which asks for no more room."""

    def __init__(self) -> None:
        """Empty."""
        super().__init__()
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """No: a long text must not move what stands below."""
        return False

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Always the same."""
        return QSize(0, _LINES * self.fontMetrics().lineSpacing())


class Banner(QFrame):
    """Hidden while there is nothing to say, and of the same height whatever it says.

    ``topic`` lets whoever put a line up take it down again.
    """

    leaving = Signal()
    """It is about to be hidden, and still has the focus if it had it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Hidden."""
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAccessibleName(self.tr("Problem"))
        self._topic = ""
        self._shape = TextLabel()
        self._label = _Message()
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
        self._label.setToolTip(sentence(text))
        self.setAccessibleDescription(text)
        if self.property("level") != level.value:
            self.setProperty("level", level.value)
            self.style().unpolish(self)
            self.style().polish(self)
        self.show()

    def dismiss(self) -> None:
        """Say nothing."""
        if not self.isHidden():
            self.leaving.emit()
            self.hide()

    def clear(self, topic: str) -> None:
        """Say nothing, if what it says is about ``topic``."""
        if topic == self._topic:
            self.dismiss()
