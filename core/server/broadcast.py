"""What every stream is: listeners that all hear the same position, while there are any."""

from __future__ import annotations

import asyncio
import enum
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from core.audio.sources import SourceError
from core.opus.encoder import EncoderSettings
from core.server.adaptation import Decision
from core.server.clock import ServerClock
from core.server.encoder_group import Member
from core.server.facts import StreamFacts
from core.server.framing import RtpFraming
from core.server.housekeeping import Guest, Housekeeping
from core.server.operation.histogram import ENCODE_BOUNDS_S, PACING_BOUNDS_S, Histogram
from core.server.operation.logs import log_event
from core.wire.control import Bye, Set, StreamState

logger = logging.getLogger(__name__)

RETRY_AFTER_FAILURE_MS: Final = 5_000
RETRY_AFTER_RESTART_MS: Final = 500
RETRY_SPREAD_MS: Final = 1_500
"""A server that goes away asks each listener to come back after the one, and at random up to the other later:
thousands in one instant would be more than the next server can greet in time."""


class HopelessError(SourceError):
    """It cannot be played until somebody changes something: listeners need not come back."""


class CloseCode(enum.IntEnum):
    """Why a connection was closed (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013


class Audience(Member, Guest, Protocol):
    """A listener, as the stream sees it. Nothing here waits."""

    @property
    def wants_lead(self) -> bool:
        """Whether it begins with the newest packets, where the stream keeps some for that."""

    @property
    def via(self) -> tuple[str, ...]:
        """The relays through which it listens, as of `core.server.loops.ids_in`."""

    def show_facts(self, facts: StreamFacts) -> None:
        """What the stream is, now that it is known, or has become something else."""

    def show_state(self, state: StreamState) -> None:
        """The source plays, pauses, or has ended."""

    def finish(self, bye: Bye, code: CloseCode) -> None:
        """The last call: say goodbye and close, after what is queued unless the server is going away."""


@dataclass(slots=True)
class StreamCounters:
    """What happened since the server started."""

    sessions: int = 0
    """How often the source was opened."""
    idle_periods: int = 0
    reanchored: int = 0
    """How often the stream was more than a second late and its deadlines were moved."""
    source_failures: int = 0
    failures: int = 0
    """Errors in this program that ended the stream, until it was started anew."""
    adaptations: int = 0
    """How often a listener's bit rate was changed because of its link."""
    upstream_attempts: int = 0
    """How often a relay tried to connect to its origin."""
    upstream_malformed: int = 0
    """Messages of the origin that are no Opus packets; they are not passed on."""
    pacing_error_s: Histogram = field(default_factory=lambda: Histogram(PACING_BOUNDS_S))
    """How late each block of a source that is read in advance was fed."""
    encode_s: Histogram = field(default_factory=lambda: Histogram(ENCODE_BOUNDS_S))
    """How long each packet took to encode."""


