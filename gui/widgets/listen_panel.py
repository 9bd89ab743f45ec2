"""Listen: volume, mute, and where the sound goes."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from core.audio.levels import AudioLevels
from core.audio.loudness import loudness_problem
from core.audio.volume import MAX_VOLUME_DB, MIN_VOLUME_DB
from core.receiver.status import OutputStatus
from gui.theme import Theme
from gui.view_models.outputs import output_choices, output_text
from gui.view_models.recording import RecordingView, recording_view
from gui.view_models.text import decibels, loudness
from gui.widgets.labels import ElidedLabel, TextLabel, describe
from gui.widgets.level_meter import LevelMeter


class ListenPanel(QFrame):
    """Tells what the user wants to hear; shows the output in use."""

    volume_changed = Signal(float)
    """Decibels."""
    muted_changed = Signal(bool)
    output_chosen = Signal(str)
    """What `core.receiver.options.ListenOptions.output` takes."""
    refresh_wanted = Signal()
    record_wanted = Signal()
    """Begin to record, or end it."""
    devices_changed = Signal()
    """The device in use has gone or is back: the choice of outputs should be listed anew, without a search."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Full volume, not muted, the system's default output."""
        super().__init__(parent)
        self.setObjectName("card")
        self._is_running = self._is_waiting = False
        self.mute = QPushButton()
        self.mute.setCheckable(True)
        describe(self.mute, self.tr("Mute"), self.tr("Silence; playout goes on (M)"))
        self.mute.toggled.connect(self._on_muted)
        volume_label = TextLabel(self.tr("Vol&ume"), "muted")
        volume_label.setTextFormat(Qt.TextFormat.AutoText)
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(round(MIN_VOLUME_DB), round(MAX_VOLUME_DB))
        self.volume.setPageStep(6)
        self.volume.setMinimumWidth(100)
        describe(
            self.volume, self.tr("Volume"), self.tr("Volume in dB, −60 to +12 (Up and Down, or Ctrl+Up, Ctrl+Down)")
        )
        self.volume.valueChanged.connect(self._on_volume)
        volume_label.setBuddy(self.volume)
        self.volume_text = TextLabel()
        self.volume_text.setMinimumWidth(self.fontMetrics().horizontalAdvance("−60 dB") + 8)
        self.volume_text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        output_label = TextLabel(self.tr("&Output"), "muted")
        output_label.setTextFormat(Qt.TextFormat.AutoText)
        self.output = QComboBox()
        self.output.setMinimumContentsLength(14)
        self.output.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        describe(
            self.output,
            self.tr("Output"),
            self.tr("Where the sound goes; the old output plays until the new one works"),
        )
        self.output.activated.connect(self._on_output)
        output_label.setBuddy(self.output)
        self.refresh = QPushButton(self.tr("&Rescan"))
        self.refresh.clicked.connect(self.refresh_wanted)
        self.output_text = ElidedLabel("muted")
        self.meter = LevelMeter(theme)
        self.loudness = TextLabel(role="muted")
        self.loudness.setToolTip(self.tr("Loudness of the last 400 ms (EBU R128, momentary)"))
        # As wide as it gets: what stands beside it shall not move.
        self.loudness.setFixedWidth(self.fontMetrics().horizontalAdvance("−23.0 LUFS") + 8)
        self.loudness.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.loudness.setHidden(loudness_problem() is not None)
        self.record = QPushButton()
        self.record.setObjectName("record")
        # As wide as it gets, as above.
        self.record.setMinimumWidth(self.fontMetrics().horizontalAdvance("■ 00:00:00 · 999.99 MB") + 24)
        self.record.clicked.connect(self.record_wanted)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(12, 7, 12, 7)
        rows.setSpacing(8)
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(8)
            rows.addLayout(row)
        first.addWidget(volume_label)
        first.addWidget(self.volume, 1)
        first.addWidget(self.volume_text)
        first.addWidget(self.mute)
        first.addSpacing(12)
        first.addWidget(output_label)
        first.addWidget(self.output, 1)
        first.addWidget(self.refresh)
        second.addWidget(self.meter, 1)
        second.addWidget(self.loudness)
        second.addSpacing(12)
        second.addWidget(self.output_text, 1)
        second.addWidget(self.record)
        self.show_recording(recording_view(None, False))
        self._show_mute()
        self._show_volume()
        self.set_running(False)
        self.set_outputs((), "default")

    def set_volume_db(self, volume_db: float) -> None:
        """Move the slider; `volume_changed` follows if that is a change."""
        self.volume.setValue(round(volume_db))

    def set_muted(self, muted: bool) -> None:
        """Press or release the button; `muted_changed` follows if that is a change."""
        self.mute.setChecked(muted)

    def set_outputs(self, devices: Iterable[str], wanted: str) -> None:
        """Offer ``devices``; ``wanted`` is selected, even while it is away. Nothing is emitted."""
        with QSignalBlocker(self.output):
            self.output.clear()
            for choice in output_choices(devices, wanted):
                self.output.addItem(choice.label, choice.name)
            self.output.setCurrentIndex(self.output.findData(wanted))

    def select_output(self, name: str) -> None:
        """Show ``name`` as the choice. Nothing is emitted."""
        with QSignalBlocker(self.output):
            self.output.setCurrentIndex(self.output.findData(name))

    def set_running(self, is_running: bool) -> None:
        """Looking for devices ends every stream of this program (PortAudio), so it is only offered without one."""
        self._is_running = is_running
        self._offer_refresh(self._is_waiting or not is_running)

    def _offer_refresh(self, is_free: bool) -> None:
        self.refresh.setEnabled(is_free)
        tooltip = (
            self.tr("Look again for sound devices (F5)")
            if is_free
            else self.tr("Disconnect first: looking for devices would interrupt the sound")
        )
        if tooltip != self.refresh.toolTip():
            describe(self.refresh, self.tr("Rescan sound devices"), tooltip)

    def show_output(self, output: OutputStatus | None, levels: AudioLevels | None) -> None:
        """The output in use, and how loud it is."""
        self.meter.show_levels(levels)
        self.loudness.show_text("" if levels is None else loudness(levels.loudness_lufs))
        self.output_text.show_text(output_text(output))
        is_waiting = output is not None and output.is_waiting
        if is_waiting != self._is_waiting:
            self._is_waiting = is_waiting
            self._offer_refresh(is_waiting or not self._is_running)
            # PortAudio's list was looked through for the device that has gone: it is up to date without a search.
            self.devices_changed.emit()

    def show_recording(self, view: RecordingView) -> None:
        """Whether something is recorded, or can be."""
        if view.text != self.record.text():
            self.record.setText(view.text)
        self.record.setEnabled(view.is_possible)
        if view.tooltip != self.record.toolTip():
            describe(self.record, self.tr("Record"), view.tooltip)
        if view.is_recording != self.record.property("recording"):
            self.record.setProperty("recording", view.is_recording)
            self.record.style().unpolish(self.record)
            self.record.style().polish(self.record)

    def _on_volume(self, volume_db: int) -> None:
        self._show_volume()
        self.volume_changed.emit(float(volume_db))

    def _on_muted(self, muted: bool) -> None:
        self._show_mute()
        self.muted_changed.emit(muted)

    def _on_output(self, index: int) -> None:
        self.output_chosen.emit(self.output.itemData(index))

    def _show_volume(self) -> None:
        self.volume_text.show_text(decibels(self.volume.value()))

    def _show_mute(self) -> None:
        self.mute.setText(self.tr("✕ Muted") if self.mute.isChecked() else self.tr("Mute"))
