"""What the guided demo says, how far it is, and the way out of it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from gui.widgets.labels import TextLabel, describe


class CaptionBar(QFrame):
    """Hidden while no demo runs."""

    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Hidden."""
        super().__init__(parent)
        self.setObjectName("banner")
        self.setProperty("level", "info")
        self.setAccessibleName(self.tr("Guided demo"))
        self._step = TextLabel("", "heading")
        self.caption = TextLabel()
        self.caption.setWordWrap(True)
        # A caption of two lines shall not move all plots below it.
        self.caption.setMinimumHeight(2 * self.caption.fontMetrics().lineSpacing())
        self.caption.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.stop = QPushButton()
        describe(self.stop, self.tr("Stop the demo"), self.tr("End the guided demo; your own settings come back"))
        self.stop.clicked.connect(self._on_stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(12)
        row.addWidget(self._step)
        row.addWidget(self.caption, 1)
        row.addWidget(self.stop)
        self.hide()

    def show_waiting(self) -> None:
        """Stand there before there is sound: to make room for it later would hold up the sound."""
        self._step.show_text(self.tr("Demo"))
        text = self.tr("The guided demo begins with the first sound.")
        self._show(text, self.tr("Stop the demo"), self.tr("Go without it"))

    def show_caption(self, text: str, step: int, steps: int) -> None:
        """Say ``text`` at a step of the demo."""
        self._step.show_text(self.tr("Demo {0}/{1}").format(step, steps))
        self._show(text, self.tr("Stop the demo"), self.tr("End the guided demo; your own settings come back"))

    def show_end(self, text: str) -> None:
        """Say ``text`` until it is dismissed; nothing where it is empty."""
        self._step.show_text(self.tr("Demo"))
        if text:
            self._show(text, self.tr("Close"), self.tr("Take this away"))
        else:
            self.hide()

    def _show(self, text: str, button: str, tooltip: str) -> None:
        self.caption.show_text(text)
        self.setAccessibleDescription(text)
        self.stop.setText(button)
        describe(self.stop, button, tooltip)
        self.show()

    def _on_stop(self) -> None:
        self.hide()
        self.stop_wanted.emit()
