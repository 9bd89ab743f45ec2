"""The network lab: makes the network between this server and the buffer as bad as one likes, and as good again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QGridLayout, QPushButton, QWidget

from core.playout.trace import TraceError, read_trace
from core.receiver.impairment.settings import (
    MAX_BANDWIDTH_KBPS,
    MAX_DELAY_MS,
    MAX_DISCONNECT_EVERY_S,
    MAX_JITTER_MS,
    MAX_SEED,
    MAX_STALL_EVERY_S,
    MAX_STALL_MS,
    NO_IMPAIRMENT,
    Impairment,
    ImpairmentError,
    JitterDistribution,
)
from gui.translation import translate
from gui.widgets.labels import TextLabel, TwoLineLabel, describe
from gui.widgets.number_box import NumberBox
from gui.widgets.playout_controls import in_a_row

_USUAL_STALL_MS: Final = 200.0
_SPIN_MAX_SEED: Final = min(MAX_SEED, 2**31 - 1)
_LEAST_SEED_PX: Final = 70
_LEAST_CHOICE_LETTERS: Final = 6
"""What is cut in a small window can be read in the list."""

NETWORKS: Final[tuple[tuple[str, Impairment], ...]] = (
    ("good Wi-Fi", Impairment(delay_ms=5.0, jitter_ms=3.0, jitter_distribution=JitterDistribution.EXPONENTIAL)),
    (
        "busy Wi-Fi",
        Impairment(
            delay_ms=10.0,
            jitter_ms=12.0,
            jitter_distribution=JitterDistribution.EXPONENTIAL,
            random_stall_every_s=8.0,
            random_stall_ms=180.0,
        ),
    ),
    (
        "mobile network",
        Impairment(
            delay_ms=60.0,
            jitter_ms=20.0,
            jitter_distribution=JitterDistribution.PARETO,
            random_stall_every_s=20.0,
            random_stall_ms=400.0,
        ),
    ),
    ("a stall every 3 s", Impairment(stall_every_s=3.0, stall_ms=150.0)),
    ("slow line, 64 kbit/s", Impairment(delay_ms=30.0, bandwidth_kbps=64.0)),
    ("breaks off every 30 s", Impairment(disconnect_every_s=30.0)),
)
"""Names, and what they stand for; the numbers are typical orders of size, not measurements of a certain network."""


class LabPanel(QWidget):
    """Controls for one `Impairment`. What is set is in force at once, and stays for this run of the program only."""

    impairment_chosen = Signal(object)
    problem = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Off."""
        super().__init__(parent)
        self._set = NO_IMPAIRMENT
        self.is_on = QCheckBox(self.tr("I&mpair the network"))
        describe(
            self.is_on,
            self.tr("Impair the network"),
            self.tr("Switch everything below on or off: hear and see the difference"),
        )
        self.is_on.toggled.connect(self._tell)
        self.network = QComboBox()
        self.network.addItem(self.tr("own values"), None)
        for name, impairment in NETWORKS:
            self.network.addItem(translate("Lab", name), impairment)
        describe(self.network, self.tr("Network"), self.tr("A kind of network, as a start for own values"))
        self.network.activated.connect(self._on_network)
        self._make_numbers()
        self.trace = QPushButton(self.tr("Replay a trace…"))
        describe(
            self.trace,
            self.tr("Replay a trace"),
            self.tr("Only the delays of a recorded arrival trace (JSON with frame_ms and delays_ms), over and over"),
        )
        self.trace.clicked.connect(self._ask_for_trace)
        self.no_trace = QPushButton(self.tr("Without"))
        describe(self.no_trace, self.tr("Without a trace"), self.tr("Replay no trace any more"))
        self.no_trace.clicked.connect(lambda: self._change(trace=None, trace_name=None))
        self.in_force = TwoLineLabel("muted")
        self._lay_out()
        self.show_impairment(NO_IMPAIRMENT)

    def show_impairment(self, impairment: Impairment) -> None:
        """Show what is in force. What is set stays while it is only switched off."""
        if impairment.is_active:
            self._set = impairment
        with QSignalBlocker(self.is_on):
            self.is_on.setChecked(impairment.is_active)
        self._show_numbers()
        self.in_force.show_text(self.tr("In force: {0}").format(impairment.describe()))

    @property
    def values(self) -> Impairment:
        """What the controls hold, also while it is switched off."""
        return self._set

    def hold(self, values: Impairment) -> None:
        """Let the controls hold ``values``, and leave what is in force as it is."""
        self._set = values
        self._show_numbers()

    def load_trace(self, path: Path) -> None:
        """Replay the trace in a file; one that holds none is named, and everything stays as it is."""
        try:
            trace = read_trace(path)
        except TraceError as error:
            self.problem.emit(str(error))
            return
        # What the last kind of network left behind would be taken for the recording.
        self._change(**{**_fields(NO_IMPAIRMENT), "trace": trace, "trace_name": path.name})

    def _make_numbers(self) -> None:
        ms, seconds = self.tr(" ms"), self.tr(" s")
        self.delay = self._number(MAX_DELAY_MS, 10, ms, self.tr("Delay"), self.tr("Milliseconds added to everything"))
        self.jitter = self._number(
            MAX_JITTER_MS, 5, ms, self.tr("Jitter"), self.tr("Milliseconds by which delays scatter; they only add")
        )
        self.distribution = QComboBox()
        for distribution in JitterDistribution:
            self.distribution.addItem(translate("Lab", distribution.value), distribution)
        self.distribution.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.distribution.setMinimumContentsLength(_LEAST_CHOICE_LETTERS)
        describe(self.distribution, self.tr("Distribution of the jitter"), self.tr("How delays scatter"))
        self.distribution.activated.connect(lambda _at: self._take_numbers())
        tooltip = self.tr("Seconds from one stall to the next; 0 is none. Nothing gets through, then all of it at once")
        self.stall_every = self._number(MAX_STALL_EVERY_S, 1, seconds, self.tr("Time between stalls"), tooltip)
        self.stall = self._number(MAX_STALL_MS, 50, ms, self.tr("Length of stalls"), self.tr("Milliseconds"))
        tooltip = self.tr("Seconds between stalls at random moments, on average; 0 is none")
        self.random_every = self._number(MAX_STALL_EVERY_S, 1, seconds, self.tr("Time between random stalls"), tooltip)
        self.random = self._number(
            MAX_STALL_MS, 50, ms, self.tr("Length of random stalls"), self.tr("Milliseconds on average")
        )
        tooltip = self.tr("Kilobits per second that get through at most; 0 is no limit")
        self.bandwidth = self._number(MAX_BANDWIDTH_KBPS, 8, self.tr(" kbit/s"), self.tr("Bandwidth"), tooltip)
        tooltip = self.tr("Seconds after which each connection breaks off; 0 is never")
        self.disconnect_every = self._number(MAX_DISCONNECT_EVERY_S, 5, seconds, self.tr("Disconnect"), tooltip)
        self.seed = NumberBox(0.0, _SPIN_MAX_SEED, 1.0, "")
        self.seed.setDecimals(0)
        # Room for the largest number would make all of the window wider.
        self.seed.setMinimumWidth(_LEAST_SEED_PX)
        describe(self.seed, self.tr("Seed"), self.tr("The same seed repeats the same network"))
        self.seed.valueChanged.connect(self._take_numbers)

    def _number(self, high: float, step: float, suffix: str, name: str, tooltip: str) -> NumberBox:
        box = NumberBox(0.0, high, step, suffix)
        describe(box, name, tooltip)
        box.valueChanged.connect(self._take_numbers)
        return box

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 4, 6, 4)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(5)
        every, of = TextLabel(self.tr("every"), "muted"), TextLabel(self.tr("of"), "muted")
        on_average, about = TextLabel(self.tr("about every"), "muted"), TextLabel(self.tr("of"), "muted")
        rows: tuple[tuple[str, tuple[QWidget, ...]], ...] = (
            ("", (self.is_on, self.network)),
            (self.tr("Delay"), (self.delay, TextLabel(self.tr("jitter"), "muted"), self.jitter, self.distribution)),
            (self.tr("Stalls"), (every, self.stall_every, of, self.stall)),
            (self.tr("Random"), (on_average, self.random_every, about, self.random)),
            (
                self.tr("Limits"),
                (self.bandwidth, TextLabel(self.tr("break off after"), "muted"), self.disconnect_every),
            ),
            (self.tr("Trace"), (self.trace, self.no_trace, TextLabel(self.tr("seed"), "muted"), self.seed)),
            ("", (self.in_force,)),
        )
        for at, (text, widgets) in enumerate(rows):
            row = in_a_row(*widgets)
            if not any(isinstance(widget, QComboBox | TwoLineLabel) for widget in widgets):
                row.addStretch(1)
            grid.addWidget(TextLabel(text, "heading"), at, 0)
            grid.addLayout(row, at, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(rows), 1)
        grid.setAlignment(Qt.AlignmentFlag.AlignTop)

    def _show_numbers(self) -> None:
        shown = self._set
        for box, value in (
            (self.delay, shown.delay_ms),
            (self.jitter, shown.jitter_ms),
            (self.stall_every, shown.stall_every_s),
            (self.stall, shown.stall_ms),
            (self.random_every, shown.random_stall_every_s),
            (self.random, shown.random_stall_ms),
            (self.bandwidth, shown.bandwidth_kbps),
            (self.disconnect_every, shown.disconnect_every_s),
        ):
            with QSignalBlocker(box):
                box.setValue(value or 0.0)
        with QSignalBlocker(self.seed):
            self.seed.setValue(shown.seed)
        with QSignalBlocker(self.distribution):
            self.distribution.setCurrentIndex(list(JitterDistribution).index(shown.jitter_distribution))
        known = next((at for at, (_, impairment) in enumerate(NETWORKS, start=1) if impairment == shown), 0)
        self.network.setCurrentIndex(known)
        self.no_trace.setEnabled(shown.trace is not None)

    def _on_network(self, at: int) -> None:
        impairment = self.network.itemData(at)
        if impairment is not None:
            self._set = impairment
            self._switch_on()

    def _take_numbers(self) -> None:
        stall_every_s, random_every_s = self.stall_every.value(), self.random_every.value()
        self._change(
            delay_ms=self.delay.value(),
            jitter_ms=self.jitter.value(),
            jitter_distribution=self.distribution.currentData(),
            # A time without a length, or the other way round, is on its way to both.
            stall_every_s=stall_every_s or None,
            stall_ms=(self.stall.value() or _USUAL_STALL_MS) if stall_every_s else None,
            random_stall_every_s=random_every_s or None,
            random_stall_ms=(self.random.value() or _USUAL_STALL_MS) if random_every_s else None,
            bandwidth_kbps=self.bandwidth.value() or None,
            disconnect_every_s=self.disconnect_every.value() or None,
            is_disconnect_random=self._set.is_disconnect_random and self.disconnect_every.value() > 0,
            seed=round(self.seed.value()),
            trace=self._set.trace,
            trace_name=self._set.trace_name,
        )

    def _change(self, **values: object) -> None:
        try:
            self._set = Impairment(**{**_fields(self._set), **values})  # type: ignore[arg-type]
        except ImpairmentError as error:
            self.problem.emit(str(error))
            self._show_numbers()
            return
        self._switch_on()

    def _switch_on(self) -> None:
        with QSignalBlocker(self.is_on):
            self.is_on.setChecked(self._set.is_active)
        self._show_numbers()
        self._tell()

    def _tell(self) -> None:
        self.impairment_chosen.emit(self._set if self.is_on.isChecked() else NO_IMPAIRMENT)

    def _ask_for_trace(self) -> None:
        dialog = QFileDialog(self, self.tr("Replay an arrival trace"), "", self.tr("Arrival traces (*.json)"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.load_trace(Path(name)))
        dialog.open()


def _fields(impairment: Impairment) -> dict[str, object]:
    return {name: getattr(impairment, name) for name in impairment.__dataclass_fields__}
