"""What has to be done for listeners now and then: queues that can move on, reports that are due, who is stuck.

One task for all listeners of a stream, in small turns: a thousand reports at once would hold up the packets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from core.server.clock import ServerClock

TURN_S: Final = 0.01
"""What waits because the socket was full goes on so soon after that has changed."""

CALM_TURN_S: Final = 0.05
"""While nothing waits. Each turn wakes the process up, which costs more than what it does then."""

REPORT_NS: Final = 1_000_000_000
"""Between two reports to the same listener."""


class Guest(Protocol):
    """A listener, as the housekeeping sees it. Nothing here waits."""

    def flush(self, now_ns: int) -> bool:
        """Send what waits; whether it has to be called again."""

    def report(self, now_ns: int) -> None:
        """A second has gone by."""

    def fail(self, error: Exception) -> None:
        """One of these has raised what nobody thought of: end it, and it alone."""


class Housekeeping:
    """Calls each listener back."""

    def __init__(self, clock: ServerClock) -> None:
        """Nobody is there."""
        self._clock = clock
        self._blocked: dict[Guest, None] = {}
        self._reports: deque[tuple[int, Guest]] = deque()
        """When the next one is due, soonest first: all come back after the same time."""
        self._guests: set[Guest] = set()
        self._is_needed = asyncio.Event()

    def join(self, guest: Guest) -> None:
        """Report to it from a second from now on."""
        self._guests.add(guest)
        self._is_needed.set()
        self._reports.append((self._clock.now_ns() + REPORT_NS, guest))

    def leave(self, guest: Guest) -> None:
        """Forget it."""
        self._guests.discard(guest)
        self._blocked.pop(guest, None)
        if not self._guests:
            self._reports.clear()
            self._is_needed.clear()

    def blocked(self, guest: Guest) -> None:
        """Flush it from now on."""
        self._blocked[guest] = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._is_needed.wait()
            # Not by deadlines: whoever comes too late for a turn has nothing to catch up with.
            await asyncio.sleep(TURN_S if self._blocked else CALM_TURN_S)
            self.turn()

    def turn(self) -> None:
        """All that is due now."""
        now_ns = self._clock.now_ns()
        for guest in list(self._blocked):
            try:
                is_done = not guest.flush(now_ns)
            except Exception as error:  # noqa: BLE001 - of one guest; the others are looked after
                guest.fail(error)
                is_done = True
            if is_done:
                self._blocked.pop(guest, None)
        for guest in list(self._due(now_ns)):
            try:
                guest.report(now_ns)
            except Exception as error:  # noqa: BLE001
                guest.fail(error)

    def _due(self, now_ns: int) -> Iterator[Guest]:
        while self._reports and self._reports[0][0] <= now_ns:
            due_ns, guest = self._reports.popleft()
            if guest in self._guests:
                next_ns = due_ns + REPORT_NS
                # What a stall left out is not made up for.
                self._reports.append((next_ns if next_ns > now_ns else now_ns + REPORT_NS, guest))
                yield guest
