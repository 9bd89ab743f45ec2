"""Tune: frame size and buffer depth, asked for and in force."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFrame, QGridLayout, QHBoxLayout, QSlider, QWidget

from core.opus.encoder import FRAME_SIZES_MS
from core.receiver.options import MAX_TARGET_DELAY_MS
from gui.view_models.tune import FrameSizeView
from gui.widgets.labels import TextLabel, describe

_SLIDER_MAX_MS: Final = 500
"""What live listening needs; servers behind very bad links get more in the spin box."""


class TunePanel(QFrame):
    """Every move of the depth controls is passed on at once; a frame size when it is chosen."""

    depth_changed = Signal(float)
    """Milliseconds."""
    frame_size_chosen = Signal(object)
    """Milliseconds, or ``None`` for whatever the server sends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Show the least; `set_depth_ms` and `show_frame_size` tell the rest."""
        super().__init__(parent)
        self.setObjectName("card")
        depth_label = TextLabel(self.tr("&Buffer depth"), "heading")
        depth_label.setTextFormat(Qt.TextFormat.AutoText)
        self.depth_slider = QSlider(Qt.Orientation.Horizontal)
        self.depth_slider.setRange(0, _SLIDER_MAX_MS)
        self.depth_slider.setPageStep(20)
        self.depth_spin = QDoubleSpinBox()
        self.depth_spin.setRange(0.0, MAX_TARGET_DELAY_MS)
        self.depth_spin.setDecimals(0)
        self.depth_spin.setSingleStep(5.0)
        self.depth_spin.setSuffix(self.tr(" ms"))
        tooltip = self.tr("Milliseconds of audio kept in reserve: less is quicker, more survives longer stalls")
        describe(self.depth_slider, self.tr("Buffer depth"), tooltip)
        describe(self.depth_spin, self.tr("Buffer depth, exact"), tooltip + self.tr("; up to 5000 here"))
        depth_label.setBuddy(self.depth_slider)
        self.depth_slider.valueChanged.connect(lambda value: self._on_depth(float(value)))
        self.depth_spin.valueChanged.connect(self._on_depth)
        self.depth_text = TextLabel("", "muted")
        frame_label = TextLabel(self.tr("&Frame size"), "heading")
        frame_label.setTextFormat(Qt.TextFormat.AutoText)
        self._sizes = QStandardItemModel(self)
        self.frame_size = QComboBox()
        self.frame_size.setModel(self._sizes)
        self.frame_size.addItem(self.tr("As the server sends"), None)
        for size_ms in FRAME_SIZES_MS:
            self.frame_size.addItem(self.tr("{size} ms").format(size=f"{size_ms:g}"), size_ms)
        frame_label.setBuddy(self.frame_size)
        self.frame_size.activated.connect(self._on_frame_size)
        self.frame_text = TextLabel("", "muted")
        self.frame_note = TextLabel("", "muted")
        self.frame_note.setWordWrap(True)
        self._view: FrameSizeView | None = None
        self._lay_out(depth_label, frame_label)

    def set_depth_ms(self, depth_ms: float) -> None:
        """Show ``depth_ms`` in both controls. Nothing is emitted."""
        with QSignalBlocker(self.depth_slider), QSignalBlocker(self.depth_spin):
            self.depth_slider.setValue(min(round(depth_ms), _SLIDER_MAX_MS))
            self.depth_spin.setValue(depth_ms)

    def show_depth(self, text: str) -> None:
        """What is in force."""
        self.depth_text.show_text(text)

    def show_frame_size(self, view: FrameSizeView) -> None:
        """What can be chosen, what was asked, what is in force, and why not."""
        if view == self._view:
            return
        self._view = view
        self.frame_size.setEnabled(view.is_enabled)
        for at in range(self.frame_size.count()):
            size_ms = self.frame_size.itemData(at)
            if size_ms is None:
                self._sizes.item(at).setEnabled(view.can_unset)
            else:
                self._sizes.item(at).setEnabled(view.accepted_ms is None or size_ms in view.accepted_ms)
        with QSignalBlocker(self.frame_size):
            self.frame_size.setCurrentIndex(_index_of(self.frame_size, view.selected_ms))
        tooltip = view.note or self.tr("Milliseconds of audio in one Opus frame; the server is asked to change it")
        describe(self.frame_size, self.tr("Frame size"), tooltip)
        self.frame_text.show_text(
            self.tr("Asked {asked} · in force {in_force}").format(asked=view.asked, in_force=view.in_force)
        )
        self.frame_note.show_text(view.note)

    def _on_depth(self, depth_ms: float) -> None:
        # The slider cannot show more than its end; typing 800 must not be pulled back to 500.
        self.set_depth_ms(depth_ms)
        self.depth_changed.emit(depth_ms)

    def _on_frame_size(self, at: int) -> None:
        # Whatever comes of it, the box then has to be set anew, even if the facts have not changed.
        self._view = None
        self.frame_size_chosen.emit(self.frame_size.itemData(at))

    def _lay_out(self, depth_label: QWidget, frame_label: QWidget) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 10, 12, 10)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        depth_row, frame_row = QHBoxLayout(), QHBoxLayout()
        depth_row.setSpacing(10)
        depth_row.addWidget(self.depth_slider, 1)
        depth_row.addWidget(self.depth_spin)
        frame_row.addWidget(self.frame_size, 1)
        grid.addWidget(depth_label, 0, 0)
        grid.addLayout(depth_row, 0, 1)
        grid.addWidget(self.depth_text, 1, 1)
        grid.addWidget(frame_label, 2, 0)
        grid.addLayout(frame_row, 2, 1)
        grid.addWidget(self.frame_text, 3, 1)
        grid.addWidget(self.frame_note, 4, 1)
        grid.setColumnStretch(1, 1)


def _index_of(box: QComboBox, value: float | None) -> int:
    """Where ``value`` stands; 0 if it is none of the entries."""
    return next((at for at in range(box.count()) if box.itemData(at) == value), 0)
