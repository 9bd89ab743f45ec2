"""Know: the event log, newest line at the bottom."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QWidget

from core.monitor.events import Event, EventLog, Level
from gui.theme import Theme
from gui.translation import translate
from gui.widgets.line_table import LineTable

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
        self._search_texts: list[str] = []
        """Each line as it is searched: made once, because a search looks at all of them with every key."""
        self._next = 0
        self.counts: Counter[Level] = Counter()
        """How many events of each level there are."""

    def event_at(self, row: int) -> Event:
        """The event of a row."""
        return self._events[row]

    def search_text_at(self, row: int) -> str:
        """The line of a row without regard to capitals (`str.casefold`)."""
        return self._search_texts[row]

    def take_new(self) -> list[Event]:
        """Append what is new in the log, forget what is too old, and give the new ones."""
        if self._log.next_number == self._next:
            return []
        new = self._log.since(self._next)
        self._next = self._log.next_number
        first = len(self._events)
        self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
        self._events += new
        self._search_texts += [event_line(event).casefold() for event in new]
        self.counts.update(event.level for event in new)
        self.endInsertRows()
        if (too_many := len(self._events) - _KEEP_ROWS) > 0:
            self.beginRemoveRows(QModelIndex(), 0, too_many - 1)
            self.counts.subtract(event.level for event in self._events[:too_many])
            del self._events[:too_many], self._search_texts[:too_many]
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
            return (_clock(event.wall_time_s), shape_and_word(event.level), event.text)[index.column()]
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


class EventFilter(QSortFilterProxyModel):
    """The events that the user wants to see, in the order of the log."""

    def __init__(self, events: EventModel, parent: QWidget | None = None) -> None:
        """All of ``events``."""
        super().__init__(parent)
        self._events = events
        self._levels = frozenset(Level)
        self._wanted = ""
        self.setSourceModel(events)

    def show_levels(self, levels: Iterable[Level]) -> None:
        """Only events of ``levels`` from now on."""
        self._levels = frozenset(levels)
        self.invalidate()

    def show_only(self, text: str) -> None:
        """Only lines that contain ``text``, capitals or not; the empty text is in all of them."""
        self._wanted = text.strip().casefold()
        self.invalidate()

    def event_at(self, row: int) -> Event:
        """The event of a row that is shown."""
        return self._events.event_at(self.mapToSource(self.index(row, 0)).row())

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:  # noqa: N802 - Qt's name
        """Whether the line is wanted."""
        is_level_wanted = self._events.event_at(source_row).level in self._levels
        return is_level_wanted and self._wanted in self._events.search_text_at(source_row)


class EventTable(LineTable):
    """The log as it stands in the window."""

    def __init__(self, log: EventLog, theme: Theme, parent: QWidget | None = None) -> None:
        """Read from ``log``."""
        self.events = EventModel(log, theme)
        self.shown = EventFilter(self.events)
        super().__init__(self.shown, translate("Events", "Event log"), parent)
        for model in (self.events, self.shown):
            model.setParent(self)
        self.horizontalHeader().setStretchLastSection(True)
        self.set_widths({0: "00:00:00.000", 1: "▲ warning"})
        theme.changed.connect(self.viewport().update)

    def show_new(self) -> list[Event]:
        """Show what is new in the log, and give it back."""
        return self.events.take_new()

    def show_levels(self, levels: Iterable[Level]) -> None:
        """Only events of ``levels`` from now on."""
        self.shown.show_levels(levels)
        self._keep_in_sight()

    def show_only(self, text: str) -> None:
        """Only lines that contain ``text`` from now on."""
        self.shown.show_only(text)
        self._keep_in_sight()

    def lines(self, only_selected: bool = False) -> list[str]:
        """The lines shown, or the selected ones of them, oldest first."""
        rows: Iterable[int] = range(self.shown.rowCount())
        if only_selected:
            rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [event_line(self.shown.event_at(row)) for row in rows]

    def _keep_in_sight(self) -> None:
        """A line found by searching stays in sight among its neighbours when the search is over."""
        selected = self.selectionModel().selectedRows()
        if selected:
            self.scrollTo(selected[0], QAbstractItemView.ScrollHint.PositionAtCenter)


def event_line(event: Event) -> str:
    """Time, level and text as one line of plain text."""
    return f"{_clock(event.wall_time_s)}  {level_word(event.level)}  {event.text}"


def level_word(level: Level) -> str:
    """The level's name."""
    return {
        Level.INFO: translate("Events", "info"),
        Level.CHANGE: translate("Events", "change"),
        Level.WARNING: translate("Events", "warning"),
        Level.ERROR: translate("Events", "error"),
    }[level]


def shape_and_word(level: Level) -> str:
    """The level as it stands in the window: not by its colour alone."""
    return f"{_SHAPES[level]} {level_word(level)}"


def _clock(wall_time_s: float) -> str:
    """Local time of day with milliseconds."""
    whole = int(wall_time_s)
    return f"{time.strftime('%H:%M:%S', time.localtime(whole))}.{int((wall_time_s - whole) * 1e3):03}"
