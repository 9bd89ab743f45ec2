"""A stream without an encoder: the packets of another server, passed on as they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from core.audio.sources import SourceError
from core.opus.encoder import EncoderSettings, EncoderSettingsError
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLE_RATE_HZ, MalformedPacketError, PacketInfo, parse_packet
from core.server.adaptation import Decision
from core.server.broadcast import Audience, Broadcast, HopelessError
from core.server.clock import ServerClock
from core.server.config import SETTING_KEYS, QueryError
from core.server.facts import StreamFacts
from core.server.fan_out import FanOut
from core.server.history import History
from core.server.loops import MAX_IDS, chain, new_id
from core.server.operation.logs import log_event
from core.server.timeline import Timeline
from core.server.upstream import Ending, Upstream, listen
from core.wire.attempts import Backoff
from core.wire.control import Config, Hello, Set, State, StreamState
from core.wire.dialect import NewStream, WireEvent

logger = logging.getLogger(__name__)

FACTS_WAIT_S: Final = 1.0
"""A listener waits so long for its `hello`, which tells what upstream is; then it is told what was configured."""

ANNOUNCE_EVERY_S: Final = 1
"""How often a connection without packets is given up for one that tells of more relays."""


class RelayStream(Broadcast):
    """Connected to upstream while somebody listens. While upstream is away listeners stay, and are told it is idle."""

    def __init__(
        self,
        upstream: Upstream,
        settings: EncoderSettings,
        clock: ServerClock | None = None,
        lead_ms: float = 0.0,
        name: str = "main",
        backoff: Backoff | None = None,
    ) -> None:
        """``settings`` are only told while nothing is known of upstream."""
        super().__init__(settings, clock, lead_ms, name)
        self.upstream = upstream
        """Of the connections to come."""
        self._backoff = backoff or Backoff()
        self._not_before_ns = 0
        self._timeline = Timeline()
        self._history = History(lead_ms)
        self._fan_out = FanOut()
        self._facts: StreamFacts | None = None
        self._is_presumed = False
        self._id = new_id()
        self._via: tuple[str, ...] = ()
        self._attempt: asyncio.Task[Ending] | None = None
        self._is_silent = True
        """Whether no packet has come over this connection yet."""

    def is_among(self, via: tuple[str, ...]) -> bool:
        """By its id."""
        return self._id in via

    @property
    def limits(self) -> dict[str, Any]:
        """Nothing can be changed here."""
        return {}

    def bitrate_of(self, settings: EncoderSettings) -> int | None:
        """Upstream's, where it told."""
        return self._facts.bitrate if self._facts is not None and not self._is_presumed else None

    def asked(self, query: Mapping[str, str]) -> EncoderSettings:
        """Nothing can be asked for.

        Raises:
            QueryError: something was.
        """
        if wanted := next((key for key in SETTING_KEYS if key in query), None):
            raise QueryError(f"{wanted} cannot be chosen here: this stream is relayed as it comes; ask its origin")
        return self.settings

    def facts(self, settings: EncoderSettings) -> StreamFacts | None:
        """Upstream's, once they are known."""
        return self._facts

    @property
    def known_facts(self) -> StreamFacts | None:
        """Upstream's, and not what those are told who would wait too long."""
        return None if self._is_presumed else self._facts

    def adapt(self, listener: Audience, decision: Decision) -> bool:
        """Nothing: a listener whose link is too narrow for these packets loses some of them."""
        return False

    def change(self, listener: Audience, wanted: Set) -> EncoderSettings | None:
        """Refuse.

        Raises:
            EncoderSettingsError: always.
        """
        raise EncoderSettingsError("this stream is relayed as it comes; ask its origin")

    def settings_of(self, listener: Audience) -> EncoderSettings:
        """Those configured; `facts` tells what is heard."""
        return self.settings

    def _joined(self, listener: Audience, settings: EncoderSettings) -> None:
        self._fan_out.add(listener)
        self._announce(listener)
        if listener.wants_lead:
            for packet in self._history:
                listener.deliver(packet)

    def _left(self, listener: Audience) -> None:
        self._fan_out.remove(listener)

    async def _session(self) -> list[Audience]:
        timer = asyncio.get_running_loop().call_later(FACTS_WAIT_S, self._presume)
        try:
            while True:
                if self._not_before_ns > self.clock.now_ns():
                    self._show(StreamState.IDLE)
                    self._presume()
                await self.clock.sleep_until(self._not_before_ns)
                self.counters.upstream_attempts += 1
                self._timeline.begin()
                ending = await self._listen()
                self._history.clear()
                if ending is None:
                    continue
                if ending.is_end:
                    return list(self._listeners)
                wait_s = self._backoff.next_wait_s(ending.retry_after_s)
                if self.state is not StreamState.IDLE and not ending.is_fatal:
                    self.counters.idle_periods += 1
                    retry_s = round(wait_s, 1)
                    log_event(
                        logger, logging.WARNING, "upstream lost", stream=self.name, why=ending.reason, retry_s=retry_s
                    )
                self._not_before_ns = self.clock.now_ns() + round(wait_s * 1e9)
                if ending.is_hopeless:
                    raise HopelessError(ending.reason)
                if ending.is_fatal:
                    raise SourceError(ending.reason)
        except asyncio.CancelledError:
            # Whoever came in the meantime was told of this session's pause.
            self._show(StreamState.PLAYING)
            raise
        finally:
            timer.cancel()
            self._history.clear()
            self.state = StreamState.PLAYING

    async def _listen(self) -> Ending | None:
        """One connection, to its end; ``None`` if `_announce` ended it."""
        self._via = chain(self._id, (listener.via for listener in self._listeners))
        self._is_silent = True
        attempt = asyncio.create_task(listen(self.upstream, self._take, self.clock.now_ns, self._via))
        self._attempt = attempt
        try:
            await asyncio.wait({attempt})
        except asyncio.CancelledError:
            attempt.cancel()
            await asyncio.wait({attempt})
            raise
        finally:
            self._attempt = None
        return None if attempt.cancelled() else attempt.result()

    def _announce(self, listener: Audience) -> None:
        """Let upstream know of the relays behind a new listener, as long as that interrupts nothing.

        When each relay of a loop is entered at the same time, each asks the next one before it knows of the one behind;
        then no packet ever comes. Where packets come, there is an origin.
        """
        is_new = not set(listener.via) <= set(self._via) and len(self._via) < MAX_IDS
        if self._attempt is not None and self._is_silent and is_new:
            # Whoever comes with ever new ids shall not make more than this of it.
            self._not_before_ns = self.clock.now_ns() + ANNOUNCE_EVERY_S * 1_000_000_000
            self._attempt.cancel()

    def _take(self, event: WireEvent) -> None:
        match event:
            case MediaPacket():
                self._pass_on(event)
            case Hello():
                self._tell(_facts_of(event))
            case Config() if event.refused is None and self._facts is not None:
                self._tell(
                    StreamFacts(
                        sample_rate=self._facts.sample_rate,
                        channels=self._facts.channels,
                        frame_ms=event.frame_ms,
                        application=event.application,
                        bitrate=event.bitrate,
                        complexity=event.complexity,
                        fec=event.fec,
                        dtx=event.dtx,
                    )
                )
            case NewStream():
                self._timeline.begin()
            case State() if event.state is not StreamState.ENDED:
                # That it has ended is told once the connection has, too.
                self._show(event.state)
                if event.state is StreamState.IDLE:
                    self._history.clear()

    def _pass_on(self, event: MediaPacket) -> None:
        try:
            info = parse_packet(event.payload)
        except MalformedPacketError as error:
            self.counters.upstream_malformed += 1
            if self.counters.upstream_malformed == 1:
                # Further ones are counted.
                told = f"{self.upstream.shown} sent no Opus packet: {error}"
                log_event(logger, logging.WARNING, "upstream packet ignored", stream=self.name, why=told)
            return
        self._backoff.reset()
        self._is_silent = False
        if self._facts is None or self._is_presumed:
            self._tell(_facts_in(info))
        self._show(StreamState.PLAYING)
        packet = self._timeline.place(event, info)
        self._history.add(packet)
        self._fan_out.send(packet)

    def _presume(self) -> None:
        """Greet those who wait, though nothing is known of upstream."""
        if self._facts is None:
            self._tell(replace(StreamFacts.of(self.settings), bitrate=None, complexity=None))
            self._is_presumed = True

    def _tell(self, facts: StreamFacts) -> None:
        self._is_presumed = False
        if facts != self._facts:
            self._facts = facts
            for listener in list(self._listeners):
                listener.show_facts(facts)


def _facts_of(hello: Hello) -> StreamFacts:
    return StreamFacts(
        sample_rate=hello.sample_rate,
        channels=hello.channels,
        frame_ms=hello.frame_ms,
        application=hello.application,
        bitrate=hello.bitrate,
        fec=hello.fec,
        dtx=hello.dtx,
    )


def _facts_in(info: PacketInfo) -> StreamFacts:
    """What a packet tells, where nobody says more."""
    return StreamFacts(SAMPLE_RATE_HZ, info.channels, info.duration_ms, "audio")
