"""One connection: a queue, a task that sends from it, and a task that answers the client."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from typing import Final

from aiohttp import WSMsgType, web

from core.opus.encoder import EncoderSettings, EncoderSettingsError
from core.opus.packet import SAMPLES_PER_MS
from core.server.clock import ServerClock
from core.server.config import limits
from core.server.encoding import EncodedPacket
from core.server.framing import RtpFraming
from core.server.send_queue import SendQueue
from core.server.stream import CloseCode, Stream
from core.wire.control import (
    SUBPROTOCOL,
    Bye,
    Config,
    ControlError,
    Hello,
    Set,
    State,
    Stats,
    StreamState,
    Time,
    pack_control,
    parse_control,
)

logger = logging.getLogger(__name__)

REPORT_INTERVAL_S: Final = 1.0
"""Between two sender reports, and between two `stats`."""

SEND_BUFFER_BYTES: Final = 16 * 1024
"""The socket's own queue. What it holds can no longer be dropped, so it shall hold little, but still some of the
longest packets there are (60 ms at 510 kbit/s: 3,825 bytes)."""

UNSENT_BYTES: Final = 4 * 1024
"""Of these, how many may not even have been sent (TCP_NOTSENT_LOWAT): at 32 kbit/s one second, plus one packet."""

DRAIN_LIMIT_S: Final = 1.5
"""After its last message a listener has this long to take what is queued and to say goodbye."""


@dataclass(slots=True)
class ListenerCounters:
    """What happened to all listeners since the server started."""

    connections: int = 0
    broken_connections: int = 0
    """Connections that ended without a closing handshake."""
    packets_sent: int = 0
    packets_dropped: int = 0
    malformed_messages: int = 0


class Listener:
    """A client that hears the stream, bare or as RTP. Implements what `Stream` asks of its audience."""

    def __init__(
        self,
        stream: Stream,
        socket: web.WebSocketResponse,
        counters: ListenerCounters,
        *,
        is_rtp: bool,
        queue_ms: float,
    ) -> None:
        """``socket`` is not prepared yet; ``queue_ms`` is how much sound may wait for it."""
        self._stream = stream
        self._clock: ServerClock = stream.clock
        self._socket = socket
        self._counters = counters
        self._rtp = RtpFraming(stream.clock) if is_rtp else None
        self._queue = SendQueue(queue_ms)
        self._has_reported = False
        self._close_code = CloseCode.NORMAL
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._packets_sent = 0
        self._bytes_sent = 0
        self._malformed_messages = 0

    # What the stream calls; none of it waits.

    def deliver(self, packet: EncodedPacket) -> None:
        """Queue one packet, numbered before the queue may drop it."""
        message = packet.payload
        if self._rtp is not None:
            message = self._rtp.pack(packet)
            if not self._has_reported:
                self._report_sender(self._rtp)
        self._queue.put_media(message, packet.duration / SAMPLES_PER_MS, len(packet.payload))

    def in_force(self, settings: EncoderSettings, media_time: int) -> None:
        """Answer a `set`, at its place between the packets."""
        self._queue.put_control(pack_control(self._config(settings, media_time)))

    def show_state(self, state: StreamState) -> None:
        """Tell an RTP client; a bare one is told nothing it didn't ask for."""
        if self._rtp is not None:
            self._queue.put_control(pack_control(State(state)))

    def finish(self, bye: Bye, code: CloseCode) -> None:
        """Send what is queued, unless the server goes away, then goodbye; close within `DRAIN_LIMIT_S`."""
        if code is CloseCode.GOING_AWAY:
            self._queue.clear()
        if self._rtp is not None:
            self._queue.put_control(pack_control(bye))
        self._close_code = code
        self._queue.close()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(DRAIN_LIMIT_S, self._abort)

    # The connection.

    async def run(self, request: web.Request, settings: EncoderSettings) -> None:
        """Serve the client until either side ends it."""
        await self._socket.prepare(request)
        self._counters.connections += 1
        self._transport = _tuned_transport(request)
        if self._rtp is not None:
            self._queue.put_control(pack_control(self._hello(self._rtp, settings)))
            self.show_state(self._stream.state)
        self._stream.join(self, settings)
        try:
            async with asyncio.TaskGroup() as tasks:
                ends = {tasks.create_task(self._write()), tasks.create_task(self._read())}
                reporter = tasks.create_task(self._report(self._rtp)) if self._rtp is not None else None
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for task in ends:
                    task.cancel()
                if reporter is not None:
                    reporter.cancel()
            await self._close()
        finally:
            self._stream.leave(self)
            self._settle()

    async def _write(self) -> None:
        """Send from the queue until it is closed and empty, or the connection is lost."""
        try:
            while (queued := await self._queue.get()) is not None:
                self._packets_sent += 1 if queued.duration_ms else 0
                self._bytes_sent += queued.payload_bytes
                if isinstance(queued.message, str):
                    await self._socket.send_str(queued.message)
                else:
                    await self._socket.send_bytes(queued.message)
        except ConnectionError:
            logger.debug("a listener's connection was lost")

    async def _read(self) -> None:
        """Answer the client until it goes; what it cannot mean is counted and ignored."""
        try:
            async for message in self._socket:
                received_us = self._clock.unix_now_us()
                if message.type is WSMsgType.TEXT:
                    await self._answer(message.data, received_us)
                elif message.type is WSMsgType.BINARY:
                    self._malformed("a binary message; a client sends text only")
        except ConnectionError:
            logger.debug("a listener's connection was lost")

    async def _answer(self, text: str, received_us: int) -> None:
        try:
            message = parse_control(text)
        except ControlError as error:
            self._malformed(str(error))
            return
        if isinstance(message, Time):
            # Past the queue and stamped at the last moment: what waits there would look like the network's delay.
            answer = Time(message.client_transmitted, received_us, self._clock.unix_now_us())
            await self._socket.send_str(pack_control(answer))
        elif isinstance(message, Set):
            try:
                self._stream.change(self, message)
            except EncoderSettingsError as error:
                config = self._config(self._stream.settings_of(self), refused=str(error))
                await self._socket.send_str(pack_control(config))

    async def _report(self, rtp: RtpFraming) -> None:
        """Each second a sender report and the server's figures."""
        interval_ns = round(REPORT_INTERVAL_S * 1e9)
        reported_ns, reported_bytes = self._clock.now_ns(), 0
        due_ns = reported_ns
        while True:
            due_ns += interval_ns
            await self._clock.sleep_until(due_ns)
            now_ns = self._clock.now_ns()
            seconds = (now_ns - reported_ns) / 1e9
            self._report_sender(rtp)
            self._queue.put_control(
                pack_control(
                    Stats(
                        {
                            "queue_depth_ms": self._queue.depth_ms,
                            "packets_sent": self._packets_sent,
                            "packets_dropped": self._queue.packets_dropped,
                            "bytes_sent": self._bytes_sent,
                            "bitrate": round((self._bytes_sent - reported_bytes) * 8 / seconds),
                        }
                    )
                )
            )
            reported_ns, reported_bytes = now_ns, self._bytes_sent

    def _report_sender(self, rtp: RtpFraming) -> None:
        report = rtp.sender_report()
        if report is not None:
            self._has_reported = True
            self._queue.put_control(report)

    async def _close(self) -> None:
        """The closing handshake, as far as the client still takes part in it."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(DRAIN_LIMIT_S, self._abort)
        await self._socket.close(code=self._close_code)

    def _settle(self) -> None:
        """Leave nothing behind, and add up."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self._transport is not None and self._transport.get_write_buffer_size():
            # Otherwise a client that has stopped reading would keep the socket until the kernel gives up on it.
            self._transport.abort()
        self._counters.packets_sent += self._packets_sent
        self._counters.packets_dropped += self._queue.packets_dropped
        if self._socket.close_code in (None, 1006):  # RFC 6455 §7.4.1: closed without a close frame
            self._counters.broken_connections += 1

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _malformed(self, reason: str) -> None:
        self._counters.malformed_messages += 1
        self._malformed_messages += 1
        if self._malformed_messages == 1:
            logger.warning("ignored a listener's message: %s (further ones are only counted)", reason)

    def _hello(self, rtp: RtpFraming, settings: EncoderSettings) -> Hello:
        return Hello(
            protocol=SUBPROTOCOL,
            ssrc=rtp.ssrc,
            sample_rate=settings.sample_rate,
            channels=settings.channels,
            frame_ms=settings.frame_ms,
            application=settings.application.label,
            bitrate=settings.bitrate,
            fec=settings.fec,
            dtx=settings.dtx,
            limits=limits(),
        )

    def _config(
        self, settings: EncoderSettings, media_time: int | None = None, *, refused: str | None = None
    ) -> Config:
        timestamp = None if self._rtp is None or media_time is None else self._rtp.timestamp(media_time)
        return Config(
            frame_ms=settings.frame_ms,
            bitrate=settings.bitrate,
            complexity=settings.complexity,
            fec=settings.fec,
            dtx=settings.dtx,
            application=settings.application.label,
            rtp_timestamp=timestamp,
            refused=refused,
        )


def _tuned_transport(request: web.Request) -> asyncio.WriteTransport | None:
    """The connection's transport, made to hold as little as possible, so that a slow listener fills our queue.

    aiohttp has set TCP_NODELAY already.
    """
    transport = request.transport
    if not isinstance(transport, asyncio.WriteTransport):
        return None
    transport.set_write_buffer_limits(high=0)
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return transport
