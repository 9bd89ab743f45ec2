"""A capture in place of a connection: what came then comes again, at the same distances in time.

A session that listens to it does all that it does with a socket: buffer, sound, lab, plots, verdict. Packets count as
arrived when the capture says, however late the event loop is: how late that is depends on this computer, not on the one
that captured.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from core.analysis.observation import (
    Closed,
    Connected,
    Connecting,
    NotConnected,
    Observation,
    ObserverStall,
    Received,
    RoundTrip,
)
from core.opus.media import MediaPacket
from core.receiver.any_link import OnRoundTrip
from core.receiver.link import LabDisconnectError
from core.receiver.options import NO_ENCODER_WISH, ListenOptions
from core.recording.capture_reader import Capture
from core.wire.control import Config, ControlMessage, Hello, pack_control
from core.wire.dialect import IgnoredText, NewStream, WireEvent

_PRECISE_SLEEP_S: Final = 0.02
"""Qt's coarse timers are off by up to 5 % of what is longer: so that is slept towards, not until."""

_LONGEST_SLEEP_S: Final = 0.1
"""How soon a jump to elsewhere is noticed."""

_BURST: Final = 32
"""So many messages come in a row before others on the event loop have their turn."""

_OVER: Final = 1000
"""RFC 6455 §7.4.1."""

OnStall = Callable[[int, int], None]
"""Takes from when to when the observing machine read nothing, in monotonic nanoseconds."""


