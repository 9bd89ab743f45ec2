"""What lies between the buffer and one output: a tap that can be shut, and a watch on how much runs through it."""

from __future__ import annotations

from typing import Final

from core.audio.output import SAMPLE_RATE_HZ, Pcm, Pull
from core.audio.played import PlayedAudio

STARVING_SHARE: Final = 0.8
FIRST_CALL_WITHIN_NS: Final = 3_000_000_000
"""Bluetooth needs seconds to begin."""

WINDOW_NS: Final = 500_000_000
_STARVING_WINDOWS: Final = 2
_SHORT_SHARE: Final = 0.95
_SHORT_WINDOWS: Final = 6
"""A stall of the machine costs one window or two; a latency too small for the server's period costs all."""


class Tap:
    """Lets one output drain the buffer, or gives it silence; counts the frames asked for."""

    def __init__(self, pull: Pull, played: PlayedAudio) -> None:
        """Shut."""
        self._pull = pull
        self._played = played
        self.is_open = False
        self.frames = 0

    def pull(self, out: Pcm, now_ns: int) -> None:
        """As `core.audio.output.Pull`."""
        self.frames += len(out)
        if self.is_open:
            self._pull(out, now_ns)
            self._played.write(out)
        else:
            out.fill(0.0)


class StarvationWatch:
    """Compares the frames that a device asked for with the time that went by."""

    def __init__(self, now_ns: int) -> None:
        """The device begins now."""
        self._started_ns = now_ns
        self._window_began_ns: int | None = None
        self._frames = 0
        self._shares: list[float] = []

    def starving_share(self, now_ns: int, frames: int) -> float | None:
        """The share of its samples the device asked for last, once it starves for too long; else ``None``."""
        share = self.window_share(now_ns, frames)
        if share is None:
            return None
        self._shares.append(share)
        for most, windows in ((STARVING_SHARE, _STARVING_WINDOWS), (_SHORT_SHARE, _SHORT_WINDOWS)):
            last = self._shares[-windows:]
            if len(last) == windows and max(last) < most:
                return last[-1]
        del self._shares[:-_SHORT_WINDOWS]
        return None

    def window_share(self, now_ns: int, frames: int) -> float | None:
        """The share of its samples the device asked for in the window that ends now; ``None`` while none ends.

        ``frames`` counts from the beginning. The first window begins with the first call, or when that is overdue.
        """
        if self._window_began_ns is None:
            if frames or now_ns - self._started_ns > FIRST_CALL_WITHIN_NS:
                self._begin_window(now_ns, frames)
            return None
        elapsed_ns = now_ns - self._window_began_ns
        if elapsed_ns < WINDOW_NS:
            return None
        share = (frames - self._frames) * 1_000_000_000 / SAMPLE_RATE_HZ / elapsed_ns
        self._begin_window(now_ns, frames)
        if elapsed_ns > 2 * WINDOW_NS:  # This process itself stood still: no verdict on the device.
            self._shares.clear()
            return None
        return share

    def _begin_window(self, now_ns: int, frames: int) -> None:
        self._window_began_ns, self._frames = now_ns, frames
