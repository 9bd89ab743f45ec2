"""The stage between socket and jitter buffer: messages wait here until the impaired network would have brought them."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from core.receiver.impairment.path import ImpairedPath
from core.receiver.impairment.settings import Impairment

Message = bytes | str
Deliver = Callable[[Message, int], Awaitable[None]]
"""Takes a message and the monotonic nanoseconds at which it came out."""

MAX_HELD_MESSAGES: Final = 8_192
MAX_HELD_BYTES: Final = 1 << 20
"""16 s at Opus' highest rate. When so much is held, nothing more is read: the server notices, as over a narrow link."""

_PRECISE_SLEEP_S: Final = 0.02
"""Qt's coarse timers are off by up to 5 % of what is longer: so that is slept towards, not until."""

_BURST: Final = 32
"""So many messages are delivered in a row before others on the event loop have their turn."""


@dataclass(slots=True)
class _Held:
    message: Message
    read_ns: int
    due_ns: int


class ImpairedStage:
    """Holds messages back in order. Used by one task that reads and one that delivers, on one event loop."""

    def __init__(self, impairment: Impairment, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Nothing is held yet."""
        self._impairment = impairment
        self._is_active = impairment.is_active
        self._clock_ns = clock_ns
        self._path = ImpairedPath(impairment)
        self._held: deque[_Held] = deque()
        self._held_bytes = 0
        self._disconnect_ns: int | None = None
        self._has_connection = False
        self._wake = asyncio.Event()
        self._delivered = asyncio.Event()

    @property
    def impairment(self) -> Impairment:
        """What is in force."""
        return self._impairment

    @property
    def is_direct(self) -> bool:
        """Whether a message that is read now has nothing to wait for, and goes past this stage."""
        return not self._held and not self._is_active

    def set(self, impairment: Impairment) -> None:
        """Put another impairment in force at once.

        What is held goes the new way from when it was read; what is too late for that comes out now, in order.
        """
        self._impairment = impairment
        self._is_active = impairment.is_active
        self._path = ImpairedPath(impairment)
        for held in self._held:
            held.due_ns = self._path.release_ns(held.read_ns, _size(held.message))
        self._plan_disconnect()
        self._wake.set()

    async def hold(self, message: Message, read_ns: int) -> None:
        """Take in a message that was read at ``read_ns``; waits while as much is held as may be."""
        size = _size(message)
        while self._held and (len(self._held) >= MAX_HELD_MESSAGES or self._held_bytes + size > MAX_HELD_BYTES):
            await self._next_delivery()
        self._held.append(_Held(message, read_ns, self._path.release_ns(read_ns, size)))
        self._held_bytes += size
        if len(self._held) == 1:
            self._wake.set()

    async def drain(self) -> None:
        """The server has closed the connection: return when all that it sent has been delivered, at its time."""
        self._has_connection = False
        self._disconnect_ns = None
        while self._held:
            await self._next_delivery()

    async def deliver(self, deliver: Deliver, break_off: Callable[[], None]) -> None:
        """Deliver what is due, for as long as this runs; call ``break_off`` when the connection is to be cut."""
        self._has_connection = True
        self._plan_disconnect()
        delivered = 0
        while True:
            now_ns = self._clock_ns()
            if self._disconnect_ns is not None and self._disconnect_ns <= now_ns:
                break_off()
                self.end_connection()
                self._delivered.set()
            elif self._held and self._held[0].due_ns <= now_ns:
                await self._deliver_first(deliver, now_ns)
                delivered += 1
                if delivered % _BURST == 0:
                    await asyncio.sleep(0)
            else:
                await self._sleep(now_ns)

    def end_connection(self) -> None:
        """The connection is gone, and with it what was still on the way."""
        self._held.clear()
        self._held_bytes = 0
        self._has_connection = False
        self._disconnect_ns = None

    async def _deliver_first(self, deliver: Deliver, now_ns: int) -> None:
        # It counts as held until it is delivered, or a reader could overtake it.
        await deliver(self._held[0].message, now_ns)
        self._held_bytes -= _size(self._held.popleft().message)
        self._delivered.set()

    async def _next_delivery(self) -> None:
        self._delivered.clear()
        await self._delivered.wait()

    async def _sleep(self, now_ns: int) -> None:
        """Until something is due, roughly, or something has changed."""
        due_ns = [self._held[0].due_ns] if self._held else []
        if self._disconnect_ns is not None:
            due_ns.append(self._disconnect_ns)
        timer = None
        if due_ns:
            left_s = (min(due_ns) - now_ns) / 1e9
            sleep_s = left_s if left_s <= _PRECISE_SLEEP_S else 0.9 * left_s
            # Qt's timers drop fractions of a millisecond: the last one would be spent in waking up over and over.
            sleep_s = math.ceil(sleep_s * 1000) / 1000
            timer = asyncio.get_running_loop().call_later(sleep_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._wake.clear()

    def _plan_disconnect(self) -> None:
        self._disconnect_ns = self._path.disconnect_ns(self._clock_ns()) if self._has_connection else None


def _size(message: Message) -> int:
    """As sent: text travels as UTF-8."""
    return len(message) if isinstance(message, bytes) else len(message.encode())
