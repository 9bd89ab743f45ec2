"""One connection: what it is sent, and what it is answered."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, fields
from typing import Final

from aiohttp import WSMsgType, web

from core.opus.encoder import EncoderSettings, EncoderSettingsError
from core.server.access.rights import Rights
from core.server.adaptation import AdaptationSettings
from core.server.broadcast import Broadcast, CloseCode
from core.server.clock import ServerClock
from core.server.config import SETTING_KEYS
from core.server.encoder_budget import NoRoomError
from core.server.facts import StreamFacts
from core.server.fan_out import Seat, Way
from core.server.frames import is_too_big, text_frame
from core.server.framing import RtpListener
from core.server.gate import CLIENT
from core.server.link_watch import LinkWatch
from core.server.operation.logs import log_event
from core.server.outbox import Outbox
from core.server.packets import EncodedPacket, bare_frame
from core.wire.control import (
    Bye,
    ControlError,
    ControlMessage,
    Set,
    State,
    Stats,
    StreamState,
    Time,
    pack_control,
    parse_control,
)

logger = logging.getLogger(__name__)

DRAIN_LIMIT_S: Final = 1.5
"""After its last message a listener has this long to take what is queued and to say goodbye."""

CLOSING_LIMIT_S: Final = 1.0
"""After the closing handshake what the system has not taken yet has this long to get out."""

CLOSING_LOOK_S: Final = 0.02

RETRY_WHEN_STUCK_MS: Final = 2_000

MAX_CLOSE_REASON_BYTES: Final = 123
"""RFC 6455 §5.5: a control frame holds 125, of which two are the code."""


@dataclass(slots=True)
class ListenerCounters:
    """What happened to all listeners since the server started."""

    connections: int = 0
    broken_connections: int = 0
    """Connections that ended without a closing handshake."""
    packets_sent: int = 0
    packets_dropped: int = 0
    bytes_sent: int = 0
    """Opus bytes."""
    failed: int = 0
    """Connections that were cut because of an error in this program."""
    stuck: int = 0
    """Listeners that were sent away because they did not read."""
    malformed_messages: int = 0

    def add(self, others: ListenerCounters) -> None:
        """Count these, too."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(others, each.name))


