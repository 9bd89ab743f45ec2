"""The guided demo in the window: its captions, its beginning with the first sound, and the way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject

from core.receiver.impairment.settings import Impairment
from core.receiver.status import SessionSnapshot
from gui.scenario import Scenario
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.tuner import Tuner
from gui.widgets.caption_bar import CaptionBar
from gui.widgets.lab_panel import LabPanel


class DemoDesk(QObject):
    """Between `Scenario` and everything it moves."""

    def __init__(
        self,
        tuner: Tuner,
        store: SettingsStore,
        owner: SessionOwner,
        lab: LabPanel,
        set_impairment: Callable[[Impairment], None],
        parent: QObject,
    ) -> None:
        """No demo is wanted yet."""
        super().__init__(parent)
        self._tuner, self._store, self._owner = tuner, store, owner
        self._lab, self._set_impairment = lab, set_impairment
        self._scenario: Scenario | None = None
        self._frame_ms: float | None = None
        """In force when the demo began."""
        self.bar = CaptionBar()

    def want(self, impairment: Impairment) -> None:
        """Go through the demo once audio comes; afterwards all is as now, with this impairment."""
        tuning, values = self._store.tuning, self._lab.values

        def put_back() -> None:
            self._tuner.try_out(tuning)
            self._set_impairment(impairment)
            # Where nothing was impaired, the demo's values would stay in the controls.
            self._lab.hold(values)
            if self._frame_ms is not None:
                self._request_frame_ms(self._frame_ms)

        self._scenario = Scenario(
            self._set_impairment,
            lambda playout: self._tuner.try_out(replace(self._store.tuning, playout=playout)),
            self._request_frame_ms,
            put_back,
            time.monotonic,
            parent=self,
        )
        self._scenario.caption_changed.connect(self.bar.show_caption)
        self._scenario.ended.connect(self.bar.show_end)
        self.bar.stop_wanted.connect(self._scenario.stop)
        self.bar.show_waiting()

    def show_facts(self, snapshot: SessionSnapshot | None) -> None:
        """Begin with the first sound."""
        if self._scenario is not None and snapshot is not None and snapshot.total_samples_received:
            if self._frame_ms is None:
                self._frame_ms = self._owner.frame_ms
            self._scenario.begin_once()

    def _request_frame_ms(self, frame_ms: float) -> None:
        # Where the server takes no such request, that step shows nothing, and the demo goes on.
        if self._owner.frame_ms is not None:
            self._owner.request_frame_ms(frame_ms, lambda: None)
