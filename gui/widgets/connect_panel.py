"""Connect: address, one button, and how the connection stands."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.receiver.options import DEFAULT_URL
from gui.view_models.connection import ConnectionView
from gui.widgets.labels import ElidedLabel, TextLabel, describe

_CREDENTIALS_KEY: Final = QKeySequence("Ctrl+K")
_AROUND_LINE_PX: Final = 4


class ConnectPanel(QFrame):
    """Asks for connections; whether there is one it is told by `show_connection`."""

    connect_wanted = Signal(str)
    """The address as typed."""
    disconnect_wanted = Signal()
    try_now_wanted = Signal()
    """The next attempt shall not wait any longer."""
    credentials_wanted = Signal(str)
    """The address as typed, whose credentials the user wants to see."""

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
        # Completing within the line makes Return connect to what nobody has typed; the list holds the same addresses.
        self.address.setCompleter(None)  # type: ignore[arg-type]  # Qt takes a null pointer
        self.address.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.address.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.address.setMinimumContentsLength(18)
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
        self.key_button = QToolButton()
        self.key_button.setText(self.tr("Key …"))
        self.key_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.key_button.setFixedHeight(self.button.maximumHeight())
        self.key_button.setShortcut(_CREDENTIALS_KEY)
        self.address.installEventFilter(self)
        describe(
            self.key_button,
            self.tr("Credentials"),
            self.tr("Token, certificates and headers for the server of this address (Ctrl+K)"),
        )
        self.key_button.clicked.connect(lambda: self.credentials_wanted.emit(self.typed_url))
        self.insecure = TextLabel(self.tr("▲ Certificate not checked"), "warning")
        describe(
            self.insecure,
            self.tr("Warning: certificate not checked"),
            self.tr("This connection accepts any certificate: anybody on the way can listen in and send"),
        )
        self.insecure.hide()
        self.shape = TextLabel()
        self.word = TextLabel("", "muted")
        self.detail = ElidedLabel("muted")
        self.word.setAccessibleName(self.tr("State of the connection"))
        self.try_now = QToolButton()
        self.try_now.setFixedHeight(self.fontMetrics().height() + _AROUND_LINE_PX)
        self.try_now.setText(self.tr("Try now"))
        self.try_now.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(self.try_now, self.tr("Try now"), self.tr("Make the next attempt at once (Ctrl+T)"))
        self.try_now.clicked.connect(self.try_now_wanted)
        self.try_now.hide()
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(label)
        first.addWidget(self.address, 1)
        first.addWidget(self.key_button)
        first.addWidget(self.button)
        second.setSpacing(8)
        # Room for the button also while it is hidden: the panel shall not grow and shrink with it.
        second.addStrut(self.try_now.maximumHeight())
        second.addWidget(self.shape)
        second.addWidget(self.word)
        second.addWidget(self.try_now)
        second.addWidget(self.detail, 1)
        second.addWidget(self.insecure)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 7, 12, 7)
        column.setSpacing(8)
        column.addLayout(first)
        column.addLayout(second)
        self._show_button()

    def set_history(self, urls: tuple[str, ...]) -> None:
        """Offer ``urls``, the newest first; what is being typed stays."""
        typed, cursor_at = self.address.currentText(), self._editor.cursorPosition()
        self.address.blockSignals(True)
        self.address.clear()
        self.address.addItems(urls)
        self.address.setEditText(typed)
        self._editor.setCursorPosition(cursor_at)
        self.address.blockSignals(False)

    def set_address(self, url: str) -> None:
        """Put ``url`` into the edit without connecting."""
        self.address.setEditText(url)

    def focus_address(self) -> None:
        """Let the user type, with all of the present address selected."""
        self.address.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._editor.selectAll()

    def leave_address(self) -> None:
        """Take the focus out of the address, where it is or would come by itself: keys without Ctrl are shortcuts."""
        if self.window().focusWidget() in (None, self.address, self._editor):
            self.button.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_connection(self, view: ConnectionView, is_running: bool, running_url: str) -> None:
        """How it stands; ``running_url`` is the address of the running session as it was typed."""
        self.shape.show_text(view.shape)
        self.shape.show_role(view.role)
        self.word.show_text(view.word)
        self.word.show_role(view.role)
        self.detail.show_text(view.detail)
        if self.try_now.isHidden() == view.can_try_now:
            had_focus = self.try_now.hasFocus()
            self.try_now.setVisible(view.can_try_now)
            if had_focus:
                # Whoever pressed it may next want to give up, not to land wherever Qt puts the focus.
                self.button.setFocus(Qt.FocusReason.OtherFocusReason)
        if (is_running, running_url) != (self._is_running, self._running_url):
            self._is_running, self._running_url = is_running, running_url
            self._show_button()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Leave Ctrl+K to the button: in a line edit it would delete to the end of the line.

        Esc is the other way round: the window would take it for its banner.
        """
        if isinstance(event, QKeyEvent):
            is_early = event.type() == QEvent.Type.ShortcutOverride
            if is_early and QKeySequence(event.keyCombination()) == _CREDENTIALS_KEY:
                event.ignore()
                return True
            if event.key() == Qt.Key.Key_Escape and self._is_running and self.typed_url != self._running_url:
                if not is_early and event.type() == QEvent.Type.KeyPress:
                    self.set_address(self._running_url)
                event.accept()
                return True
        return super().eventFilter(watched, event)

    def show_insecure(self, is_insecure: bool) -> None:
        """Warn for as long as a connection runs that does not check who the server is."""
        if is_insecure == self.insecure.isHidden():
            self.insecure.setVisible(is_insecure)

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
