"""One connection that hears a stream, from its upgrade to its end."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

from aiohttp import web

from core.log import log_event
from core.opus.encoder import EncoderSettings
from core.server.access.rights import Rights
from core.server.adaptation import AdaptationSettings
from core.server.broadcast import Broadcast, CloseCode
from core.server.dialogue import Dialogue
from core.server.ending import Ending
from core.server.facts import StreamFacts
from core.server.fan_out import Seat, Way
from core.server.framing import RtpListener
from core.server.link_watch import LinkWatch
from core.server.listener_counters import ListenerCounters
from core.server.outbox import Outbox
from core.server.packets import EncodedPacket
from core.server.sending import Sending
from core.wire.control import Bye, State, StreamState

logger = logging.getLogger(__name__)

CLOSING_LIMIT_S: Final = 1.0
"""After the closing handshake what the system has not taken yet has this long to get out."""

CLOSING_LOOK_S: Final = 0.02

RETRY_WHEN_STUCK_MS: Final = 2_000


class Listener:
    """A client that hears the stream, bare or as RTP. Implements what `Broadcast` asks of its audience."""

    def __init__(
        self,
        stream: Broadcast,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport,
        settings: EncoderSettings,
        counters: ListenerCounters,
        rights: Rights,
        *,
        is_rtp: bool,
        queue_ms: float,
        stuck_s: float,
        adaptation: AdaptationSettings,
        peer: str | None = None,
        via: tuple[str, ...] = (),
    ) -> None:
        """``socket`` is prepared, over ``transport``; ``settings`` are what the client is to have, ``rights`` its own.

        ``peer`` is its address, for the log; ``via`` is as in `Audience`, the rest as in `ServerConfig`.
        """
        self.via = via
        self._stream = stream
        self._clock = stream.clock
        self._socket = socket
        self._settings = settings
        self._counters = counters
        self._rights = rights
        self._stuck_s = stuck_s
        self._opened_ns = stream.clock.now_ns()
        # The lead comes at once, and shall not be what the queue drops first.
        queue_ms = queue_ms + (0 if is_rtp else stream.lead_ms)
        self._outbox = Outbox(transport, queue_ms, lambda: stream.housekeeping.blocked(self))
        rtp = RtpListener(stream.rtp, stream.clock) if is_rtp else None
        self._rtp = rtp
        self._sending = Sending(self._outbox, rtp)
        self._link = LinkWatch(self._outbox, self._opened_ns, adaptation, settings, is_rtp=is_rtp)
        self._ending = Ending()
        dialect = "rtp" if is_rtp else "bare"
        self._log = partial(log_event, logger, stream=stream.name, peer=peer, subject=rights.subject, dialect=dialect)
        self._dialogue = Dialogue(self, stream, self._sending, self._link, rights, self._ending, counters, self._log)
        self._has_greeted = False

    # What the stream calls; none of it waits.

    @property
    def wants_lead(self) -> bool:
        """A bare one does: others have a buffer that finds its own depth."""
        return self._rtp is None

    def deliver(self, packet: EncodedPacket) -> None:
        """Send or queue one packet, numbered before the queue may drop it."""
        self._sending.deliver(packet)

    def way(self) -> Way | None:
        """Past this object, while it keeps up; an RTP client from its second packet on."""
        return self._sending.way()

    def sit_down(self, seat: Seat) -> None:
        """Packets go its `way`."""
        self._sending.sit_down(seat)

    def stand_up(self) -> None:
        """They are delivered again."""
        self._sending.stand_up()

    def moved(self) -> None:
        """What comes now has another encoder's numbers."""
        if self._rtp is not None:
            self._rtp.moved()

    def in_force(self, settings: EncoderSettings, media_time: int) -> None:
        """Answer a `set`, or tell what the server has changed, at its place between the packets."""
        if self._rtp is not None or self._dialogue.has_asked:
            timestamp = None if self._rtp is None else self._rtp.timestamp(media_time)
            self._sending.send(StreamFacts.of(settings).config(timestamp))

    def show_facts(self, facts: StreamFacts) -> None:
        """Greet an RTP client, again if the stream has become another one; a bare one is told nothing."""
        if self._rtp is None:
            return
        self._sending.send(facts.hello(self._rtp.ssrc, self._stream.limits))
        if not self._has_greeted:
            self._has_greeted = True
            self._sending.send(State(self._stream.state))

    def show_state(self, state: StreamState) -> None:
        """Tell an RTP client, once it was greeted; a bare one is told nothing it didn't ask for."""
        if self._has_greeted:
            self._sending.send(State(state))

    def flush(self, now_ns: int) -> bool:
        """Send what waits; whether there is more. Who takes nothing for long is sent away."""
        blocked_s = self._sending.flush(now_ns)
        if self._outbox.is_empty:
            self._end_if_done()
            return False
        if blocked_s > self._stuck_s and not self._ending.has_begun:
            self._counters.stuck += 1
            bye = Bye(f"nothing was read for {self._stuck_s:g} s", RETRY_WHEN_STUCK_MS)
            self._stream.dismiss(self, bye, CloseCode.TRY_AGAIN_LATER)
        return True

    def report(self, now_ns: int) -> None:
        """Each second: is the link good enough; to RTP clients the server's figures; the end, if its time is up."""
        if not self._ending.has_begun and (reason := self._rights.why_over(now_ns)) is not None:
            self._dialogue.send_away(reason)
        self._sending.catch_up()
        decision = self._link.look(now_ns)
        self._sending.leave_if_held_up()
        if decision is not None:
            self._log(logging.DEBUG, "bit rate adapted", bitrate=decision.bitrate, frame_ms=decision.frame_ms)
            if not self._stream.adapt(self, decision):
                self._link.take_back()
        if self._has_greeted:
            self._sending.report_sender()
            self._sending.send(self._link.stats)

    def finish(self, bye: Bye, code: CloseCode) -> None:
        """Send what is queued, unless the server goes away, then goodbye; close within `DRAIN_LIMIT_S`."""
        outbox = self._outbox
        self._ending.decide(bye, code)
        if code is not CloseCode.NORMAL and code is not CloseCode.INTERNAL_ERROR:
            outbox.queue.clear()
        if self._rtp is not None:
            self._sending.send(bye)
        outbox.close()
        self._ending.begin(outbox.abort)
        self._stream.housekeeping.blocked(self)
        self._end_if_done()

    def fail(self, error: Exception) -> None:
        """Cut the connection because of an error in this program, which is logged with all that helps to find it."""
        self._counters.failed += 1
        self._ending.explain("an error in the server")
        self._log(logging.ERROR, "listener failed", error=error, why=self._ending.why)
        self._stream.leave(self)
        self.abort()

    # What those who watch the server ask; all in the turn in which they ask.

    def add_to(self, totals: ListenerCounters) -> None:
        """Add what this connection was sent so far."""
        self._sending.add_to(totals)

    @property
    def queued_ms(self) -> float:
        """Sound that waits in our queue."""
        return self._outbox.queue.depth_ms

    def abort(self) -> None:
        """Cut the connection."""
        self._outbox.abort()

    # The connection.

    def may_take(self, received_bytes: int) -> bool:
        """Called with all that comes, before it is parsed; of a client that sends too much nothing more is."""
        return self._dialogue.may_take(received_bytes)

    async def run(self) -> None:
        """Serve the client until either side ends it."""
        facts = self._stream.facts(self._settings)
        if facts is not None:
            self.show_facts(facts)
        self._log(logging.INFO, "listener connected")
        reading = asyncio.create_task(self._dialogue.read(self._socket))
        try:
            self._stream.join(self, self._settings)
            await asyncio.wait((reading, self._ending.over), return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            await asyncio.wait((reading,))
            if not reading.cancelled():
                reading.result()
            # What still waits is not wanted any more by who has said goodbye.
            self._stream.leave(self)
            self._outbox.close()
            self._outbox.queue.clear()
            await self._socket.close(code=self._ending.code, message=self._ending.reason)
            await self._let_drain()
        except asyncio.CancelledError:
            # The connection was lost. Closing it ends the timer that would ping it, and keep it in memory, for 30 s.
            await self._socket.close(code=self._ending.code, drain=False)
            raise
        finally:
            reading.cancel()
            self._stream.leave(self)
            self._settle()

    async def _let_drain(self) -> None:
        """Give a slow link the time for the last message, the goodbye (RFC 6455 §5.5.1)."""
        ends_ns = self._clock.now_ns() + round(CLOSING_LIMIT_S * 1e9)
        while not self._outbox.is_empty and self._clock.now_ns() < ends_ns:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(CLOSING_LOOK_S)

    def _end_if_done(self) -> None:
        """After `finish`, once all has gone out."""
        if self._outbox.is_empty:
            self._ending.all_is_sent()

    def _settle(self) -> None:
        """Leave nothing behind, and add up."""
        outbox, ending = self._outbox, self._ending
        self.add_to(self._counters)
        ending.settle()
        if not outbox.is_empty:
            # Otherwise a client that has stopped reading would keep the socket until the kernel gives up on it.
            outbox.abort()
        # What we said counts: whoever is sent away for a message that is too big often does not answer.
        code = ending.sent_code or self._socket.close_code
        is_broken = code in (None, 1006)  # RFC 6455 §7.4.1: closed without a close frame
        if is_broken:
            self._counters.broken_connections += 1
        self._log(
            logging.INFO,
            "listener gone",
            seconds=round((self._clock.now_ns() - self._opened_ns) / 1e9, 3),
            packets=outbox.packets_sent,
            dropped=outbox.queue.packets_dropped,
            code=code,
            why=ending.why or ("the connection broke off" if is_broken else "it left"),
        )
        # They know each other, and so do a connection's error and the frames it passed: all of it would stay in memory
        # until the collector looks through everything, which is seldom.
        outbox.release()
        self._dialogue.release()
        fault = self._socket.exception()
        if fault is not None:
            fault.__traceback__ = fault.__context__ = None
