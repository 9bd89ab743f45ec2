"""Every change with what it did: latency, underruns and concealment before and after."""

from __future__ import annotations

import time
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QWidget

from core.monitor.changes import Change, ChangeBook
from gui.translation import translate
from gui.view_models.changes import ChangeRow, change_row
from gui.widgets.line_table import LineTable

Index = QModelIndex | QPersistentModelIndex

_NUMBER, _TIME, _TEXT = range(3)
_COLUMNS: Final = 6


class ChangeModel(QAbstractTableModel):
    """Reads from a `ChangeBook`."""

    def __init__(self, book: ChangeBook, parent: QWidget | None = None) -> None:
        """Nothing has changed yet."""
        super().__init__(parent)
        self._book = book
        self._changes: tuple[Change, ...] = ()
        self._rows: list[ChangeRow] = []

    def take(self) -> None:
        """Bring the rows up to date; those that are complete stay as they are."""
        changes = self._book.changes
        if changes == self._changes:
            return
        before, first_before = len(self._changes), self._changes[:1]
        if first_before and changes[0].number != first_before[0].number:
            # The oldest were forgotten, so every row has another place.
            self.beginResetModel()
            self._set(changes)
            self.endResetModel()
            return
        if len(changes) > before:
            self.beginInsertRows(QModelIndex(), before, len(changes) - 1)
            self._set(changes)
            self.endInsertRows()
        else:
            self._set(changes)
        self.dataChanged.emit(self.index(0, 0), self.index(len(changes) - 1, _COLUMNS - 1))

    def at_s(self, row: int) -> float:
        """Monotonic time of a row's change."""
        return self._changes[row].event.at_ns / 1e9

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """How many changes."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """Number, time, change, three figures."""
        return 0 if parent.isValid() else _COLUMNS

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a view asks for."""
        change, row = self._changes[index.row()], self._rows[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            # A long line is cut in its cell.
            return f"{row.text}\n{row.explanation}"
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        clock = time.strftime("%H:%M:%S", time.localtime(change.event.wall_time_s))
        return (str(change.number), clock, row.text, row.latency, row.underruns, row.concealed)[index.column()]

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' names."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        return (
            translate("Changes", "No."),
            translate("Changes", "Time"),
            translate("Changes", "Change"),
            translate("Changes", "Latency, ms"),
            translate("Changes", "Underruns/min"),
            translate("Changes", "Concealed"),
        )[section]

    def _set(self, changes: tuple[Change, ...]) -> None:
        known = dict(zip(self._changes, self._rows, strict=True))
        self._rows = [known.get(change) or change_row(change) for change in changes]
        self._changes = changes


class ChangeTable(LineTable):
    """The changes, newest at the bottom; a double click, or Enter, shows its moment in the plots."""

    moment_wanted = Signal(float)
    """Monotonic time in seconds."""

    def __init__(self, book: ChangeBook, parent: QWidget | None = None) -> None:
        """Read from ``book``."""
        self.changes = ChangeModel(book)
        super().__init__(self.changes, translate("Changes", "Changes"), parent)
        self.changes.setParent(self)
        self.horizontalHeader().setSectionResizeMode(_TEXT, QHeaderView.ResizeMode.Stretch)
        widest = {_NUMBER: "No. 99", _TIME: "00:00:00", 3: "100.0 → 100.0", 4: "Underruns/min", 5: "10.00 → 10.00 %"}
        self.set_widths(widest)
        self.activated.connect(lambda index: self.moment_wanted.emit(self.changes.at_s(index.row())))