class Listener:
    """A client that hears the stream, bare or as RTP. Implements what `Stream` asks of its audience."""

    def __init__(
        self,
        stream: Broadcast,
        socket: web.WebSocketResponse,
        counters: ListenerCounters,
        rights: Rights,
        *,
        is_rtp: bool,
        queue_ms: float,
        stuck_s: float,
        adaptation: AdaptationSettings,
        via: tuple[str, ...] = (),
    ) -> None:
        """``socket`` is not prepared yet; ``rights`` are the client's; ``via`` is as in `Audience`, the rest as in
        `ServerConfig`.
        """
        self.via = via
        self._stream = stream
        self._clock: ServerClock = stream.clock
        self._socket = socket
        self._counters = counters
        self._rights = rights
        self._rtp = RtpListener(stream.rtp, stream.clock) if is_rtp else None
        # The lead comes at once, and shall not be what the queue drops first.
        self._queue_ms = queue_ms + (0 if is_rtp else stream.lead_ms)
        self._stuck_s = stuck_s
        self._adaptation = adaptation
        self._outbox: Outbox | None = None
        self._blocked_ns: int | None = None
        """Since when nothing could be sent."""
        self._has_greeted = False
        self._has_reported = False
        self._has_asked = False
        """Whether it has ever asked for settings: then it is told of them, be it a bare client."""
        self._seat: Seat | None = None
        """While packets are written past this object."""
        self._link: LinkWatch | None = None
        self._peer: str | None = None
        self._opened_ns = 0
        self._close_code = CloseCode.NORMAL
        self._close_reason = b""
        self._close_sent: CloseCode | None = None
        """What the socket itself has closed with, by its own decision."""
        self._why_closed: str | None = None
        """In our words, where it was us who ended it."""
        self._deadline: asyncio.TimerHandle | None = None
        self._is_over: asyncio.Future[None] | None = None
        self._malformed_messages = 0
        self._is_flooding = False

    # What the stream calls; none of it waits.

    @property
    def wants_lead(self) -> bool:
        """A bare one does: others have a buffer that finds its own depth."""
        return self._rtp is None

    def deliver(self, packet: EncodedPacket) -> None:
        """Send or queue one packet, numbered before the queue may drop it."""
        outbox, rtp = self._outbox, self._rtp
        if outbox is None:
            return
        if rtp is None:
            outbox.send_media(packet.frame, packet)
            return
        frame = rtp.frame(packet)
        if not self._has_reported:
            self._report_sender(rtp)
        outbox.send_media(frame, packet)

    def way(self) -> Way | None:
        """Past this object, while it keeps up; an RTP client from its second packet on."""
        outbox, rtp = self._outbox, self._rtp
        way = None if outbox is None else outbox.way
        framing = bare_frame if rtp is None else rtp.numbering
        if way is None or framing is None:
            return None
        return Way(framing, *way)

    def sit_down(self, seat: Seat) -> None:
        """Packets go its `way`."""
        self._seat = seat

    def stand_up(self) -> None:
        """They are delivered again."""
        self._catch_up()
        self._seat = None

    def moved(self) -> None:
        """What comes now has another encoder's numbers."""
        if self._rtp is not None:
            self._rtp.moved()

    def in_force(self, settings: EncoderSettings, media_time: int) -> None:
        """Answer a `set`, or tell what the server has changed, at its place between the packets."""
        if self._rtp is not None or self._has_asked:
            timestamp = None if self._rtp is None else self._rtp.timestamp(media_time)
            self._send(StreamFacts.of(settings).config(timestamp))

    def show_facts(self, facts: StreamFacts) -> None:
        """Greet an RTP client, again if the stream has become another one; a bare one is told nothing."""
        if self._rtp is None:
            return
        self._send(facts.hello(self._rtp.ssrc, self._stream.limits))
        if not self._has_greeted:
            self._has_greeted = True
            self._send(State(self._stream.state))

    def show_state(self, state: StreamState) -> None:
        """Tell an RTP client, once it was greeted; a bare one is told nothing it didn't ask for."""
        if self._has_greeted:
            self._send(State(state))

    def flush(self, now_ns: int) -> bool:
        """Send what waits; whether there is more. Who takes nothing for long is sent away."""
        outbox = self._outbox
        if outbox is None:
            return False
        if outbox.flush() or self._blocked_ns is None:
            self._blocked_ns = now_ns
        if outbox.is_empty:
            self._blocked_ns = None
            self._end_if_done()
            return False
        if (now_ns - self._blocked_ns) / 1e9 > self._stuck_s and self._deadline is None:
            self._counters.stuck += 1
            bye = Bye(f"nothing was read for {self._stuck_s:g} s", RETRY_WHEN_STUCK_MS)
            self._stream.dismiss(self, bye, CloseCode.TRY_AGAIN_LATER)
        return True

    def report(self, now_ns: int) -> None:
        """Each second: is the link good enough; to RTP clients the server's figures; the end, if its time is up."""
        if self._deadline is None and (reason := self._rights.why_over(now_ns)) is not None:
            self._send_away(reason)
        link = self._link
        if link is None:
            return
        self._catch_up()
        decision = link.look(now_ns)
        self._leave_if_held_up()
        if decision is not None:
            self._log(logging.DEBUG, "bit rate adapted", bitrate=decision.bitrate, frame_ms=decision.frame_ms)
            if not self._stream.adapt(self, decision):
                link.take_back()
        if self._rtp is not None and self._has_greeted:
            self._report_sender(self._rtp)
            self._send(link.stats)

    def finish(self, bye: Bye, code: CloseCode) -> None:
        """Send what is queued, unless the server goes away, then goodbye; close within `DRAIN_LIMIT_S`."""
        outbox = self._outbox
        self._close_code = code
        self._why_closed = self._why_closed or bye.reason
        if code is CloseCode.POLICY_VIOLATION:
            # Also for who is sent no `bye`.
            self._close_reason = bye.reason.encode("ascii", "replace")[:MAX_CLOSE_REASON_BYTES]
        if outbox is None:
            return
        if code is not CloseCode.NORMAL and code is not CloseCode.INTERNAL_ERROR:
            outbox.queue.clear()
        if self._rtp is not None:
            self._send(bye)
        outbox.close()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(DRAIN_LIMIT_S, outbox.abort)
        self._stream.housekeeping.blocked(self)
        self._end_if_done()

    def fail(self, error: Exception) -> None:
        """Cut the connection because of an error in this program, which is logged with all that helps to find it."""
        self._counters.failed += 1
        self._why_closed = self._why_closed or "an error in the server"
        self._log(logging.ERROR, "listener failed", error=error, why=self._why_closed)
        self._stream.leave(self)
        self.abort()

    # What those who watch the server ask; all in the turn in which they ask.

    def add_to(self, totals: ListenerCounters) -> None:
        """Add what this connection was sent so far."""
        self._catch_up()
        outbox = self._outbox
        if outbox is not None:
            totals.packets_sent += outbox.packets_sent
            totals.packets_dropped += outbox.queue.packets_dropped
            totals.bytes_sent += outbox.bytes_sent

    @property
    def queued_ms(self) -> float:
        """Sound that waits in our queue."""
        return 0.0 if self._outbox is None else self._outbox.queue.depth_ms

    def abort(self) -> None:
        """Cut the connection."""
        if self._outbox is not None:
            self._outbox.abort()

    # The connection.

    async def run(self, request: web.Request, settings: EncoderSettings) -> None:
        """Serve the client until either side ends it."""
        await self._socket.prepare(request)
        self._counters.connections += 1
        self._peer = request.get(CLIENT, request.remote)
        self._opened_ns = self._clock.now_ns()
        transport = request.transport
        if not isinstance(transport, asyncio.WriteTransport):
            return  # It was lost already.
        over = self._is_over = asyncio.get_running_loop().create_future()
        self._outbox = Outbox(transport, self._queue_ms, lambda: self._stream.housekeeping.blocked(self))
        self._link = LinkWatch(
            self._outbox, self._clock.now_ns(), self._adaptation, settings, is_rtp=self._rtp is not None
        )
        facts = self._stream.facts(settings)
        if facts is not None:
            self.show_facts(facts)
        self._log(logging.INFO, "listener connected")
        reading = asyncio.create_task(self._read())
        try:
            self._stream.join(self, settings)
            await asyncio.wait((reading, over), return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            await asyncio.wait((reading,))
            if not reading.cancelled():
                reading.result()
            # What still waits is not wanted any more by who has said goodbye.
            self._stream.leave(self)
            self._outbox.close()
            self._outbox.queue.clear()
            await self._socket.close(code=self._close_code, message=self._close_reason)
            await self._let_drain(self._outbox)
        except asyncio.CancelledError:
            # The connection was lost. Closing it ends the timer that would ping it, and keep it in memory, for 30 s.
            await self._socket.close(code=self._close_code, drain=False)
            raise
        finally:
            reading.cancel()
            self._stream.leave(self)
            self._settle(self._outbox)

    def may_take(self, received_bytes: int) -> bool:
        """Called with all that comes, before it is parsed; of a client that sends too much nothing more is."""
        is_here = self._outbox is not None and self._deadline is None
        if is_here and (reason := self._rights.why_too_much(received_bytes)) is not None:
            self._is_flooding = True
            self._send_away(reason)
        return not self._is_flooding

    async def _let_drain(self, outbox: Outbox) -> None:
        """Give a slow link the time for the last message, the goodbye (RFC 6455 §5.5.1)."""
        ends_ns = self._clock.now_ns() + round(CLOSING_LIMIT_S * 1e9)
        while not outbox.is_empty and self._clock.now_ns() < ends_ns:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(CLOSING_LOOK_S)

    async def _read(self) -> None:
        """Answer the client until it goes; what it cannot mean is counted and ignored."""
        try:
            async for message in self._socket:
                received_us = self._clock.unix_now_us()
                if self._rights.is_too_many():
                    if self._deadline is None and (reason := self._rights.why_flood()) is not None:
                        self._send_away(reason)
                elif message.type is WSMsgType.PING:
                    await self._socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    self._answer(message.data, received_us)
                elif message.type is WSMsgType.BINARY:
                    self._malformed("a binary message; a client sends text only")
                elif is_too_big(message):
                    self._why_closed = self._why_closed or self._rights.why_too_big()
                    self._close_sent = CloseCode.MESSAGE_TOO_BIG
        except ConnectionError:
            self._log(logging.DEBUG, "listener lost")

    def _send_away(self, reason: str) -> None:
        """For good: a client that comes back as it is would be refused again."""
        self._stream.dismiss(self, Bye(reason), CloseCode.POLICY_VIOLATION)

    def _answer(self, text: str, received_us: int) -> None:
        try:
            message = parse_control(text)
        except ControlError as error:
            self._malformed(str(error))
            return
        if isinstance(message, Time):
            # Past the queue and stamped at the last moment: what waits there would look like the network's delay.
            self._send(Time(message.client_transmitted, received_us, self._clock.unix_now_us()), at_once=True)
        elif isinstance(message, Stats) and self._link is not None and self._rights.may_set:
            self._link.take_stats(message)
        elif isinstance(message, Set) and (denied := self._rights.why_no_set()) is not None:
            self._refuse(denied)
        elif message == Set():
            self._refuse(f"there is nothing in it that can be set; accepted: {', '.join(SETTING_KEYS)}")
        elif isinstance(message, Set):
            self._has_asked = True
            try:
                settings = self._stream.change(self, message)
                if settings is not None and self._link is not None:
                    self._link.wish(settings)
            except NoRoomError as error:
                self._rights.count_no_room()
                self._refuse(str(error))
            except EncoderSettingsError as error:
                self._refuse(str(error))

    def _send(self, message: ControlMessage, *, at_once: bool = False) -> None:
        outbox = self._outbox
        if outbox is not None:
            (outbox.send_at_once if at_once else outbox.send_control)(text_frame(pack_control(message)))
            self._leave_if_held_up()

    def _report_sender(self, rtp: RtpListener) -> None:
        self._catch_up()
        report = rtp.sender_report()
        if report is not None and self._outbox is not None:
            self._has_reported = True
            self._outbox.send_control(report)
            self._leave_if_held_up()

    def _catch_up(self) -> None:
        """Count what was sent past this object."""
        seat, outbox = self._seat, self._outbox
        if seat is not None and outbox is not None:
            passed = seat.passed()
            outbox.add(passed)
            if self._rtp is not None:
                self._rtp.add(passed)

    def _leave_if_held_up(self) -> None:
        if self._seat is not None and (self._outbox is None or self._outbox.way is None):
            self._seat.leave()

    def _end_if_done(self) -> None:
        """After `finish`, once all has gone out."""
        outbox, over = self._outbox, self._is_over
        is_finished = self._deadline is not None and outbox is not None and outbox.is_empty
        if is_finished and over is not None and not over.done():
            over.set_result(None)

    def _settle(self, outbox: Outbox) -> None:
        """Leave nothing behind, and add up."""
        self.add_to(self._counters)
        if self._deadline is not None:
            self._deadline.cancel()
        if not outbox.is_empty:
            # Otherwise a client that has stopped reading would keep the socket until the kernel gives up on it.
            outbox.abort()
        # What we said counts: whoever is sent away for a message that is too big often does not answer.
        code = self._close_sent or self._socket.close_code
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
            why=self._why_closed or ("the connection broke off" if is_broken else "it left"),
        )
        # They know each other, and so do a connection's error and the frames it passed: all of it would stay in memory
        # until the collector looks through everything, which is seldom.
        self._outbox = self._link = None
        fault = self._socket.exception()
        if fault is not None:
            fault.__traceback__ = fault.__context__ = None

    def _log(self, level: int, event: str, error: BaseException | None = None, **facts: object) -> None:
        log_event(
            logger,
            level,
            event,
            error=error,
            stream=self._stream.name,
            peer=self._peer,
            subject=self._rights.subject,
            dialect="bare" if self._rtp is None else "rtp",
            **facts,
        )

    def _malformed(self, reason: str) -> None:
        self._counters.malformed_messages += 1
        self._malformed_messages += 1
        if self._malformed_messages == 1:
            # Further ones are only counted.
            self._log(logging.WARNING, "message ignored", why=reason)

    def _refuse(self, reason: str) -> None:
        """Answer a `set` that changed nothing."""
        facts = self._stream.facts(self._stream.settings_of(self))
        if facts is not None:
            self._send(facts.config(refused=reason))
