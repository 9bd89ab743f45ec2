"""A spin box for settings: as many digits as the value has, and a typed number counts when it is complete."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QLocale, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QWidget

_MOST_DIGITS: Final = 12
"""Who types more than that has put something on the keyboard."""


class NumberBox(QDoubleSpinBox):
    """Numbers with at most one digit behind the point.

    A number out of bounds can be typed; it is not taken, and `refused` tells why.
    """

    refused = Signal(str)
    """One line for people; the value has stayed as it was."""

    def __init__(self, low: float, high: float, step: float, suffix: str, parent: QWidget | None = None) -> None:
        """``suffix`` is the unit, with the space before it."""
        super().__init__(parent)
        locale = self.locale()
        locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
        self.setLocale(locale)
        self.setDecimals(1)
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setSuffix(suffix)
        # Else typing 120 would set 1, 12 and 120, and the first two would be heard.
        self.setKeyboardTracking(False)
        # What is complete is not being edited any more: the next Ctrl+Z is about the value.
        self.editingFinished.connect(lambda: self.lineEdit().setModified(False))

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        """``60``, not ``60.0``."""
        return self.locale().toString(value, "f", 0 if value == round(value) else 1)

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        """Let numbers out of bounds be typed: a key that does nothing would not tell what is wrong."""
        state, shown, at = super().validate(text, pos)
        if state is QValidator.State.Invalid and self._out_of_bounds(text) is not None:
            state = QValidator.State.Intermediate
        return state, shown, at

    def fixup(self, text: str) -> str:
        """Called when what was typed is complete and cannot be taken; Qt then puts the old value back."""
        if (number := self._out_of_bounds(text)) is not None:
            low, high = self.textFromValue(self.minimum()), self.textFromValue(self.maximum())
            self.refused.emit(
                self.tr("{name}: {number}{unit} is not possible; accepted: {low} to {high}{unit}").format(
                    name=self.accessibleName(),
                    number=self.textFromValue(number),
                    unit=self.suffix(),
                    low=low,
                    high=high,
                )
            )
        return text

    def event(self, event: QEvent) -> bool:
        """Leave Ctrl+Z to the window unless there is something in the line to be taken back."""
        is_early = event.type() == QEvent.Type.ShortcutOverride
        is_undo = isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Undo)
        if is_early and is_undo and not self.lineEdit().isModified():
            event.ignore()
            return True
        return super().event(event)

    def _out_of_bounds(self, text: str) -> float | None:
        """The number in ``text`` if it is one, but too small or too large."""
        digits = text.removesuffix(self.suffix()).strip()
        # A letter may belong to a number, too: 1e5.
        if len(digits) > _MOST_DIGITS or any(letter.isalpha() for letter in digits):
            return None
        number, is_number = self.locale().toDouble(digits)
        return number if is_number and not self.minimum() <= number <= self.maximum() else None
