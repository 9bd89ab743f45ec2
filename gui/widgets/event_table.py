"""Know: the event log, newest line at the bottom."""

from __future__ import annotations

import time
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from core.monitor.events import Event, EventLog, Level
from gui.theme import Theme
from gui.translation import translate

Index = QModelIndex | QPersistentModelIndex

_SHAPES: Final = {Level.INFO: "·", Level.CHANGE: "◆", Level.WARNING: "▲", Level.ERROR: "✕"}
_KEEP_ROWS: Final = 2_000


class EventModel(QAbstractTableModel):
    """Time, level and text of the newest events."""

    def __init__(self, log: EventLog, theme: Theme, parent: QWidget | None = None) -> None:
        """Read from ``log``."""
        super().__init__(parent)
        self._log = log
        self._theme = theme
        self._events: list[Event] = []
        self._next = 0

    def take_new(self) -> list[Event]:
        """Append what is new in the log, forget what is too old, and give the new ones."""
        if self._log.next_number == self._next:
            return []
        new = self._log.since(self._next)
        self._next = self._log.next_number
        first = len(self._events)
        self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
        self._events += new
        self.endInsertRows()
        if (too_many := len(self._events) - _KEEP_ROWS) > 0:
            self.beginRemoveRows(QModelIndex(), 0, too_many - 1)
            del self._events[:too_many]
            self.endRemoveRows()
        return new

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """How many events."""
        return 0 if parent.isValid() else len(self._events)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """Time, level, text."""
        return 0 if parent.isValid() else 3

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a view asks for."""
        event = self._events[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (_clock(event.wall_time_s), _level(event.level), event.text)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == 2:
            return event.text
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._color(event.level, index.column()))
        return None

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' names."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        return (translate("Events", "Time"), translate("Events", "Level"), translate("Events", "Event"))[section]

    def _color(self, level: Level, column: int) -> str:
        colors = self._theme.colors
        if column == 0:
            return colors.muted
        if column == 2:
            return colors.text
        return {
            Level.INFO: colors.muted,
            Level.CHANGE: colors.marker,
            Level.WARNING: colors.warning,
            Level.ERROR: colors.bad,
        }[level]


class EventTable(QTableView):
    """The log as it stands in the window; it follows the newest line unless the user has scrolled up."""

    def __init__(self, log: EventLog, theme: Theme, parent: QWidget | None = None) -> None:
        """Read from ``log``."""
        super().__init__(parent)
        self.events = EventModel(log, theme, self)
        self.setModel(self.events)
        self.setAccessibleName(self.tr("Event log"))
        metrics = self.fontMetrics()
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(16)
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 4)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setColumnWidth(0, metrics.horizontalAdvance("00:00:00.000") + 20)
        self.setColumnWidth(1, metrics.horizontalAdvance("▲ warning") + 28)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        theme.changed.connect(self.viewport().update)

    def show_new(self) -> list[Event]:
        """Show what is new in the log, and give it back."""
        bar = self.verticalScrollBar()
        was_at_end = bar.value() == bar.maximum()
        new = self.events.take_new()
        if new and was_at_end:
            self.scrollToBottom()
        return new


def _clock(wall_time_s: float) -> str:
    """Local time of day with milliseconds."""
    whole = int(wall_time_s)
    return f"{time.strftime('%H:%M:%S', time.localtime(whole))}.{int((wall_time_s - whole) * 1e3):03}"


def _level(level: Level) -> str:
    word = {
        Level.INFO: translate("Events", "info"),
        Level.CHANGE: translate("Events", "change"),
        Level.WARNING: translate("Events", "warning"),
        Level.ERROR: translate("Events", "error"),
    }[level]
    return f"{_SHAPES[level]} {word}"
