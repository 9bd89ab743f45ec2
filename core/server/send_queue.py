"""What waits to be sent to one listener: bounded in time, the oldest sound is given up first."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

Message = bytes | str

MAX_CONTROL_MESSAGES: Final = 64
"""Reports and state changes of about a minute; who doesn't read for so long is cut off by the heartbeat."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A message, and what it stands for."""

    message: Message
    duration_ms: float = 0.0
    """0 for what is not media."""
    payload_bytes: int = 0
    """Opus bytes in it."""


class SendQueue:
    """Messages in order. Media is dropped where it would last longer than the limit, control is kept."""

    def __init__(self, limit_ms: float) -> None:
        """``limit_ms`` is how much sound may wait; a single packet may always, however long it is."""
        self._limit_ms = limit_ms
        self._queued: deque[Queued] = deque()
        self._control_messages = 0
        self._changed = asyncio.Event()
        self._is_closed = False
        self.depth_ms = 0.0
        """Sound waiting."""
        self.packets_dropped = 0
        self.control_dropped = 0

    def put_media(self, message: bytes, duration_ms: float, payload_bytes: int) -> None:
        """Add a packet, and drop the oldest ones that then are too much."""
        if self._is_closed:
            return
        while self.depth_ms and self.depth_ms + duration_ms > self._limit_ms:
            self._drop_oldest(is_media=True)
            self.packets_dropped += 1
        self.depth_ms += duration_ms
        self._append(Queued(message, duration_ms, payload_bytes))

    def put_control(self, message: Message) -> None:
        """Add a message that belongs at this place of the stream."""
        if self._is_closed:
            return
        if self._control_messages == MAX_CONTROL_MESSAGES:
            self._drop_oldest(is_media=False)
            self.control_dropped += 1
        self._control_messages += 1
        self._append(Queued(message))

    def close(self) -> None:
        """Take nothing more; `get` gives what is there, then ``None``."""
        self._is_closed = True
        self._changed.set()

    def clear(self) -> None:
        """Forget everything that waits."""
        self._queued.clear()
        self._control_messages = 0
        self.depth_ms = 0.0

    async def get(self) -> Queued | None:
        """The next message as soon as there is one; ``None`` after the last."""
        while not self._queued:
            if self._is_closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        queued = self._queued.popleft()
        self._forget(queued)
        return queued

    def _append(self, queued: Queued) -> None:
        self._queued.append(queued)
        self._changed.set()

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
