"""Listen, in a small window that stays above the others: state, level, volume, balance, connect, and the way back."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QMouseEvent, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from core.audio.levels import AudioLevels
from core.audio.volume import MAX_VOLUME_DB, MIN_VOLUME_DB
from gui.theme import Theme
from gui.view_models.connection import ConnectionView
from gui.view_models.text import decibels
from gui.widgets.labels import ElidedLabel, TextLabel, describe
from gui.widgets.level_meter import LevelMeter

_FIRST_WIDTH: Final = 400
_EVEN_PCT: Final = 3
"""The mouse hardly ever meets the very middle; nobody hears the difference."""


class CompactWindow(QWidget):
    """Tells what the user wants, and shows what it is told. Closing it is the same as going back.

    Where a window stands and what it stands above is the desktop's affair on Wayland: there it is merely small.
    """

    connect_wanted = Signal()
    disconnect_wanted = Signal()
    volume_changed = Signal(float)
    """Decibels."""
    muted_changed = Signal(bool)
    balance_changed = Signal(float)
    """From -1 (left only) to 1 (right only)."""
    full_window_wanted = Signal()
    """By its button, by Ctrl+M, or by closing this one."""
    dismiss_wanted = Signal()
    """What is said about a problem has been read."""
    quit_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Not connected, full volume, even balance, not muted."""
        super().__init__(parent, Qt.WindowType.Tool | Qt.WindowType.WindowStaysOnTopHint)
        # Else macOS hides it whenever another program is in front: just when it is needed.
        self.setAttribute(Qt.WidgetAttribute.WA_MacAlwaysShowToolWindow)
        self.setWindowTitle(self.tr("Opuscope"))
        self.setAccessibleName(self.tr("Compact listening window"))
        self._is_running = False
        self._make_top(theme)
        self._make_controls()
        self._make_buttons()
        self._make_keys()
        self._lay_out()
        self.show_running(False)
        self._show_volume()
        self._show_balance()
        self._show_mute()
        self.resize(_FIRST_WIDTH, self.sizeHint().height())

    def show_connection(self, view: ConnectionView, name: str, detail: str) -> None:
        """State by shape, word and colour, the stream's name, and one line of detail (cut where it is too long)."""
        self.shape.show_text(view.shape)
        self.shape.show_role(view.role)
        self.word.show_text(view.word)
        self.word.show_role(view.role)
        self.name.show_text(name)
        self.detail.show_text(detail)

    def show_levels(self, levels: AudioLevels | None) -> None:
        """How loud it is; ``None`` is silence."""
        self.meter.show_levels(levels)

    def show_running(self, is_running: bool) -> None:
        """Offer to disconnect while a session runs, else to connect."""
        self._is_running = is_running
        text = self.tr("Dis&connect") if is_running else self.tr("&Connect")
        if text != self.button.text():
            self.button.setText(text)
            tooltip = (
                self.tr("End the connection (Ctrl+D)")
                if is_running
                else self.tr("Listen to the address of the full window (Ctrl+Return)")
            )
            describe(self.button, text.replace("&", ""), tooltip)

    def set_volume_db(self, volume_db: float) -> None:
        """Move the slider. Nothing is emitted."""
        with QSignalBlocker(self.volume):
            self.volume.setValue(round(volume_db))
        self._show_volume()

    def set_balance(self, balance: float) -> None:
        """Move the slider. Nothing is emitted."""
        with QSignalBlocker(self.balance):
            self.balance.setValue(round(balance * 100))
        self._show_balance()

    def set_muted(self, muted: bool) -> None:
        """Press or release the button. Nothing is emitted."""
        with QSignalBlocker(self.mute):
            self.mute.setChecked(muted)
        self._show_mute()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """There must always be a window: the full one comes back."""
        super().closeEvent(event)
        self.full_window_wanted.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Let it be dragged by whatever is no control: some desktops give such windows no title bar."""
        handle = self.windowHandle()
        if event.button() is Qt.MouseButton.LeftButton and handle is not None:
            handle.startSystemMove()
        event.accept()

    def _make_top(self, theme: Theme) -> None:
        self.shape, self.word = TextLabel(), TextLabel()
        self.name = ElidedLabel("heading")
        self.name.setAccessibleName(self.tr("Stream"))
        self.detail = ElidedLabel("muted")
        self.meter = LevelMeter(theme)

    def _make_controls(self) -> None:
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(round(MIN_VOLUME_DB), round(MAX_VOLUME_DB))
        self.volume.setPageStep(6)
        describe(self.volume, self.tr("Volume"), self.tr("Volume in dB, −60 to +12 (Ctrl+Up, Ctrl+Down)"))
        self.volume.valueChanged.connect(self._on_volume)
        self.volume_text = self._value_label(self.tr("right 100 %"))
        self.balance = QSlider(Qt.Orientation.Horizontal)
        self.balance.setRange(-100, 100)
        self.balance.setSingleStep(5)
        self.balance.setPageStep(20)
        describe(
            self.balance,
            self.tr("Balance"),
            self.tr("Balance in %: −100 is left only, 0 is even, +100 is right only (Ctrl+Left, Ctrl+Right, Ctrl+0)"),
        )
        self.balance.valueChanged.connect(self._on_balance)
        self.balance_text = self._value_label(self.tr("right 100 %"))

    def _make_buttons(self) -> None:
        self.mute = QPushButton()
        self.mute.setCheckable(True)
        describe(self.mute, self.tr("Mute"), self.tr("Silence; playout goes on (M)"))
        self.mute.toggled.connect(self._on_muted)
        self.button = QPushButton()
        self.button.clicked.connect(self._on_button)
        self.full = QPushButton(self.tr("&Full window"))
        describe(self.full, self.tr("Full window"), self.tr("Back to the full window (Ctrl+M)"))
        self.full.clicked.connect(self.full_window_wanted)

    def _make_keys(self) -> None:
        """The same as in the full window, where it has one."""
        for keys, slot in (
            (("M",), self.mute.toggle),
            (("Ctrl+Up",), lambda: self.volume.setValue(self.volume.value() + 1)),
            (("Ctrl+Down",), lambda: self.volume.setValue(self.volume.value() - 1)),
            (("Ctrl+Left",), lambda: self.balance.setValue(self.balance.value() - self.balance.singleStep())),
            (("Ctrl+Right",), lambda: self.balance.setValue(self.balance.value() + self.balance.singleStep())),
            (("Ctrl+0",), lambda: self.balance.setValue(0)),
            (("Ctrl+Return", "Ctrl+Enter"), self.connect_wanted.emit),
            (("Ctrl+D",), self.disconnect_wanted.emit),
            (("Ctrl+M",), self.full_window_wanted.emit),
            (("Esc",), self.dismiss_wanted.emit),
            (("Ctrl+Q",), self.quit_wanted.emit),
        ):
            shortcut = QShortcut(self)
            shortcut.setKeys([QKeySequence(key) for key in keys])
            shortcut.activated.connect(slot)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.shape, self.word):
            top.addWidget(widget)
        top.addWidget(self.name, 1)
        column.addLayout(top)
        column.addWidget(self.detail)
        column.addWidget(self.meter)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for row, (text, slider, value) in enumerate(
            (
                (self.tr("&Volume"), self.volume, self.volume_text),
                (self.tr("&Balance"), self.balance, self.balance_text),
            )
        ):
            label = TextLabel(text, "muted")
            # Plain text would show the mark of the key.
            label.setTextFormat(Qt.TextFormat.AutoText)
            label.setBuddy(slider)
            grid.addWidget(label, row, 0)
            grid.addWidget(slider, row, 1)
            grid.addWidget(value, row, 2)
        column.addLayout(grid)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.mute, self.button, self.full):
            buttons.addWidget(button, 1)
        column.addLayout(buttons)
        column.addStretch(1)
        chain = (self.volume, self.balance, self.mute, self.button, self.full)
        for first, second in pairwise(chain):
            self.setTabOrder(first, second)

    def _value_label(self, widest: str) -> TextLabel:
        label = TextLabel()
        label.setMinimumWidth(self.fontMetrics().horizontalAdvance(widest) + 8)
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return label

    @property
    def _balance_pct(self) -> int:
        percent = self.balance.value()
        return 0 if abs(percent) <= _EVEN_PCT else percent

    def _on_volume(self, volume_db: int) -> None:
        self._show_volume()
        self.volume_changed.emit(float(volume_db))

    def _on_balance(self, _percent: int) -> None:
        self._show_balance()
        self.balance_changed.emit(self._balance_pct / 100)

    def _on_muted(self, muted: bool) -> None:
        self._show_mute()
        self.muted_changed.emit(muted)

    def _on_button(self) -> None:
        (self.disconnect_wanted if self._is_running else self.connect_wanted).emit()

    def _show_volume(self) -> None:
        self.volume_text.show_text(decibels(self.volume.value()))

    def _show_balance(self) -> None:
        percent = self._balance_pct
        text = self.tr("right {0} %") if percent > 0 else self.tr("left {0} %")
        self.balance_text.show_text(text.format(abs(percent)) if percent else self.tr("even"))

    def _show_mute(self) -> None:
        self.mute.setText(self.tr("✕ Muted") if self.mute.isChecked() else self.tr("&Mute"))
