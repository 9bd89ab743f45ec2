"""What a plot says while it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from gui.plots.measures import LEFT_AXIS_PX, RIGHT_MARGIN_PX


class EmptyState(QLabel):
    """A sentence in the middle of a plot without data; hidden while there is nothing to say."""

    def __init__(self, plot: QWidget) -> None:
        """Stands in ``plot``; call `centre` when that is resized."""
        super().__init__(plot)
        self._plot = plot
        self.setObjectName("emptyState")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def say(self, text: str) -> None:
        """Show ``text``; an empty text hides it."""
        if text != self.text():
            self.setText(text)
            self.centre()
        self.setVisible(bool(text))

    def centre(self) -> None:
        """Stand in the middle between the axes' margins."""
        self.adjustSize()
        area = self._plot.rect().adjusted(LEFT_AXIS_PX, 0, 0, -RIGHT_MARGIN_PX)
        self.move(area.center() - self.rect().center())
