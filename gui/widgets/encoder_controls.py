"""Bit rate, FEC, DTX and application of the server's encoder, where the server lets its listeners choose."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QSlider, QWidget

from core.opus.encoder import MAX_BITRATE, MIN_BITRATE, Application
from gui.settled_change import SettledChange
from gui.view_models.encoder import ApplicationView, EncoderView, application_name
from gui.widgets.labels import ElidedLabel, TextLabel, describe
from gui.widgets.number_box import NumberBox

_SLIDER_MAX_KBPS: Final = 256
"""More is hardly heard; the spin box goes on."""


class EncoderControls(QObject):
    """The controls and their labels, for `gui.widgets.tune_panel` to lay out; they show what is in force."""

    bitrate_chosen = Signal(int)
    """Bit/s."""
    fec_chosen = Signal(bool)
    dtx_chosen = Signal(bool)
    application_chosen = Signal(object)
    """An `Application`, or ``None`` for what the server chose."""

    def __init__(self, parent: QWidget) -> None:
        """Nothing can be changed yet."""
        super().__init__(parent)
        self._view: EncoderView | None = None
        self._application_view: ApplicationView | None = None
        self._asked: SettledChange[float] = SettledChange(self._on_settled, self)
        self.label = TextLabel(self.tr("B&it rate"), "heading")
        self.label.setTextFormat(Qt.TextFormat.AutoText)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(MIN_BITRATE // 1000, _SLIDER_MAX_KBPS)
        self.slider.setPageStep(16)
        self.slider.setMinimumWidth(60)
        self.spin = NumberBox(MIN_BITRATE / 1000, MAX_BITRATE / 1000, 8.0, self.tr(" kbit/s"))
        self.fec = QCheckBox(self.tr("FEC"))
        self.dtx = QCheckBox(self.tr("DTX"))
        self.in_force = TextLabel("", "muted")
        # All of it counts: it takes a second line rather than be cut.
        self.in_force.setWordWrap(True)
        self.label.setBuddy(self.slider)
        self.slider.valueChanged.connect(lambda kbps: self._moved(float(kbps)))
        self.spin.valueChanged.connect(self._moved)
        self.fec.clicked.connect(self.fec_chosen)
        self.dtx.clicked.connect(self.dtx_chosen)
        self._make_application()

    def _make_application(self) -> None:
        self.application_label = TextLabel(self.tr("App&lication"), "heading")
        self.application_label.setTextFormat(Qt.TextFormat.AutoText)
        self._applications = QStandardItemModel(self)
        self.application = QComboBox()
        self.application.setModel(self._applications)
        for application in (None, *Application):
            self.application.addItem(application_name(application), application)
        self.application_label.setBuddy(self.application)
        self.application_in_force = ElidedLabel("muted")
        self.application_note = TextLabel("", "muted")
        self.application_note.setWordWrap(True)
        self.application_note.hide()
        self.application.activated.connect(self._on_application)

    def show_application(self, view: ApplicationView) -> None:
        """Show what was asked for and what is in force, and what can be asked; emits nothing."""
        if view == self._application_view:
            return
        self._application_view = view
        self.application.setEnabled(view.is_enabled)
        for at in range(self.application.count()):
            application = self.application.itemData(at)
            self._applications.item(at).setEnabled(application is None or application in view.accepted)
            if application is view.selected:
                with QSignalBlocker(self.application):
                    self.application.setCurrentIndex(at)
        tooltip = self.tr(
            "What the server tunes its encoder for: VoIP for speech at low bit rates, Audio for everything, "
            "Low delay for 4 ms less latency. A change is heard for a moment"
        )
        describe(self.application, self.tr("Application"), view.note or tooltip)
        self.application_in_force.show_text(view.in_force or view.note)
        self.application_note.show_text(view.note if view.in_force else "")
        self.application_note.setVisible(bool(self.application_note.text()))

    def show_view(self, view: EncoderView) -> None:
        """Show what is in force, and what can be asked; emits nothing."""
        if view == self._view or self._asked.is_moving:
            return
        self._view = view
        with QSignalBlocker(self.slider), QSignalBlocker(self.spin):
            self.spin.setRange(view.least_kbps, view.most_kbps)
            if view.kbps is not None:
                self.spin.setValue(view.kbps)
                self.slider.setValue(min(round(view.kbps), _SLIDER_MAX_KBPS))
        self.fec.setChecked(view.fec)
        self.dtx.setChecked(view.dtx)
        for widget, can in (
            (self.slider, view.has_bitrate),
            (self.spin, view.has_bitrate),
            (self.fec, view.has_fec),
            (self.dtx, view.has_dtx),
        ):
            widget.setEnabled(can)
        bitrate = self.tr("Kilobits per second that the server encodes for this listener")
        describe(self.slider, self.tr("Bit rate"), view.note or bitrate)
        describe(self.spin, self.tr("Bit rate, exact"), view.note or bitrate)
        fec = self.tr("In-band error correction: a lost packet's sound comes with the next one, coarser")
        describe(self.fec, self.tr("FEC"), view.note or fec)
        describe(self.dtx, self.tr("DTX"), view.note or self.tr("Nearly nothing is sent while there is silence"))
        self.in_force.show_text(view.in_force or view.note)

    def _on_application(self, at: int) -> None:
        # Whatever comes of it, what is asked for is shown again.
        self._application_view = None
        self.application_chosen.emit(self.application.itemData(at))

    def _moved(self, kbps: float) -> None:
        with QSignalBlocker(self.slider), QSignalBlocker(self.spin):
            self.slider.setValue(min(round(kbps), _SLIDER_MAX_KBPS))
            self.spin.setValue(kbps)
        before = self._view.kbps if self._view is not None else None
        self._asked.moved(before if before is not None else -1.0, kbps)

    def _on_settled(self, _before: float, kbps: float) -> None:
        """Only now: each request makes the server change to another encoder."""
        # Whatever comes of it, what is in force is shown again.
        self._view = None
        self.bitrate_chosen.emit(round(kbps * 1000))
