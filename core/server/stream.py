"""A stream with encoders: PCM from a source, coded once for each setting that its listeners ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from core.audio.sources import PcmSource
from core.opus.encoder import EncoderSettings
from core.server.adaptation import Decision
from core.server.broadcast import Audience, Broadcast
from core.server.clock import ServerClock
from core.server.config import changed, limits, settings_from_query
from core.server.encoder_budget import EncoderBudget, NoRoomError, cost
from core.server.encoding import EncoderPool
from core.server.facts import StreamFacts
from core.server.pump import Pump
from core.wire.control import Set, StreamState


class Stream(Broadcast):
    """Pumps PCM from a source into the encoders of its listeners, by absolute deadlines.

    The source is opened when the first listener joins and closed when the last one leaves, so whoever comes to an
    empty server hears a file from its beginning, and no microphone is open while nobody listens.
    """

    def __init__(
        self,
        open_source: Callable[[], PcmSource],
        settings: EncoderSettings,
        clock: ServerClock | None = None,
        lead_ms: float = 0.0,
        name: str = "main",
        budget: EncoderBudget | None = None,
    ) -> None:
        """``open_source`` is called in a worker thread; ``settings`` give the stream's rate and channels; ``budget`` is
        how many different encodings there may be.
        """
        super().__init__(settings, clock, lead_ms, name)
        self._budget = budget or EncoderBudget()
        self._budget.add(self._cost)
        self._open_source = open_source
        self._pool: EncoderPool[Audience] | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """All that Opus can do but rate and channels."""
        return limits()

    @property
    def encoder_count(self) -> int:
        """As many as there are different settings, and listeners who changed theirs; 0 while nobody listens."""
        return 0 if self._pool is None else self._pool.encoder_count

    def asked(self, query: Mapping[str, str]) -> EncoderSettings:
        """As of `settings_from_query`."""
        return settings_from_query(query, self.settings)

    def facts(self, settings: EncoderSettings) -> StreamFacts:
        """Always known: what is asked for is what is made."""
        return StreamFacts.of(settings)

    def change(self, listener: Audience, wanted: Set) -> EncoderSettings | None:
        """Go over to other settings at a packet boundary; `Audience.in_force` tells when it is done.

        Returns what it will have; ``None`` for one who was finished: its last messages are on their way.

        Raises:
            EncoderSettingsError: Opus can't do that, or there are too many encoders already; nothing was changed.
        """
        if listener not in self._listeners:
            return None
        settings = changed(self._listeners[listener], wanted)
        self._move(listener, settings)
        return settings

    def has_room_for(self, settings: EncoderSettings) -> bool:
        """Whether a newcomer may have an encoder with these settings, or shares one."""
        is_there = settings == self.settings or settings in self._listeners.values()
        return is_there or self._budget.has_room(settings)

    def adapt(self, listener: Audience, decision: Decision) -> bool:
        """As `change`, by the server's own decision."""
        if listener not in self._listeners:
            return False
        before = self._listeners[listener]
        try:
            self._move(listener, replace(before, bitrate=decision.bitrate, frame_ms=decision.frame_ms))
        except NoRoomError:
            return False
        self.counters.adaptations += 1
        return True

    def _move(self, listener: Audience, settings: EncoderSettings) -> None:
        if self._pool is None:
            if not self.has_room_for(settings):
                raise NoRoomError
            self._listeners[listener] = settings
            listener.in_force(settings, 0)
        else:
            self._pool.move(listener, settings)
            self._listeners[listener] = settings
            if self.state is StreamState.IDLE:
                self._pool.settle()

    def _cost(self) -> float:
        """Of its encoders, or of those it will need."""
        if self._pool is not None:
            return self._pool.cost
        return sum(cost(settings) for settings in set(self._listeners.values()))

    def settings_of(self, listener: Audience) -> EncoderSettings:
        """The settings in force for a listener, or what it will start with."""
        in_force = self._pool.settings_of(listener) if self._pool is not None else None
        return in_force or self._listeners.get(listener, self.settings)

    def _joined(self, listener: Audience, settings: EncoderSettings) -> None:
        if self._pool is not None:
            self._pool.join(listener, settings, wants_lead=listener.wants_lead)

    def _left(self, listener: Audience) -> None:
        if self._pool is not None:
            self._pool.leave(listener)

    async def _session(self) -> list[Audience]:
        source = await asyncio.to_thread(self._open_source)
        pool = self._pool = EncoderPool(self.settings.sample_rate, self.lead_ms, self.counters.encode_s, self._budget)
        for listener, settings in self._listeners.items():
            pool.join(listener, settings)
        try:
            await Pump(source, pool, self.clock, self._show_idle, self.counters).run()
            # Who joins while the source is being closed has missed its end, and gets a new session.
            return list(self._listeners)
        except asyncio.CancelledError:
            # Whoever came in the meantime was told of this session's pause.
            self._show(StreamState.PLAYING)
            raise
        finally:
            self._pool = None
            self.state = StreamState.PLAYING
            pool.close()
            await source.close()

    def _show_idle(self, is_idle: bool) -> None:
        if is_idle and self._pool is not None:
            self._pool.settle()
        self._show(StreamState.IDLE if is_idle else StreamState.PLAYING)
