"""Passes on what the user tunes to the session and to what is remembered, and takes back what is refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QObject

from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.playout.presets import PresetName
from core.playout.settings import PlayoutSettings
from core.receiver.options import SettingError
from core.receiver.status import SessionSnapshot
from gui import settings
from gui.encoder_desk import EncoderDesk, EncoderStep
from gui.profiles import Profile
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.settled_change import SettledChange
from gui.tuning import Tuning, preset_of, tuning_of
from gui.view_models.encoder import application_view, encoder_view
from gui.view_models.tune import frame_size_view, latency_text, playout_text, tuning_change_text
from gui.widgets.tune_panel import TunePanel

_UNDO_STEPS: Final = 100

FIRST_FIXED_MS: Final = PlayoutSettings().target_delay_ms
"""Where a fixed buffer starts that is chosen while nothing plays."""


class Tuner(QObject):
    """Between the tune panel, the settings and the session."""

    def __init__(
        self,
        panel: TunePanel,
        store: SettingsStore,
        owner: SessionOwner,
        monitor: Monitor,
        refuse: Callable[[str], None],
        parent: QObject,
    ) -> None:
        """Show what is remembered; ``refuse`` tells people that, and why, something was not accepted."""
        super().__init__(parent)
        self._panel, self._store, self._owner, self._monitor = panel, store, owner, monitor
        self._refuse = refuse
        self._change: SettledChange[Tuning] = SettledChange(self._on_settled, self)
        self._undo_change: SettledChange[Tuning] = SettledChange(
            lambda before, _now: self._undone_to.append(before), self
        )
        self._undone_to: deque[Tuning | EncoderStep] = deque(maxlen=_UNDO_STEPS)
        self._latency_change: SettledChange[float | None] = SettledChange(self._on_latency_settled, self)
        panel.playout.preset_chosen.connect(self._on_preset)
        panel.playout.tuning_chosen.connect(self._on_chosen)
        panel.playout.tuning_moved.connect(self._set)
        panel.frame_size_chosen.connect(self._on_frame_size)
        self._encoder = EncoderDesk(panel.encoder, store, owner, self._remember_undo, self)
        self._show_tuning()

    def show_facts(self) -> None:
        """Bring what is in force up to date."""
        snapshot = self._owner.snapshot() if self._owner.is_running else None
        control = snapshot.frame_size if snapshot else None
        self._panel.show_frame_size(frame_size_view(control, self._store.get(settings.FRAME_MS)))
        self._panel.encoder.show_view(encoder_view(snapshot.encoder if snapshot else None, _measured(snapshot)))
        self._panel.encoder.show_application(application_view(snapshot.application if snapshot else None))
        output = snapshot.output if snapshot else None
        self._panel.show_playout(playout_text(snapshot, self._owner.playout), latency_text(output))

    def undo(self) -> None:
        """Take back the last change of what is tuned; again, the one before."""
        self._undo_change.settle()
        if self._undone_to:
            before = self._undone_to.pop()
            if isinstance(before, EncoderStep):
                self._encoder.go_back(before)
                return
            self._set(before)
            self._undo_change.forget()
            self._settle()

    def use_profile(self, profile: Profile) -> None:
        """Put all that a profile tunes into force."""
        self._set(profile.tuning)
        self._settle()
        if profile.frame_ms != self._store.get(settings.FRAME_MS):
            self._on_frame_size(profile.frame_ms)
        self._encoder.use(profile.encoder)
        self.show_facts()

    def try_out(self, tuning: Tuning) -> None:
        """Put ``tuning`` into force without remembering it for the next start."""
        self._set(tuning, self._store.override_tuning)
        self._undo_change.forget()
        self._settle()

    def fix_depth(self, depth_ms: float) -> None:
        """A fixed buffer of so many milliseconds, from now on."""
        tuning = self._store.tuning
        self._set(replace(tuning, playout=replace(tuning.playout, is_adaptive=False, target_delay_ms=depth_ms)))
        self._settle()

    def _remember_undo(self, step: EncoderStep) -> None:
        # What was moved before it comes before it.
        self._undo_change.settle()
        self._undone_to.append(step)

    def _on_preset(self, preset: PresetName | None) -> None:
        self._set(self._store.get(settings.OWN_TUNING) if preset is None else tuning_of(preset))
        self._settle()

    def _on_chosen(self, tuning: Tuning) -> None:
        if self._store.tuning.playout.is_adaptive and not tuning.playout.is_adaptive:
            snapshot = self._owner.snapshot() if self._owner.is_running else None
            # Goes on as it was, so that choosing it alone is not heard.
            depth_ms = FIRST_FIXED_MS if snapshot is None else float(round(snapshot.target_delay_ms))
            tuning = replace(tuning, playout=replace(tuning.playout, target_delay_ms=depth_ms))
        self._set(tuning)
        self._settle()

    def _set(self, tuning: Tuning, keep: Callable[[Tuning], None] | None = None) -> None:
        """Put ``tuning`` into force, and ``keep`` it; where it is refused, everything stays as it is."""
        before = self._store.tuning
        session = self._owner.session
        if session is not None:
            try:
                session.set_playout(tuning.playout)
            except SettingError as error:
                self._refuse(str(error))
                self._show_tuning()
                return
            self._change.moved(before, tuning)
            self._latency_change.moved(before.device_latency_ms, tuning.device_latency_ms)
        self._undo_change.moved(before, tuning)
        (keep or self._store.remember_tuning)(tuning)
        self._show_tuning()
        self.show_facts()

    def _settle(self) -> None:
        self._undo_change.settle()
        self._change.settle()
        self._latency_change.settle()

    def _on_settled(self, before: Tuning, now: Tuning) -> None:
        if text := tuning_change_text(before, now):
            self._monitor.events.add(Level.CHANGE, text)

    def _on_latency_settled(self, before_ms: float | None, now_ms: float | None) -> None:
        """Only now: each change opens the device anew, which is heard."""

        def undo() -> None:
            tuning = self._store.tuning
            if tuning.device_latency_ms == now_ms:
                self._store.remember_tuning(replace(tuning, device_latency_ms=before_ms))
                self._show_tuning()

        self._owner.set_device_latency_ms(now_ms, undo)

    def _show_tuning(self) -> None:
        has_own = preset_of(self._store.get(settings.OWN_TUNING)) is None
        self._panel.playout.show_tuning(self._store.tuning, has_own)

    def _on_frame_size(self, frame_ms: float | None) -> None:
        before = self._store.get(settings.FRAME_MS)
        self._store.set(settings.FRAME_MS, frame_ms)
        if frame_ms is not None:
            self._owner.request_frame_ms(frame_ms, lambda: self._store.set(settings.FRAME_MS, before))


def _measured(snapshot: SessionSnapshot | None) -> float | None:
    """What the packets hold, in kbit/s."""
    return snapshot.stream.bitrate_kbps if snapshot and snapshot.stream else None
