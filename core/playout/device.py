"""How the device asks: evenly, or several blocks at once with a pause between."""

from __future__ import annotations

from typing import Final

from core.playout.windows import SteppedMinimum

_SPAN_NS: Final = 2_000_000_000
_STEP_NS: Final = 500_000_000
_RESTART_NS: Final = 1_000_000_000
"""After such a pause the device starts anew: it fills its whole buffer first, which it never asks for again."""


class DevicePattern:
    """Learns the burst: the most frames that the device asks for faster than it plays them.

    A sound card with 40 ms of its own asks for 40 ms within a millisecond. All of that has to lie in the ring then, or
    it starves, however well the packets come.
    """

    def __init__(self) -> None:
        """Nothing asked yet."""
        # The largest burst is the smallest negated one.
        self._negated = SteppedMinimum(_STEP_NS, steps=_SPAN_NS // _STEP_NS + 1)
        self._last_ns: int | None = None
        self._is_priming = True
        self._burst = 0
        self.block_frames = 0
        """Frames of the newest request."""

    def asked(self, now_ns: int, frames: int, frames_ns: int) -> None:
        """The device asks for ``frames`` frames, which it plays within ``frames_ns``."""
        pause_ns = None if self._last_ns is None else now_ns - self._last_ns
        self._last_ns = now_ns
        self.block_frames = frames
        if pause_ns is None or pause_ns > _RESTART_NS:
            self._is_priming = True
        elif pause_ns < frames_ns // 2:
            self._burst += frames
        else:
            self._is_priming = False
        if pause_ns is None or pause_ns >= frames_ns // 2:
            self._burst = frames
        if not self._is_priming:
            self._negated.add(now_ns, -self._burst)

    @property
    def asked_before(self) -> int:
        """Frames of the present burst that were asked for before the newest request: it is heard so much later."""
        return self._burst - self.block_frames

    def burst_frames(self, now_ns: int) -> int:
        """The largest burst of the last two seconds."""
        return -(self._negated.between(now_ns, 0, _SPAN_NS) or 0)
