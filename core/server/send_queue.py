"""What waits to be sent to one listener: bounded in time, the oldest sound is given up first."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

MAX_CONTROL_MESSAGES: Final = 64
"""Reports and state changes of about a minute; who doesn't read for so long is cut off long before."""


class Queued(NamedTuple):
    """A WebSocket frame, and what it stands for."""

    frame: bytes
    duration_ms: float = 0.0
    """0 for what is not media."""
    payload_bytes: int = 0
    """Opus bytes in it."""


class SendQueue:
    """Frames in order. Media is dropped where it would last longer than the limit, control is kept."""

    def __init__(self, limit_ms: float) -> None:
        """``limit_ms`` is how much sound may wait; a single packet may always, however long it is."""
        self._limit_ms = limit_ms
        self._queued: deque[Queued] = deque()
        self._control_messages = 0
        self.depth_ms = 0.0
        """Sound waiting."""
        self.packets_dropped = 0
        self.control_dropped = 0

    def __bool__(self) -> bool:
        return bool(self._queued)

    def put_media(self, queued: Queued) -> None:
        """Add a packet, and drop the oldest ones that then are too much."""
        while self.depth_ms and self.depth_ms + queued.duration_ms > self._limit_ms:
            self._drop_oldest(is_media=True)
            self.packets_dropped += 1
        self.depth_ms += queued.duration_ms
        self._queued.append(queued)

    def put_control(self, frame: bytes) -> None:
        """Add a message that belongs at this place of the stream."""
        if self._control_messages == MAX_CONTROL_MESSAGES:
            self._drop_oldest(is_media=False)
            self.control_dropped += 1
        self._control_messages += 1
        self._queued.append(Queued(frame))

    def clear(self) -> None:
        """Forget everything that waits."""
        self._queued.clear()
        self._control_messages = 0
        self.depth_ms = 0.0

    def take(self) -> Queued:
        """The next frame.

        Raises:
            IndexError: nothing waits.
        """
        queued = self._queued.popleft()
        self._forget(queued)
        return queued

    def _drop_oldest(self, *, is_media: bool) -> None:
        for index, queued in enumerate(self._queued):
            if (queued.duration_ms > 0) == is_media:
                del self._queued[index]
                self._forget(queued)
                return

    def _forget(self, queued: Queued) -> None:
        if queued.duration_ms:
            # All durations are multiples of 2.5 ms, so that nothing rounds and an empty queue is exactly 0 deep.
            self.depth_ms -= queued.duration_ms
        else:
            self._control_messages -= 1
