"""Which media time a ring position stands for."""

from __future__ import annotations

from collections import deque

from core.playout.arrivals import duration_ns


class MediaClock:
    """Ring positions count the frames written; media time also passes where nothing was written.

    It does in pauses of a source that tells media times, and in gaps that are too long to be filled.
    """

    def __init__(self) -> None:
        """Both begin together."""
        # Position and jump from there on, oldest first; the first holds for all positions before the second.
        self._jumps: deque[tuple[int, int]] = deque([(0, 0)])

    def jump(self, position: int, samples: int) -> None:
        """Between the frames before ``position`` and the one there so much media time passes."""
        self._jumps.append((position, self._jumps[-1][1] + samples))

    def media_ns(self, position: int) -> int:
        """The media time of the frame at ``position``."""
        at, offset = self._jumps[-1]
        # Nearly always there is one jump, or the last one counts.
        if position < at:
            offset = next((total for at, total in reversed(self._jumps) if position >= at), self._jumps[0][1])
        return duration_ns(position + offset)

    def forget(self, position: int) -> None:
        """Nothing before ``position`` will be asked for."""
        while len(self._jumps) > 1 and self._jumps[1][0] <= position:
            self._jumps.popleft()
