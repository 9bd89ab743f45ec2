"""Connect: address, one button, and how the connection stands."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from core.receiver.options import DEFAULT_URL
from gui.view_models.connection import ConnectionView
from gui.widgets.labels import ElidedLabel, TextLabel, describe


class ConnectPanel(QFrame):
    """Asks for connections; whether there is one it is told by `show_connection`."""

    connect_wanted = Signal(str)
    """The address as typed."""
    disconnect_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing connected, no history."""
        super().__init__(parent)
        self.setObjectName("card")
        self._is_running = False
        self._running_url = ""
        label = TextLabel(self.tr("&Address"), "muted")
        label.setTextFormat(Qt.TextFormat.AutoText)
        self.address = QComboBox()
        self._editor = QLineEdit()
        self._editor.setPlaceholderText(DEFAULT_URL)
        self.address.setEditable(True)
        self.address.setLineEdit(self._editor)
        self.address.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.address.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.address.setMinimumContentsLength(24)
        self.address.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        describe(
            self.address,
            self.tr("Address of the stream"),
            self.tr("ws://host:port/path or wss://host/path. Return connects (Ctrl+L comes here)"),
        )
        label.setBuddy(self.address)
        self.button = QPushButton()
        self.button.setProperty("primary", "true")
        self.button.setMinimumWidth(130)
        # Connect and Disconnect are styled differently; the panel shall not grow and shrink with them.
        self.button.setFixedHeight(self.fontMetrics().height() + 14)
        self.button.clicked.connect(self._on_button)
        self._editor.returnPressed.connect(self._connect)
        self._editor.textChanged.connect(lambda _text: self._show_button())
        self.shape = TextLabel()
        self.word = TextLabel("", "muted")
        self.detail = ElidedLabel("muted")
        self.word.setAccessibleName(self.tr("State of the connection"))
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(label)
        first.addWidget(self.address, 1)
        first.addWidget(self.button)
        second.setSpacing(8)
        second.addWidget(self.shape)
        second.addWidget(self.word)
        second.addWidget(self.detail, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addLayout(first)
        column.addLayout(second)
        self._show_button()

    def set_history(self, urls: tuple[str, ...]) -> None:
        """Offer ``urls``, the newest first; what is being typed stays."""
        typed = self.address.currentText()
        self.address.blockSignals(True)
        self.address.clear()
        self.address.addItems(urls)
        self.address.setEditText(typed)
        self.address.blockSignals(False)

    def set_address(self, url: str) -> None:
        """Put ``url`` into the edit without connecting."""
        self.address.setEditText(url)

    def focus_address(self) -> None:
        """Let the user type, with all of the present address selected."""
        self.address.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._editor.selectAll()

    def show_connection(self, view: ConnectionView, is_running: bool, running_url: str) -> None:
        """How it stands; ``running_url`` is the address of the running session as it was typed."""
        self.shape.show_text(view.shape)
        self.shape.show_role(view.role)
        self.word.show_text(view.word)
        self.word.show_role(view.role)
        self.detail.show_text(view.detail)
        if (is_running, running_url) != (self._is_running, self._running_url):
            self._is_running, self._running_url = is_running, running_url
            self._show_button()

    @property
    def typed_url(self) -> str:
        """The address in the edit, or the default where it is empty."""
        return self.address.currentText().strip() or DEFAULT_URL

    def _would_disconnect(self) -> bool:
        return self._is_running and self.typed_url == self._running_url

    def _show_button(self) -> None:
        if self._would_disconnect():
            text, tooltip = self.tr("Dis&connect"), self.tr("End the connection (Ctrl+D)")
        elif self._is_running:
            text, tooltip = self.tr("&Connect"), self.tr("Leave the present stream for this address (Ctrl+Return)")
        else:
            text, tooltip = self.tr("&Connect"), self.tr("Listen to this address (Ctrl+Return)")
        if text != self.button.text():
            self.button.setText(text)
            # One thing to do stands out: connecting. Disconnecting is there, but nobody is led to it.
            self.button.setProperty("primary", "false" if self._would_disconnect() else "true")
            self.button.style().unpolish(self.button)
            self.button.style().polish(self.button)
            describe(self.button, text.replace("&", ""), tooltip)

    def _on_button(self) -> None:
        if self._would_disconnect():
            self.disconnect_wanted.emit()
        else:
            self._connect()

    def _connect(self) -> None:
        self.connect_wanted.emit(self.typed_url)
