"""Two captures beside each other: lateness over time on the same scales, figures, and what each buffer would meet."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.recording.capture_reader import Capture
from core.recording.overview import Overview
from gui.plots.comparison_plots import LatenessPlot, LateSharePlot
from gui.theme import Theme
from gui.view_models.axis_range import next_step
from gui.view_models.comparison import comparison_rows, findings_text, late_share
from gui.view_models.text import fixed
from gui.widgets.labels import ElidedLabel, LegendEntry, LegendRow, TextLabel, describe, make_card

LETTERS: Final = ("A", "B")
_FIRST_SIZE: Final = (1280, 760)
_LEAST_TOP_MS: Final = 20.0
_ROOM_ABOVE: Final = 1.02
_TABLE_WIDTH_PX: Final = 430
_VALUE_WIDTH_PX: Final = 84


class _PlainCells(QStyledItemDelegate):
    """No frame around the cell that keys would start from: nothing can be done with a cell."""

    def initStyleOption(  # noqa: N802 - Qt's name
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """As usual, but for the frame."""
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus


class CaptureCard(QFrame):
    """One of the two: its name, what is wrong with it, and how late it was."""

    def __init__(self, letter: str, parent: QWidget | None = None) -> None:
        """Empty; it is called ``letter`` wherever there is no room for its name."""
        super().__init__(parent)
        self.setObjectName("card")
        self._letter = letter
        self.name = ElidedLabel("heading")
        self.findings = TextLabel("", "muted")
        self.findings.setWordWrap(True)
        self.plot = LatenessPlot()
        describe(
            self.plot,
            self.tr("Lateness of capture {0}").format(letter),
            self.tr("How late the latest packet of each moment was, in ms; upright lines are faults. Click to play"),
        )
        self.plot.setToolTip("")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 6)
        column.setSpacing(4)
        column.addWidget(self.name)
        column.addWidget(self.findings)
        column.addWidget(self.plot, 1)

    def show_overview(self, overview: Overview, span_s: float, top_ms: float) -> None:
        """Show another capture, on these scales."""
        capture = overview.capture
        text = self.tr("{letter}: {name} · {seconds} s · faults: {faults} · lateness in ms")
        self.name.show_text(
            text.format(
                letter=self._letter,
                name=capture.path.name,
                seconds=fixed(capture.duration_s, 1),
                faults=len(overview.problems),
            )
        )
        self.findings.show_text(findings_text(overview))
        self.plot.show_overview(overview, span_s, top_ms)


class CompareWindow(QDialog):
    """A window beside the main one, which goes on working."""

    moment_wanted = Signal(object, float)
    """A capture (`Capture`) shall be played from there on: seconds since its first packet."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Empty and hidden."""
        super().__init__(parent)
        self._theme = theme
        self._captures: list[Capture] = []
        self.setModal(False)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setWindowTitle(self.tr("Compare captures"))
        self.cards = tuple(CaptureCard(letter) for letter in LETTERS)
        for at, card in enumerate(self.cards):
            card.plot.moment_chosen.connect(lambda at_s, at=at: self.moment_wanted.emit(self._captures[at], at_s))
        self.table = self._make_table()
        self.shares = LateSharePlot()
        describe(
            self.shares,
            self.tr("Late packets by depth"),
            self.tr("What share of the packets a fixed buffer of so many milliseconds would have met too late"),
        )
        self.shares.setToolTip("")
        self._entries = [LegendEntry(letter) for letter in LETTERS]
        self._lay_out()
        self.resize(*_FIRST_SIZE)
        theme.changed.connect(self._take_colors)
        self._take_colors()

    def compare(self, first: Overview, second: Overview) -> None:
        """Show two captures."""
        both = (first, second)
        self._captures = [each.capture for each in both]
        span_s = max(0.1, *(each.capture.duration_s for each in both))
        top_ms = next_step(max(_LEAST_TOP_MS, *(each.most_ms * _ROOM_ABOVE for each in both)))
        for card, each in zip(self.cards, both, strict=True):
            card.show_overview(each, span_s, top_ms)
        rows = comparison_rows(first, second)
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            for column, text in enumerate((row.name, row.first, row.second, row.difference)):
                item = QTableWidgetItem(text)
                item.setToolTip(row.meaning)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(at, column, item)
        self.shares.show_shares(late_share(first), late_share(second))

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 4)
        table.setItemDelegate(_PlainCells(table))
        figure = QTableWidgetItem(self.tr("Figure"))
        figure.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setHorizontalHeaderItem(0, figure)
        for column, text in enumerate((*LETTERS, self.tr("B − A")), start=1):
            table.setHorizontalHeaderItem(column, QTableWidgetItem(text))
        head = table.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column in (1, 2, 3):
            table.setColumnWidth(column, _VALUE_WIDTH_PX)
        lines = table.verticalHeader()
        lines.hide()
        lines.setMinimumSectionSize(16)
        lines.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        lines.setDefaultSectionSize(table.fontMetrics().height() + 5)
        table.setShowGrid(False)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setMinimumWidth(_TABLE_WIDTH_PX)
        describe(table, self.tr("Figures of both captures"), self.tr("Point at a figure to read what it means"))
        table.setToolTip("")
        return table

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        for card in self.cards:
            left.addWidget(card, 1)
        below = make_card()
        shares = QVBoxLayout(below)
        shares.setContentsMargins(12, 8, 8, 6)
        head = QHBoxLayout()
        head.addWidget(TextLabel(self.tr("Late packets, %, by ms of a fixed buffer"), "heading"))
        head.addWidget(LegendRow(self._entries), 1)
        shares.addLayout(head)
        shares.addWidget(self.shares, 1)
        right = QVBoxLayout()
        right.addWidget(self.table, 3)
        right.addWidget(below, 2)
        row = QHBoxLayout(self)
        row.addLayout(left, 3)
        row.addLayout(right, 2)

    def _take_colors(self) -> None:
        colors = self._theme.colors
        pair = (colors.depth, colors.stack[1])
        for card, color in zip(self.cards, pair, strict=True):
            card.plot.set_data_color(colors, color)
        self.shares.set_data_colors(colors, pair)
        for entry, color in zip(self._entries, pair, strict=True):
            entry.set_color(color)
