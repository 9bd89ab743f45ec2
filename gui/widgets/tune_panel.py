"""Tune: playout and frame size, asked for and in force."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QGridLayout, QWidget

from core.opus.encoder import FRAME_SIZES_MS
from gui.view_models.text import significant
from gui.view_models.tune import FrameSizeView
from gui.widgets.encoder_controls import EncoderControls
from gui.widgets.labels import ElidedLabel, ShrinkingLabel, TextLabel, describe
from gui.widgets.playout_controls import PlayoutControls, in_a_row, left_in_a_row


class TunePanel(QWidget):
    """What is moved is passed on at once; what is in force it is told."""

    frame_size_chosen = Signal(object)
    """Milliseconds, or ``None`` for whatever the server sends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Show the least; `PlayoutControls.show_tuning` and `show_frame_size` tell the rest."""
        super().__init__(parent)
        self.playout = PlayoutControls(self)
        self.encoder = EncoderControls(self)
        self.playout_text = ElidedLabel("muted")
        self.latency_text = ElidedLabel("muted")
        frame_label = TextLabel(self.tr("&Frame size"), "heading")
        frame_label.setTextFormat(Qt.TextFormat.AutoText)
        self._sizes = QStandardItemModel(self)
        self.frame_size = QComboBox()
        self.frame_size.setModel(self._sizes)
        self.frame_size.addItem(self.tr("As the server sends"), None)
        for size_ms in FRAME_SIZES_MS:
            self.frame_size.addItem(self.tr("{size} ms").format(size=significant(size_ms)), size_ms)
        frame_label.setBuddy(self.frame_size)
        self.frame_size.activated.connect(self._on_frame_size)
        self.frame_text = TextLabel("", "muted")
        self.frame_note = ShrinkingLabel("", "muted")
        self._view: FrameSizeView | None = None
        self._lay_out(frame_label)

    def add_beside_preset(self, widget: QWidget) -> None:
        """Let ``widget`` stand at the end of the first row."""
        self._preset_row.addWidget(widget)

    def show_playout(self, playout: str, latency: str) -> None:
        """What is in force of the buffer, and of the device's latency."""
        self.playout_text.show_text(playout)
        self.latency_text.show_text(latency)

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
        # Waiting is over in a moment: that shall not move everything below.
        self.frame_note.show_text("" if view.is_waiting else view.note)
        self.frame_note.setVisible(bool(self.frame_note.text()))

    def _on_frame_size(self, at: int) -> None:
        # Whatever comes of it, the box then has to be set anew, even if the facts have not changed.
        self._view = None
        self.frame_size_chosen.emit(self.frame_size.itemData(at))

    def _lay_out(self, frame_label: QWidget) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 4, 6, 4)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(5)
        controls, encoder = self.playout, self.encoder
        self._preset_row = in_a_row(controls.preset)
        rows = (
            (controls.preset_label, self._preset_row),
            (controls.kind_label, in_a_row(controls.kind, controls.mode_label, controls.mode)),
            # One of these two is hidden.
            (controls.bias_label, in_a_row(controls.bias_slider, controls.bias_spin)),
            (controls.depth_label, in_a_row(controls.depth_slider, controls.depth_spin)),
            (None, in_a_row(self.playout_text)),
            (controls.latency_label, in_a_row(controls.latency_spin, self.latency_text)),
            (frame_label, in_a_row(self.frame_size)),
            (None, in_a_row(self.frame_text)),
            (None, in_a_row(self.frame_note)),
            (encoder.label, in_a_row(encoder.slider, encoder.spin)),
            (None, left_in_a_row(encoder.fec, encoder.dtx)),
            (None, in_a_row(encoder.in_force)),
            (encoder.application_label, in_a_row(encoder.application, encoder.application_in_force)),
            (None, in_a_row(encoder.application_note)),
        )
        for at, (label, row) in enumerate(rows):
            if label is not None:
                grid.addWidget(label, at, 0)
            grid.addLayout(row, at, 1)
        grid.setColumnStretch(1, 1)


def _index_of(box: QComboBox, value: float | None) -> int:
    """Where ``value`` stands; 0 if it is none of the entries."""
    return next((at for at in range(box.count()) if box.itemData(at) == value), 0)
