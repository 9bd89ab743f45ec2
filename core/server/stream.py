"""One stream that all listeners hear at the same position. It runs while there is somebody to hear it."""

from __future__ import annotations

import asyncio
import enum
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from core.audio.sources import PcmSource, SourceError
from core.opus.encoder import EncoderSettings
from core.server.adaptation import Decision
from core.server.clock import ServerClock
from core.server.config import changed
from core.server.encoding import EncoderPool, Member
from core.server.framing import RtpFraming
from core.server.housekeeping import Guest, Housekeeping
from core.server.operation.logs import log_event
from core.server.pump import Pump, StreamCounters
from core.wire.control import Bye, Set, StreamState

logger = logging.getLogger(__name__)

RETRY_AFTER_FAILURE_MS: Final = 5_000
RETRY_AFTER_RESTART_MS: Final = 500
RETRY_SPREAD_MS: Final = 1_500
"""A server that goes away asks each listener to come back after the one, and at random up to the other later:
thousands in one instant would be more than the next server can greet in time."""


class CloseCode(enum.IntEnum):
    """Why a connection was closed (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013


class Audience(Member, Guest, Protocol):
    """A listener, as the stream sees it. Nothing here waits."""

    def show_state(self, state: StreamState) -> None:
        """The source plays, pauses, or has ended."""

    def finish(self, bye: Bye, code: CloseCode) -> None:
        """The last call: say goodbye and close, after what is queued unless the server is going away."""


class Stream:
    """Pumps PCM from a source into the encoders of its listeners, by absolute deadlines.

    The source is opened when the first listener joins and closed when the last one leaves, so whoever comes to an
    empty server hears a file from its beginning, and no microphone is open while nobody listens.
    """

    def __init__(
        self,
        open_source: Callable[[], PcmSource],
        settings: EncoderSettings,
        clock: ServerClock | None = None,
        name: str = "main",
    ) -> None:
        """``open_source`` is called in a worker thread; ``settings`` give the stream's rate and channels; ``name`` is
        for the log.
        """
        self.name = name
        self.settings = settings
        self.clock = clock or ServerClock()
        self.rtp = RtpFraming(self.clock)
        self.housekeeping = Housekeeping(self.clock)
        self.counters = StreamCounters()
        self.state = StreamState.PLAYING
        """What the source does now, for whoever joins; it plays until it is overdue, also before it is opened."""
        self._open_source = open_source
        self._listeners: dict[Audience, EncoderSettings] = {}
        self._pool: EncoderPool[Audience] | None = None
        self._occupied = asyncio.Event()
        self._vacated = asyncio.Event()
        self._end_code: CloseCode | None = None
        """Of everybody, once the server goes away."""

    @property
    def listener_count(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def encoder_count(self) -> int:
        """How many encoders are at work; 0 while nobody listens."""
        return 0 if self._pool is None else self._pool.encoder_count

    async def run(self) -> None:
        """Serve until cancelled; one session after another, each while somebody listens."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.housekeeping.run())
            while True:
                await self._occupied.wait()
                await self._play_while_occupied()

    async def _play_while_occupied(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            session = tasks.create_task(self._play())
            vacancy = tasks.create_task(self._wait_until_vacant())
            await asyncio.wait({session, vacancy}, return_when=asyncio.FIRST_COMPLETED)
            session.cancel()
            vacancy.cancel()

    def join(self, listener: Audience, settings: EncoderSettings) -> None:
        """Add a listener; its packets start at the next boundary."""
        if self._end_code is not None:
            listener.finish(_going_away(), self._end_code)
            return
        self._listeners[listener] = settings
        self.housekeeping.join(listener)
        self._vacated.clear()
        self._occupied.set()
        if self._pool is not None:
            self._pool.join(listener, settings)

    def leave(self, listener: Audience) -> None:
        """Its connection has ended."""
        self.housekeeping.leave(listener)
        self._forget(listener)

    def _forget(self, listener: Audience) -> None:
        """No packets for it any more; what it has not taken yet may still be flushed."""
        if self._pool is not None:
            self._pool.leave(listener)
        self._listeners.pop(listener, None)
        if not self._listeners:
            self._occupied.clear()
            self._vacated.set()

    def change(self, listener: Audience, wanted: Set) -> EncoderSettings | None:
        """Go over to other settings at a packet boundary; `Audience.in_force` tells when it is done.

        Returns what it will have; ``None`` for one who was finished: its last messages are on their way.

        Raises:
            EncoderSettingsError: Opus can't do that; nothing was changed.
        """
        if listener not in self._listeners:
            return None
        settings = changed(self._listeners[listener], wanted)
        self._move(listener, settings)
        return settings

    def adapt(self, listener: Audience, decision: Decision) -> None:
        """As `change`, by the server's own decision."""
        if listener in self._listeners:
            before = self._listeners[listener]
            self._move(listener, replace(before, bitrate=decision.bitrate, frame_ms=decision.frame_ms))
            self.counters.adaptations += 1

    def _move(self, listener: Audience, settings: EncoderSettings) -> None:
        self._listeners[listener] = settings
        if self._pool is None:
            listener.in_force(settings, 0)
        else:
            self._pool.move(listener, settings)
            if self.state is StreamState.IDLE:
                self._pool.settle()

    def settings_of(self, listener: Audience) -> EncoderSettings:
        """The settings in force for a listener, or what it will start with."""
        in_force = self._pool.settings_of(listener) if self._pool is not None else None
        return in_force or self._listeners.get(listener, self.settings)

    def dismiss(self, listener: Audience, bye: Bye, code: CloseCode) -> None:
        """Send one listener away."""
        self._finish([listener], bye, code)

    def shut_down(self, code: CloseCode = CloseCode.GOING_AWAY) -> None:
        """Send everybody away, those who come later as well, each to come back at a moment of its own."""
        self._end_code = code
        for listener in list(self._listeners):
            self._finish([listener], _going_away(), code)

    async def _wait_until_vacant(self) -> None:
        while self._listeners:
            await self._vacated.wait()

    async def _play(self) -> None:
        """One session: from opening the source to its end, or to the cancellation when everybody left."""
        self.counters.sessions += 1
        try:
            source = await asyncio.to_thread(self._open_source)
            await self._pump(source)
        except SourceError as error:
            self.counters.source_failures += 1
            log_event(logger, logging.WARNING, str(error), stream=self.name)
            self._finish(list(self._listeners), Bye(str(error), RETRY_AFTER_FAILURE_MS), CloseCode.INTERNAL_ERROR)

    async def _pump(self, source: PcmSource) -> None:
        pool = self._pool = EncoderPool(self.settings.sample_rate, self.counters.encode_s)
        for listener, settings in self._listeners.items():
            pool.join(listener, settings)
        audience: list[Audience] = []
        try:
            await Pump(source, pool, self.clock, self._show_idle, self.counters).run()
            # Who joins while the source is being closed has missed its end, and gets a new session.
            audience = list(self._listeners)
        except asyncio.CancelledError:
            # Whoever came in the meantime was told of this session's pause.
            self._show(StreamState.PLAYING)
            raise
        finally:
            self._pool = None
            self.state = StreamState.PLAYING
            pool.close()
            await source.close()
        for listener in audience:
            listener.show_state(StreamState.ENDED)
        self._finish(audience, Bye("the source has ended"), CloseCode.NORMAL)

    def _show_idle(self, is_idle: bool) -> None:
        if is_idle and self._pool is not None:
            self._pool.settle()
        self._show(StreamState.IDLE if is_idle else StreamState.PLAYING)

    def _show(self, state: StreamState) -> None:
        if state is self.state:
            return
        self.state = state
        log_event(logger, logging.INFO, f"stream {state.value}", stream=self.name)
        for listener in self._listeners:
            listener.show_state(state)

    def _finish(self, listeners: list[Audience], bye: Bye, code: CloseCode) -> None:
        for listener in listeners:
            self._forget(listener)
            listener.finish(bye, code)


def _going_away() -> Bye:
    spread_ms = random.randrange(RETRY_SPREAD_MS)  # noqa: S311 - nothing secret
    return Bye("the server is going away", RETRY_AFTER_RESTART_MS + spread_ms)
