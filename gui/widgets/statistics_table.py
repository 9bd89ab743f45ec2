"""Know: the statistics as a table whose cells change only when their text does."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from gui.theme import Theme
from gui.view_models.rows import Row, RowKind

_ABOVE_HEADING_PX: Final = 6
Index = QModelIndex | QPersistentModelIndex


class StatisticsModel(QAbstractTableModel):
    """Rows of name and value."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """No rows yet."""
        super().__init__(parent)
        self._rows: list[Row] = []
        self._theme = theme
        self._heading_font = QFont()
        self._heading_font.setWeight(QFont.Weight.DemiBold)

    def show_rows(self, rows: list[Row]) -> None:
        """Replace the rows; where only texts differ, only those cells are told to be changed."""
        if [row.name for row in rows] != [row.name for row in self._rows]:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        old, self._rows = self._rows, rows
        for at, (before, after) in enumerate(zip(old, rows, strict=True)):
            if before != after:
                self.dataChanged.emit(self.index(at, 1), self.index(at, 1))

    def row(self, at: int) -> Row:
        """The row at a position."""
        return self._rows[at]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """How many rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """Name and value."""
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a view asks for."""
        row = self._rows[index.row()]
        is_value = index.column() == 1
        if role == Qt.ItemDataRole.DisplayRole:
            if not is_value:
                return row.name
            return f"▲ {row.value}" if row.kind is RowKind.ATTENTION else row.value
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.meaning
        if role == Qt.ItemDataRole.TextAlignmentRole and is_value:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.TextAlignmentRole and row.kind is RowKind.HEADING:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
        if role == Qt.ItemDataRole.FontRole and row.kind is RowKind.HEADING:
            return self._heading_font
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._color(row, is_value))
        return None

    def _color(self, row: Row, is_value: bool) -> str:
        colors = self._theme.colors
        if row.kind is RowKind.ATTENTION and is_value:
            return colors.warning
        return colors.text if is_value or row.kind is RowKind.HEADING else colors.muted


class StatisticsTable(QTableView):
    """The table as it stands in the window."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """No rows yet."""
        super().__init__(parent)
        self.model_ = StatisticsModel(theme, self)
        self.setModel(self.model_)
        self.setAccessibleName(self.tr("Statistics"))
        self.horizontalHeader().hide()
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(16)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 4)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        theme.changed.connect(self.viewport().update)

    def show_rows(self, rows: list[Row]) -> None:
        """Bring the table up to date."""
        had_rows = self.model_.rowCount()
        self.model_.show_rows(rows)
        if self.model_.rowCount() != had_rows:
            # Once, not ResizeToContents: that measures every cell again whenever one changes (40 ms).
            self.resizeColumnToContents(0)
            height = self.verticalHeader().defaultSectionSize()
            for at, row in enumerate(rows):
                self.setRowHeight(at, height + _ABOVE_HEADING_PX if row.kind is RowKind.HEADING and at else height)
