"""A spin box for settings: as many digits as the value has, and a typed number counts when it is complete."""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QDoubleSpinBox, QWidget


class NumberBox(QDoubleSpinBox):
    """Numbers with at most one digit behind the point."""

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

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        """``60``, not ``60.0``."""
        return self.locale().toString(value, "f", 0 if value == round(value) else 1)
