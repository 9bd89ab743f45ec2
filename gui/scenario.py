"""The guided demo: a minute in which the network gets bad and the buffer shows what it can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from core.playout.presets import PRESETS, PresetName
from core.playout.settings import PlayoutSettings
from core.receiver.impairment.settings import NO_IMPAIRMENT, Impairment
from gui.translation import translate

_CLEAN: Final = NO_IMPAIRMENT
_STALLS: Final = Impairment(jitter_ms=3.0, stall_every_s=3.0, stall_ms=150.0, seed=1)
_FIXED: Final = PlayoutSettings(target_delay_ms=60.0)
_ADAPTIVE: Final = PRESETS[PresetName.BALANCED].playout
_TICK_MS: Final = 250


@dataclass(frozen=True, slots=True)
class Step:
    """From ``at_s`` on: a caption, and what is then in force; ``None`` leaves it as it is."""

    at_s: float
    caption: str
    impairment: Impairment | None = None
    playout: PlayoutSettings | None = None
    frame_ms: float | None = None


TOUR: Final[tuple[Step, ...]] = (
    Step(
        0.0,
        "The lab adds nothing to the network, and the buffer is fixed at 60 ms: Latency shows where the time goes,"
        " Underruns whether anything is missing.",
        _CLEAN,
        _FIXED,
        20.0,
    ),
    Step(
        9.0,
        "Now the network stalls for 150 ms every 3 s, more than a fixed buffer of 60 ms is made for:"
        " Underruns says for how long it runs dry, and why.",
        _STALLS,
    ),
    Step(
        24.0,
        "The same stalls with the adaptive buffer: it learns from what comes late, its target rises, and it plays"
        " slower for a moment where that may save a dropout.",
        playout=_ADAPTIVE,
    ),
    Step(
        40.0,
        "The stalls are over: as long as nothing else is late the target comes down by itself, and what was late is"
        " caught up with.",
        _CLEAN,
    ),
    Step(
        52.0,
        "The server is asked for frames of 10 ms instead of 20; where it takes that over, they need 10 ms less of the"
        " latency.",
        frame_ms=10.0,
    ),
    Step(60.0, "That was it. The tab Changes has each step before and after; everything is yours now."),
)
"""A minute. A caption tells what is done and where to look, never what comes of it: that may be otherwise on a busy
computer or a bad network. The last step's caption stays until it is dismissed."""


class Scenario(QObject):
    """Goes through steps while a stream plays; may be ended at any moment, and puts everything back."""

    caption_changed = Signal(str, int, int)
    """What to say, the step's number from 1, and how many there are."""
    ended = Signal(str)
    """The last caption, or an empty text where it was stopped."""

    def __init__(
        self,
        set_impairment: Callable[[Impairment], None],
        set_playout: Callable[[PlayoutSettings], None],
        request_frame_ms: Callable[[float], None],
        put_back: Callable[[], None],
        clock_s: Callable[[], float],
        steps: tuple[Step, ...] = TOUR,
        parent: QObject | None = None,
    ) -> None:
        """``put_back`` restores the user's own settings at the end; ``clock_s`` is any steady clock."""
        super().__init__(parent)
        self._set_impairment, self._set_playout = set_impairment, set_playout
        self._request_frame_ms, self._put_back = request_frame_ms, put_back
        self._clock_s, self._steps = clock_s, steps
        self._next = 0
        self._has_begun = False
        self._began_s: float | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def is_running(self) -> bool:
        """Whether steps are still to come."""
        return self._began_s is not None

    def begin_once(self) -> None:
        """Begin with the first step now, unless that was done before."""
        if not self._has_begun:
            self._has_begun = True
            self._began_s = self._clock_s()
            self._timer.start()
            self.tick()

    def stop(self) -> None:
        """End at once, with everything as it was before; one that has not begun never will."""
        self._has_begun = True
        self._end("")

    def tick(self) -> None:
        """Take the step that is due, if one is."""
        while self._began_s is not None and self._clock_s() - self._began_s >= self._steps[self._next].at_s:
            step = self._steps[self._next]
            self._next += 1
            if self._next == len(self._steps):
                self._end(translate("Scenario", step.caption))
                return
            if step.impairment is not None:
                self._set_impairment(step.impairment)
            if step.playout is not None:
                self._set_playout(replace(step.playout))
            if step.frame_ms is not None:
                self._request_frame_ms(step.frame_ms)
            self.caption_changed.emit(translate("Scenario", step.caption), self._next, len(self._steps) - 1)

    def _end(self, caption: str) -> None:
        if self._began_s is None:
            return
        self._began_s = None
        self._timer.stop()
        self._put_back()
        self.ended.emit(caption)