class Broadcast(ABC):
    """Opens what it plays when the first listener joins, and closes it when the last one has left."""

    def __init__(
        self, settings: EncoderSettings, clock: ServerClock | None = None, lead_ms: float = 0.0, name: str = "main"
    ) -> None:
        """``settings`` are what a listener gets who asks for nothing else; ``name`` is for the log."""
        self.name = name
        self.settings = settings
        self.lead_ms = lead_ms
        self.clock = clock or ServerClock()
        self.rtp = RtpFraming(self.clock)
        self.housekeeping = Housekeeping(self.clock)
        self.counters = StreamCounters()
        self.state = StreamState.PLAYING
        """What the source does now, for whoever joins; it plays until it is overdue, also before it is opened."""
        self._listeners: dict[Audience, EncoderSettings] = {}
        self._occupied = asyncio.Event()
        self._vacated = asyncio.Event()
        self._end_code: CloseCode | None = None
        """Of everybody, once the server goes away."""

    # What there is to know.

    @property
    def listener_count(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def encoder_count(self) -> int:
        """How many encoders are at work."""
        return 0

    def bitrate_of(self, settings: EncoderSettings) -> int | None:
        """What a listener with ``settings`` is sent, in bit/s; ``None`` where nobody knows."""
        return settings.nominal_bitrate

    def is_among(self, via: tuple[str, ...]) -> bool:
        """Whether it is one of these relays, and so would be heard by itself."""
        return False

    @property
    @abstractmethod
    def limits(self) -> dict[str, Any]:
        """What `set` and the URL query accept, as `hello` tells it; empty where nothing can be changed."""

    @abstractmethod
    def asked(self, query: Mapping[str, str]) -> EncoderSettings:
        """The settings for a listener that came with a URL query.

        Raises:
            QueryError: not possible, or not here.
        """

    @abstractmethod
    def facts(self, settings: EncoderSettings) -> StreamFacts | None:
        """What a listener with ``settings`` hears; ``None``: not known yet, `Audience.show_facts` will tell."""

    @property
    def known_facts(self) -> StreamFacts | None:
        """What somebody hears who asks for nothing; ``None`` while that is not known."""
        return self.facts(self.settings)

    @abstractmethod
    def change(self, listener: Audience, wanted: Set) -> EncoderSettings | None:
        """Go over to other settings at a packet boundary; `Audience.in_force` tells when it is done.

        Returns what it will have; ``None`` for one who was finished: its last messages are on their way.

        Raises:
            EncoderSettingsError: that cannot be; nothing was changed.
        """

    @abstractmethod
    def adapt(self, listener: Audience, decision: Decision) -> bool:
        """As `change`, by the server's own decision; ``False`` where nothing can be changed."""

    def has_room_for(self, settings: EncoderSettings) -> bool:
        """Whether one more listener may have these."""
        return True

    @abstractmethod
    def settings_of(self, listener: Audience) -> EncoderSettings:
        """The settings in force for a listener, or what it will start with."""

    # Listeners come and go.

    def join(self, listener: Audience, settings: EncoderSettings) -> None:
        """Add a listener; its packets start at the next boundary."""
        if self._end_code is not None:
            listener.finish(_going_away(), self._end_code)
            return
        self._listeners[listener] = settings
        self.housekeeping.join(listener)
        self._vacated.clear()
        self._occupied.set()
        self._joined(listener, settings)

    def leave(self, listener: Audience) -> None:
        """Its connection has ended."""
        self.housekeeping.leave(listener)
        self._forget(listener)

    def dismiss(self, listener: Audience, bye: Bye, code: CloseCode) -> None:
        """Send one listener away."""
        self._finish([listener], bye, code)

    def shut_down(self, code: CloseCode = CloseCode.GOING_AWAY) -> None:
        """Send everybody away, those who come later as well, each to come back at a moment of its own."""
        self._end_code = code
        for listener in list(self._listeners):
            self._finish([listener], _going_away(), code)

    def fail(self) -> None:
        """It has ended by an error in this program: send everybody away, to come back when it runs again."""
        self.counters.failures += 1
        away = Bye("an error in the server", RETRY_AFTER_FAILURE_MS)
        self._finish(list(self._listeners), away, CloseCode.INTERNAL_ERROR)

    # Playing.

    async def run(self) -> None:
        """Serve until cancelled; one session after another, each while somebody listens."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.housekeeping.run())
            while True:
                await self._occupied.wait()
                await self._play_while_occupied()

    @abstractmethod
    async def _session(self) -> list[Audience]:
        """Play to the end; returns who has heard it. Cancelled when everybody has left.

        Raises:
            SourceError: it cannot be played; the listeners are told why, and may come back.
        """

    @abstractmethod
    def _joined(self, listener: Audience, settings: EncoderSettings) -> None:
        """Deliver to it, if a session is running."""

    @abstractmethod
    def _left(self, listener: Audience) -> None:
        """Deliver nothing more to it."""

    async def _play_while_occupied(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            session = tasks.create_task(self._play())
            vacancy = tasks.create_task(self._wait_until_vacant())
            await asyncio.wait({session, vacancy}, return_when=asyncio.FIRST_COMPLETED)
            session.cancel()
            vacancy.cancel()

    async def _wait_until_vacant(self) -> None:
        while self._listeners:
            await self._vacated.wait()

    async def _play(self) -> None:
        """One session: from opening the source to its end, or to the cancellation when everybody left."""
        self.counters.sessions += 1
        try:
            audience = await self._session()
        except SourceError as error:
            self.counters.source_failures += 1
            log_event(logger, logging.WARNING, "source failed", stream=self.name, why=str(error))
            if isinstance(error, HopelessError):
                self._finish(list(self._listeners), Bye(str(error)), CloseCode.POLICY_VIOLATION)
            else:
                bye = Bye(str(error), RETRY_AFTER_FAILURE_MS)
                self._finish(list(self._listeners), bye, CloseCode.INTERNAL_ERROR)
            return
        for listener in audience:
            listener.show_state(StreamState.ENDED)
        self._finish(audience, Bye("the source has ended"), CloseCode.NORMAL)

    def _show(self, state: StreamState) -> None:
        if state is self.state:
            return
        self.state = state
        if self._listeners:
            # Else the last one has left, and nothing begins.
            log_event(logger, logging.INFO, "stream state", stream=self.name, state=state.value)
        for listener in self._listeners:
            listener.show_state(state)

    def _finish(self, listeners: list[Audience], bye: Bye, code: CloseCode) -> None:
        for listener in listeners:
            self._forget(listener)
            listener.finish(bye, code)

    def _forget(self, listener: Audience) -> None:
        """No packets for it any more; what it has not taken yet may still be flushed."""
        self._left(listener)
        self._listeners.pop(listener, None)
        if not self._listeners:
            self._occupied.clear()
            self._vacated.set()


def _going_away() -> Bye:
    spread_ms = random.randrange(RETRY_SPREAD_MS)  # noqa: S311 - nothing secret
    return Bye("the server is going away", RETRY_AFTER_RESTART_MS + spread_ms)
