"""A table of lines that come one after the other, as a log: one line high, as wide as the panel, at its newest line."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

_LEAST_LINE_PX = 16
_BETWEEN_LINES_PX = 4
_COLUMN_ROOM_PX = 24


class LineTable(QTableView):
    """Follows the newest line unless the user has scrolled up."""

    def __init__(self, model: QAbstractItemModel, name: str, parent: QWidget | None = None) -> None:
        """Show ``model``; ``name`` is what a screen reader says."""
        super().__init__(parent)
        self._is_following = True
        self.setModel(model)
        self.setAccessibleName(name)
        lines = self.verticalHeader()
        lines.hide()
        lines.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        lines.setMinimumSectionSize(_LEAST_LINE_PX)
        lines.setDefaultSectionSize(self.fontMetrics().height() + _BETWEEN_LINES_PX)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Not only new lines move the end: so do a smaller window and a filter.
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._on_range_changed)

    def set_widths(self, widest: Mapping[int, str]) -> None:
        """As wide as the widest text of each column, and a bit more."""
        for column, text in widest.items():
            self.setColumnWidth(column, self.fontMetrics().horizontalAdvance(text) + _COLUMN_ROOM_PX)

    def _on_scrolled(self, value: int) -> None:
        self._is_following = value == self.verticalScrollBar().maximum()

    def _on_range_changed(self, _low: int, high: int) -> None:
        if self._is_following:
            self.verticalScrollBar().setValue(high)
