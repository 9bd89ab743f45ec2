"""Small building blocks: labels that only change when their text does, cards, legend entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget


class TextLabel(QLabel):
    """A plain-text label with a colour role of the theme; setting what it shows already costs nothing."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        """``role`` is one of the ``role`` properties that `gui.theme.style_sheet` colours, or empty."""
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)

    def show_text(self, text: str) -> None:
        """Change the text, if it is another one."""
        if text != self.text():
            self.setText(text)

    def show_role(self, role: str) -> None:
        """Change the colour role, if it is another one."""
        if role != self.property("role"):
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)


class ElidedLabel(TextLabel):
    """One line that may be too long: it ends in an ellipsis, and the tooltip has all of it."""

    def __init__(self, role: str = "", parent: QWidget | None = None) -> None:
        """An empty line."""
        super().__init__("", role, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._full_text = ""

    @property
    def full_text(self) -> str:
        """The line without ellipsis."""
        return self._full_text

    def show_text(self, text: str) -> None:
        """Change the text, if it is another one."""
        if text != self._full_text:
            self._full_text = text
            self.setToolTip(text)
            # What is painted is cut, what is read out is not.
            self.setAccessibleName(text)
            self._elide()

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Cut the text anew."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._elide()

    def _elide(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._full_text, Qt.TextElideMode.ElideRight, self.width()))


class TwoLineLabel(TextLabel):
    """A text on as many lines as there is room for, two at least, which asks for no more; the tooltip has all of it."""

    _LINES = 2

    def __init__(self, role: str = "", parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__("", role, parent)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        """Change the text, if it is another one."""
        self.setToolTip(text)
        super().show_text(text)

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """No: a long text must not move what stands below."""
        return False

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Always the same."""
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Always the same."""
        return QSize(0, self._LINES * self.fontMetrics().lineSpacing())


class ShrinkingLabel(TextLabel):
    """One line as wide as its text where there is room, and cut with an ellipsis where there is not.

    `text` stays whole, for screen readers too; the tooltip has all of it.
    """

    _LEAST_WIDTH_PX = 40

    def show_text(self, text: str) -> None:
        """Change the text, if it is another one."""
        if text != self.text():
            self.setToolTip(text)
        super().show_text(text)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A long text must not make what it stands in wider."""
        wanted = super().minimumSizeHint()
        return QSize(min(wanted.width(), self._LEAST_WIDTH_PX), wanted.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """All of the text, or its beginning."""
        if self.fontMetrics().horizontalAdvance(self.text()) <= self.width():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            self.palette(),
            self.isEnabled(),
            self.shown_text,
            self.foregroundRole(),
        )
        painter.end()

    @property
    def shown_text(self) -> str:
        """What there is room for."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())


class LegendEntry(QWidget):
    """A square in a data colour, what it stands for, and its present value."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """``name`` is what the colour stands for."""
        super().__init__(parent)
        self._name = name
        self._swatch = QFrame()
        self._swatch.setFixedSize(11, 11)
        self.label = TextLabel(name, "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._swatch)
        row.addWidget(self.label)

    def set_color(self, color: str) -> None:
        """Show another colour."""
        self._swatch.setStyleSheet(f"background: {color}; border-radius: 2px;")

    def show_value(self, value: str) -> None:
        """Write ``value`` behind the name; an empty one leaves the name alone."""
        self.label.show_text(f"{self._name} {value}".rstrip())


class LegendRow(QWidget):
    """Entries side by side; those that are not wanted, or for which there is no room, are hidden."""

    _GAP_PX = 14

    def __init__(self, entries: Sequence[QWidget], parent: QWidget | None = None) -> None:
        """Takes ``entries`` in, from left to right."""
        super().__init__(parent)
        self._entries = entries
        self._unwanted: frozenset[QWidget] = frozenset()
        for entry in entries:
            entry.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def leave_out(self, unwanted: Iterable[QWidget]) -> None:
        """Hide these: what they stand for is not there to see."""
        if (left_out := frozenset(unwanted)) != self._unwanted:
            self._unwanted = left_out
            self._place()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the highest entry; any width will do."""
        return QSize(0, max((entry.sizeHint().height() for entry in self._entries), default=0))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Place what fits."""
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent) -> bool:
        """An entry whose text has changed needs another width."""
        if event.type() is QEvent.Type.LayoutRequest:
            self._place()
        return super().event(event)

    def _place(self) -> None:
        left_px = 0
        for entry in self._entries:
            if entry in self._unwanted:
                entry.hide()
                continue
            width = entry.sizeHint().width()
            fits = left_px + width <= self.width()
            entry.setGeometry(left_px, 0, width, self.height())
            # Where one is left out, none after it stands in its place.
            left_px = left_px + width + self._GAP_PX if fits else self.width() + 1
            entry.setVisible(fits)


def make_card(parent: QWidget | None = None) -> QFrame:
    """A framed surface for things that belong together."""
    card = QFrame(parent)
    card.setObjectName("card")
    return card


def describe(widget: QWidget, name: str, tooltip: str) -> None:
    """Give a control what a screen reader says and what the mouse pointer finds."""
    widget.setAccessibleName(name)
    widget.setAccessibleDescription(tooltip)
    widget.setToolTip(tooltip)
