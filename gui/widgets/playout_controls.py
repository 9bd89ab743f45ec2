"""Tune playout: preset, adaptive or fixed buffer, what becomes of late audio, device latency."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QHBoxLayout, QSlider, QWidget

from core.playout.presets import PRESETS
from core.playout.settings import MAX_BIAS_MS_PER_PCT, MIN_BIAS_MS_PER_PCT, PlayoutMode
from core.receiver.options import MAX_DEVICE_LATENCY_MS, MAX_TARGET_DELAY_MS
from gui.tuning import DEFAULT_TUNING, Tuning, preset_of
from gui.view_models.bias_scale import LAST_POSITION, bias_at, position_of
from gui.view_models.tune import kind_name, mode_name, preset_explanation, preset_name
from gui.widgets.labels import ElidedLabel, TextLabel, TwoLineLabel, describe
from gui.widgets.number_box import NumberBox

_DEPTH_SLIDER_MAX_MS: Final = 500
"""What live listening needs; servers behind very bad links get more in the spin box."""


class PlayoutControls(QObject):
    """The controls and their labels, for `gui.widgets.tune_panel` to lay out. They show one `Tuning`."""

    preset_chosen = Signal(object)
    """A `PresetName`, or ``None`` for the user's own tuning."""
    tuning_chosen = Signal(object)
    """A `Tuning` with one thing changed."""
    tuning_moved = Signal(object)
    """The same, while a number is being moved: more may follow soon."""

    def __init__(self, parent: QWidget) -> None:
        """Show the default; `show_tuning` tells the rest."""
        super().__init__(parent)
        self._tuning = DEFAULT_TUNING
        self._make_choices()
        self._make_numbers()
        self.show_tuning(DEFAULT_TUNING, has_own=False)

    def show_tuning(self, tuning: Tuning, has_own: bool) -> None:
        """Show ``tuning`` in all controls; ``has_own`` tells whether own values can be gone back to. Emits nothing."""
        self._tuning = tuning
        playout, preset = tuning.playout, preset_of(tuning)
        self._presets.item(self.preset.count() - 1).setEnabled(preset is None or has_own)
        choices = ((self.preset, preset), (self.kind, playout.is_adaptive), (self.mode, playout.mode))
        for box, value in choices:
            with QSignalBlocker(box):
                box.setCurrentIndex(next(at for at in range(box.count()) if box.itemData(at) == value))
        explanation = self.tr("your own values") if preset is None else preset_explanation(preset)
        describe(self.preset, self.tr("Preset"), self.tr("Settings that go well together. {0}").format(explanation))
        for spin, number in (
            (self.depth_spin, playout.target_delay_ms),
            (self.bias_spin, playout.bias_ms_per_pct),
            (self.latency_spin, tuning.device_latency_ms or 0.0),
        ):
            with QSignalBlocker(spin):
                spin.setValue(number)
        with QSignalBlocker(self.depth_slider), QSignalBlocker(self.bias_slider):
            # The slider cannot show more than its end; typing 800 must not be pulled back to 500.
            self.depth_slider.setValue(min(round(playout.target_delay_ms), _DEPTH_SLIDER_MAX_MS))
            if bias_at(self.bias_slider.value()) != playout.bias_ms_per_pct:
                self.bias_slider.setValue(position_of(playout.bias_ms_per_pct))
        for widget in (self.bias_label, self.bias_slider, self.bias_spin):
            widget.setVisible(playout.is_adaptive)
        for widget in (self.depth_label, self.depth_slider, self.depth_spin):
            widget.setVisible(not playout.is_adaptive)

    def _make_choices(self) -> None:
        self._presets = QStandardItemModel(self)
        self.preset = QComboBox()
        self.preset.setModel(self._presets)
        for name in PRESETS:
            self.preset.addItem(preset_name(name), name)
            self.preset.setItemData(self.preset.count() - 1, preset_explanation(name), Qt.ItemDataRole.ToolTipRole)
        self.preset.addItem(preset_name(None), None)
        self.preset.activated.connect(lambda at: self.preset_chosen.emit(self.preset.itemData(at)))
        self.kind = QComboBox()
        for is_adaptive in (True, False):
            self.kind.addItem(kind_name(is_adaptive), is_adaptive)
        describe(
            self.kind,
            self.tr("Buffer"),
            self.tr("Adaptive: the target delay follows the network. Fixed: it stays at so many ms"),
        )
        self.kind.activated.connect(lambda at: self._choose(is_adaptive=self.kind.itemData(at)))
        self.mode = QComboBox()
        for mode in PlayoutMode:
            self.mode.addItem(mode_name(mode), mode)
        describe(
            self.mode,
            self.tr("Mode"),
            self.tr(
                "What becomes of audio that is late after a stall. Complete: all of it is played, faster until it has"
                " caught up. Live: what is too late is left out"
            ),
        )
        self.mode.activated.connect(lambda at: self._choose(mode=self.mode.itemData(at)))
        self.preset_label = _label(self.tr("&Preset"), self.preset)
        self.kind_label = _label(self.tr("&Buffer"), self.kind)
        self.mode_label = _label(self.tr("Mod&e"), self.mode)

    def _make_numbers(self) -> None:
        milliseconds = self.tr(" ms")
        self.depth_slider = _slider(_DEPTH_SLIDER_MAX_MS, 20)
        self.depth_spin = NumberBox(0.0, MAX_TARGET_DELAY_MS, 5.0, milliseconds)
        tooltip = self.tr("Milliseconds of audio kept in reserve: less is quicker, more survives longer stalls")
        describe(self.depth_slider, self.tr("Buffer depth"), tooltip)
        describe(self.depth_spin, self.tr("Buffer depth, exact"), tooltip + self.tr("; up to 5000 here"))
        self.depth_label = _label(self.tr("&Depth"), self.depth_slider)
        self.depth_slider.valueChanged.connect(lambda depth_ms: self._move(target_delay_ms=float(depth_ms)))
        self.depth_spin.valueChanged.connect(lambda depth_ms: self._move(target_delay_ms=depth_ms))
        self.bias_slider = _slider(LAST_POSITION, 10)
        self.bias_spin = NumberBox(MIN_BIAS_MS_PER_PCT, MAX_BIAS_MS_PER_PCT, 1.0, self.tr(" ms per %"))
        self.bias_spin.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        tooltip = self.tr(
            "How many milliseconds of delay one per cent of late packets is worth: to the left quick, to the right safe"
        )
        describe(self.bias_slider, self.tr("Quick to safe"), tooltip)
        describe(self.bias_spin, self.tr("Quick to safe, exact"), tooltip + self.tr("; 1 to 5000"))
        self.bias_label = _label(self.tr("&Quick ↔ safe"), self.bias_slider)
        self.bias_slider.valueChanged.connect(lambda position: self._move(bias_ms_per_pct=bias_at(position)))
        self.bias_spin.valueChanged.connect(lambda bias: self._move(bias_ms_per_pct=bias))
        self.latency_spin = NumberBox(0.0, MAX_DEVICE_LATENCY_MS, 5.0, milliseconds)
        self.latency_spin.setSpecialValueText(self.tr("low"))
        describe(
            self.latency_spin,
            self.tr("Device latency"),
            self.tr("Milliseconds asked of the sound device, up to 2000; low is what it can do itself"),
        )
        self.latency_label = _label(self.tr("Device latenc&y"), self.latency_spin)
        self.latency_spin.valueChanged.connect(
            lambda latency_ms: self.tuning_moved.emit(replace(self._tuning, device_latency_ms=latency_ms or None))
        )

    def _changed(self, **values: Any) -> Tuning:
        return replace(self._tuning, playout=replace(self._tuning.playout, **values))

    def _choose(self, **values: Any) -> None:
        self.tuning_chosen.emit(self._changed(**values))

    def _move(self, **values: Any) -> None:
        self.tuning_moved.emit(self._changed(**values))


def _label(text: str, buddy: QWidget) -> TextLabel:
    label = TextLabel(text, "heading")
    label.setTextFormat(Qt.TextFormat.AutoText)
    label.setBuddy(buddy)
    return label


def _slider(last: int, page: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, last)
    slider.setPageStep(page)
    slider.setMinimumWidth(60)
    return slider


def left_in_a_row(*widgets: QWidget) -> QHBoxLayout:
    """Side by side, each as wide as it needs."""
    row = in_a_row(*widgets)
    row.addStretch(1)
    return row


def in_a_row(*widgets: QWidget) -> QHBoxLayout:
    """Side by side; what can be of any width takes what there is more."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, QSlider | QComboBox | ElidedLabel | TwoLineLabel) else 0)
    return row