class Replay:
    """Where in a capture the replay stands. It serves one session at a time, and can be used again after its end."""

    def __init__(self, capture: Capture, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """At the beginning."""
        self.capture = capture
        self.on_stall: OnStall | None = None
        self.is_over = False
        """Whether the end was reached, and nothing was begun since; what is heard may still be playing out."""
        self._clock_ns = clock_ns
        self._rest: Iterator[Observation] = iter(())
        self._next: Observation | None = None
        self._shift_ns: int | None = None
        """What the replay's clock is ahead of the capture's; ``None`` before anything was replayed."""
        self._jump_to_s: float | None = 0.0

    @property
    def position_s(self) -> float:
        """Seconds since the capture's first packet, between 0 and its duration."""
        if self._jump_to_s is not None:
            return self._jump_to_s
        if self._shift_ns is None:
            return 0.0
        at_s = (self._clock_ns() - self._shift_ns - self.capture.first_ns) / 1e9
        return min(max(0.0, at_s), self.capture.duration_s)

    @property
    def is_jumping(self) -> bool:
        """Whether `jump_to` was asked for and nothing came since."""
        return self._jump_to_s is not None

    def jump_to(self, position_s: float) -> None:
        """Go on from another place; where the session has ended, the next one begins there."""
        self._jump_to_s = min(max(0.0, position_s), self.capture.duration_s)

    @asynccontextmanager
    async def open_link(self) -> AsyncIterator[ReplayLink]:
        """The next connection of the capture, when its time has come.

        Raises:
            ConnectionError: this attempt failed then, too.
            ConnectionClosedOK: the capture is over.
        """
        self.is_over = False
        context = await self._settle()
        link = ReplayLink(self, context)
        while (seen := await self.next_due()) is not None:
            match seen:
                case NotConnected():
                    raise ConnectionError(f"as captured: {seen.reason}")
                case Connecting() | Closed() | RoundTrip() | ObserverStall():
                    self.take()
                    self.stalled(seen)
                case Connected():
                    self.take()
                    link.subprotocol, link.offered = seen.subprotocol, seen.offered
                    break
                case Received():
                    # A capture of another program, or one that was cut, knows of no connection.
                    break
        if seen is None and not self.is_jumping:
            raise self.over("the capture ends here")
        yield link

    async def next_due(self) -> Observation | None:
        """What happens next, when it is time; ``None`` at the end, or as soon as it is to go on elsewhere."""
        if self._next is None:
            self._next = next(self._rest, None)
        seen = self._next
        if seen is None:
            return None
        if self._shift_ns is None:
            self._shift_ns = self._clock_ns() - seen.at_ns
        while self._jump_to_s is None:
            left_s = (seen.at_ns + self._shift_ns - self._clock_ns()) / 1e9
            if left_s <= 0:
                return seen
            sleep_s = left_s if left_s <= _PRECISE_SLEEP_S else min(0.9 * left_s, _LONGEST_SLEEP_S)
            # Qt's timers drop fractions of a millisecond: the last one would be spent in waking up over and over.
            await asyncio.sleep(math.ceil(sleep_s * 1000) / 1000)
        return None

    def over(self, reason: str) -> ConnectionClosedOK:
        """What ends a session: there is nothing more to come."""
        self.is_over = True
        return ConnectionClosedOK(Close(_OVER, reason), None)

    def take(self) -> None:
        """What was due has been dealt with."""
        self._next = None

    def here_ns(self, at_ns: int) -> int:
        """A time of the capture on the clock of the replay."""
        return at_ns + (self._shift_ns or 0)

    def stalled(self, seen: Observation) -> None:
        """Tell of a stall, if it is one."""
        if isinstance(seen, ObserverStall) and self.on_stall is not None:
            self.on_stall(self.here_ns(seen.began_ns), self.here_ns(seen.ended_ns))

    async def settle_after_jump(self) -> list[WireEvent]:
        """Begin where a jump leads; gives what a listener should know there: what the server declared before."""
        return [NewStream(), *await self._settle()] if self.is_jumping else []

    async def _settle(self) -> list[WireEvent]:
        """Find the place that was asked for, aside: it may be far into a long file."""
        if self._jump_to_s is None:
            return []
        to_s = self._jump_to_s
        context = await asyncio.to_thread(self._skip_to, to_s)
        self._shift_ns = None
        if self._jump_to_s == to_s:
            self._jump_to_s = None
        return context

    def _skip_to(self, position_s: float) -> list[WireEvent]:
        observations = self.capture.observations()
        self._next = None
        if position_s <= 0:
            self._rest = observations
            return []
        goal_ns = self.capture.first_ns + round(position_s * 1e9)
        declared: dict[type, WireEvent] = {}
        for seen in observations:
            if isinstance(seen, Received):
                if isinstance(seen.event, MediaPacket) and seen.at_ns >= goal_ns:
                    self._rest = itertools.chain((seen,), observations)
                    return list(declared.values())
                if isinstance(seen.event, Hello | Config):
                    declared[type(seen.event)] = seen.event
            elif isinstance(seen, Connected):
                declared.clear()
        self._rest = iter(())
        return []


def replay_options(options: ListenOptions, replay: Replay) -> ListenOptions:
    """The same wishes for a replay, but for those that only a server could fulfil."""
    return replace(
        options,
        replay=replay,
        url=replay.capture.path.resolve().as_uri(),
        token=None,
        headers=(),
        accepts_any_certificate=False,
        frame_ms=None,
        encoder=NO_ENCODER_WISH,
    )


class _DialectThen:
    """What the capture tells of how the server framed its packets."""

    has_control = False
    reason = "replayed"

    def __init__(self) -> None:
        self.name = "detecting"


class ReplayLink:
    """One connection of a capture, as `AnyLink`."""

    def __init__(self, replay: Replay, context: list[WireEvent]) -> None:
        """Made by `Replay.open_link`; ``context`` comes first."""
        self._replay = replay
        self._events: deque[WireEvent] = deque()
        """What `receive` was not asked for yet; with a lab that is later."""
        self._read_last: WireEvent | None = None
        self._context = context
        self._is_broken_off = False
        self.dialect = _DialectThen()
        self.lab_delay_ms = 0.0
        self.on_round_trip: OnRoundTrip | None = None
        self.subprotocol: str | None = None
        self.offered: tuple[str, ...] = ()
        self.round_trip_ms: float | None = None

    async def messages(self) -> AsyncIterator[tuple[bytes | str, int]]:
        """What came then, with when it comes now.

        Raises:
            ConnectionClosed: as the connection was closed then, or at the end of the capture.
            LabDisconnectError: after `break_off`.
        """
        replay = self._replay
        count = 0
        for event in self._context:
            yield self._message(event, time.monotonic_ns())
        while not self._is_broken_off:
            seen = await replay.next_due()
            if replay.is_jumping:
                for event in await replay.settle_after_jump():
                    yield self._message(event, time.monotonic_ns())
                continue
            if seen is None:
                raise replay.over("the capture ends here")
            if isinstance(seen, Connecting | Connected | NotConnected):
                # The capture was broken off and went on; what is due belongs to the next connection.
                raise ConnectionClosedError(None, None)
            replay.take()
            match seen:
                case Received():
                    yield self._message(seen.event, replay.here_ns(seen.at_ns))
                    count += 1
                    if count % _BURST == 0:
                        await asyncio.sleep(0)
                case RoundTrip():
                    self.round_trip_ms = seen.round_trip_ms + 2 * self.lab_delay_ms
                    if self.on_round_trip is not None:
                        self.on_round_trip(replay.here_ns(seen.at_ns), seen.round_trip_ms)
                case ObserverStall():
                    replay.stalled(seen)
                case Closed():
                    raise self._closed(seen)
        raise LabDisconnectError

    def receive(self, message: bytes | str, arrival_ns: int) -> list[WireEvent]:
        """The events of the next message; a lab may have delayed it to ``arrival_ns``."""
        event = self._events.popleft()
        return [replace(event, arrival_ns=arrival_ns) if isinstance(event, MediaPacket) else event]

    def as_read(self, message: bytes | str, read_ns: int) -> list[WireEvent]:
        """The event that came last, without what the lab does to it."""
        event = self._read_last
        if event is None:
            return []
        return [replace(event, arrival_ns=read_ns) if isinstance(event, MediaPacket) else event]

    def break_off(self) -> None:
        """End as a network that breaks down does."""
        self._is_broken_off = True

    async def send(self, message: ControlMessage) -> None:
        """Nobody is there to take it."""

    async def keep_time(self) -> None:
        """No clock is there to be compared with."""

    async def keep_alive(self) -> None:
        """Nobody is there to answer."""

    def _message(self, event: WireEvent, at_ns: int) -> tuple[bytes | str, int]:
        """What stands for an event on its way through the lab, about as long as it was on the wire."""
        if isinstance(event, MediaPacket) and event.capture_time_ns is not None:
            event = replace(event, capture_time_ns=self._replay.here_ns(event.capture_time_ns))
        self._events.append(event)
        self._read_last = event
        match event:
            case MediaPacket():
                self.dialect.name = "bare" if event.sequence_number is None else "rtp"
                return event.payload, at_ns
            case IgnoredText():
                return event.text, at_ns
            case Hello() | Config():
                return pack_control(event), at_ns
        return b"", at_ns

    def _closed(self, seen: Closed) -> ConnectionClosedOK | ConnectionClosedError:
        if seen.by_observer:
            return self._replay.over("the listener left here")
        if seen.code is None:
            return ConnectionClosedError(None, None)
        if seen.code == _OVER:
            return self._replay.over(seen.reason)
        return ConnectionClosedError(Close(seen.code, seen.reason), None)
