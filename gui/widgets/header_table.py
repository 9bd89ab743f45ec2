"""A small table of HTTP headers to edit; values are hidden unless they shall be shown."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QLocale, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.receiver.options import Headers
from gui.widgets.labels import describe

_NAME, _VALUE = 0, 1
_VISIBLE_ROWS: Final = 3
_Index = QModelIndex | QPersistentModelIndex


class _CellDelegate(QStyledItemDelegate):
    """Return ends a cell: Qt's own passes it on, and the dialog around would take it for its default button."""

    after_return = QAbstractItemDelegate.EndEditHint.EditNextItem
    """From a name on to its value."""

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """See all keys of an editor first."""
        is_return = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_return and event.type() == QEvent.Type.KeyPress and isinstance(editor, QWidget):
            self.commitData.emit(editor)
            self.closeEditor.emit(editor, self.after_return)
            return True
        return super().eventFilter(editor, event)


class _SecretDelegate(_CellDelegate):
    """Paints dots, and lets nobody look over one's shoulder while typing."""

    after_return = QAbstractItemDelegate.EndEditHint.NoHint

    def __init__(self, parent: QWidget) -> None:
        """Hidden."""
        super().__init__(parent)
        self.is_shown = False

    def displayText(self, value: object, locale: QLocale | QLocale.Language) -> str:  # noqa: N802 - Qt's name
        """As many dots whatever the length is."""
        text = super().displayText(value, locale)
        return text if self.is_shown or not text else "●●●●●●"

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:  # noqa: N802
        """A line edit, with dots unless shown."""
        editor = QLineEdit(parent)
        editor.setFrame(False)
        if not self.is_shown:
            editor.setEchoMode(QLineEdit.EchoMode.Password)
        return editor


class HeaderTable(QWidget):
    """Names and values, with buttons to add and to remove one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(parent)
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels([self.tr("Header"), self.tr("Value")])
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        trigger = QAbstractItemView.EditTrigger
        self.table.setEditTriggers(trigger.DoubleClicked | trigger.EditKeyPressed | trigger.AnyKeyPressed)
        # Tab leads on to the buttons; the arrow keys lead through the cells.
        self.table.setTabKeyNavigation(False)
        row_height = self.table.verticalHeader().defaultSectionSize()
        self.table.setMinimumHeight(row_height * (_VISIBLE_ROWS + 1))
        describe(
            self.table,
            self.tr("Extra headers"),
            self.tr("Sent beside WebSocket's own when connecting. Arrow keys move, F2 edits, Del removes"),
        )
        self._delegate = _SecretDelegate(self.table)
        self._name_delegate = _CellDelegate(self.table)
        self.table.setItemDelegateForColumn(_NAME, self._name_delegate)
        self.table.setItemDelegateForColumn(_VALUE, self._delegate)
        self.add = QPushButton(self.tr("&Add header"))
        self.add.setAutoDefault(False)
        self.add.clicked.connect(self._on_add)
        describe(self.add, self.tr("Add header"), self.tr("Add a header and type its name (Alt+A)"))
        self.remove = QPushButton(self.tr("&Remove header"))
        self.remove.setAutoDefault(False)
        self.remove.clicked.connect(self._on_remove)
        describe(self.remove, self.tr("Remove header"), self.tr("Remove the header that is selected (Alt+R, Del)"))
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        # While a cell is being edited, the key is its editor's.
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._on_remove)
        self.table.currentCellChanged.connect(lambda *_cells: self._adapt())
        self.setFocusProxy(self.table)
        self._lay_out()
        self._adapt()

    @property
    def headers(self) -> Headers:
        """As entered, without spaces around them and without empty rows; what they hold is not checked."""
        rows = ((self._text(row, _NAME), self._text(row, _VALUE)) for row in range(self.table.rowCount()))
        return tuple(pair for pair in rows if any(pair))

    def set_headers(self, headers: Headers) -> None:
        """Show ``headers`` instead of what is there."""
        self.table.setRowCount(0)
        for name, value in headers:
            self._append(name, value)

    def show_values(self, are_shown: bool) -> None:
        """Show the values, or dots."""
        self._delegate.is_shown = are_shown
        self.table.viewport().update()

    def commit(self) -> None:
        """Take over what is being typed into a cell."""
        # Qt commits a cell when another one becomes current. On losing the focus it does so, too, but a window that is
        # not active has no focus to lose.
        self.table.setCurrentCell(-1, -1)

    def _text(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return item.text().strip() if item is not None else ""

    def _append(self, name: str, value: str) -> int:
        row = self.table.rowCount()
        self.table.insertRow(row)
        secret = QTableWidgetItem(value)
        # Else a screen reader would read the value out.
        secret.setData(Qt.ItemDataRole.AccessibleTextRole, self.tr("hidden value"))
        self.table.setItem(row, _NAME, QTableWidgetItem(name))
        self.table.setItem(row, _VALUE, secret)
        return row

    def _on_add(self) -> None:
        row = self._append("", "")
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        self.table.setCurrentCell(row, _NAME)
        self.table.edit(self.table.currentIndex())

    def _on_remove(self) -> None:
        row = self.table.currentRow()
        if row >= 0:
            self.table.removeRow(row)
            self._adapt()

    def _adapt(self) -> None:
        self.remove.setEnabled(self.table.currentRow() >= 0)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column.addLayout(buttons)
