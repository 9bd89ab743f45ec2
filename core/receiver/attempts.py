"""Attempt after attempt to have a stream: what is done on each connection, and what between two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

from websockets.exceptions import ConnectionClosed

from core.analysis.observation import Closed, Connected, Connecting, NotConnected, Received, RoundTrip
from core.monitor.events import EventLog, Level
from core.opus.media import MediaPacket
from core.playout.jitter_buffer import JitterBuffer
from core.receiver.any_link import AnyLink
from core.receiver.connection import Connection
from core.receiver.failures import CONNECT_ERRORS, Failure, ending_of, explain
from core.receiver.impairment.settings import Impairment
from core.receiver.impairment.stage import ImpairedStage
from core.receiver.link import open_link
from core.receiver.observers import Observers
from core.receiver.options import ListenOptions
from core.receiver.overseer import Overseer
from core.receiver.reception import Reception
from core.receiver.snapshot import stats_of
from core.receiver.status import ConnectionState
from core.receiver.wishes import Wishes
from core.wire.attempts import Backoff
from core.wire.control import Config, Hello

STATS_INTERVAL_S: Final = 1.0

MAX_RETRY_AFTER_MS: Final = 3_600_000


class Attempts:
    """The connections of one session, one after the other: from socket or capture through the lab to the reception."""

    def __init__(
        self,
        options: ListenOptions,
        buffer: JitterBuffer,
        reception: Reception,
        connection: Connection,
        lab: ImpairedStage,
        wishes: Wishes,
        overseer: Overseer,
        events: EventLog,
    ) -> None:
        """No socket is opened before `run`."""
        self._options, self._buffer, self._reception = options, buffer, reception
        self._connection, self._lab, self._wishes = connection, lab, wishes
        self._overseer, self._events = overseer, events
        self.observers = Observers(connection.status.url)
        """They hear what the server did: of messages as they were read, before the network lab."""
        self._backoff = Backoff()
        self._link: AnyLink | None = None
        self._is_open = self._has_connected = self._is_stopping = False
        self._try_now = asyncio.Event()
        self._last_round_trip_ms: float | None = None

    @property
    def round_trip_ms(self) -> float | None:
        """Of the open connection, or of the last one."""
        if self._link is not None:
            self._last_round_trip_ms = self._link.round_trip_ms
        return self._last_round_trip_ms

    def try_now(self) -> None:
        """Make the next attempt to connect at once, where one is being waited for."""
        self._try_now.set()

    def stop(self) -> None:
        """Make no further attempt; whoever runs `run` cancels it besides."""
        self._is_stopping = True

    def set_impairment(self, impairment: Impairment) -> None:
        """Let the lab do something else, on the open connection, too."""
        self._lab.set(impairment)
        if self._link is not None:
            self._link.lab_delay_ms = impairment.least_delay_ms

    async def run(self) -> None:
        """Until the stream is over or cannot be had; the connection's state says which."""
        while True:
            failure = await self._attempt()
            if self._is_stopping:
                # The cancellation may have met a connection that was just breaking off, and been lost with it.
                return
            if failure.is_end:
                self._connection.to(ConnectionState.ENDED, failure.reason, reason=failure.reason)
                return
            gives_up = self._options.gives_up_early and self._reception.packets_received == 0
            if gives_up or not failure.is_retryable:
                self._connection.to(ConnectionState.FAILED, failure.reason, reason=failure.reason)
                return
            await self._wait(failure)
            if self._is_stopping:
                return

    async def _attempt(self) -> Failure:
        """One connection, from handshake to close; says why it is over."""
        url = self._connection.status.url
        self._connection.to(ConnectionState.CONNECTING, f"connecting to {url}", next_attempt_at_ns=None)
        failure = Failure(f"the connection to {url} ended", is_retryable=True)
        self._reception.bye = None
        self.observers.tell(Connecting(time.monotonic_ns(), url))
        replay = self._options.replay
        try:
            async with (
                open_link(self._options) if replay is None else replay.open_link() as link,
                asyncio.TaskGroup() as tasks,
            ):
                self._opened(link)
                for beside in (link.keep_time, link.keep_alive, partial(self._tell_stats, link)):
                    tasks.create_task(_until_closed(beside))
                tasks.create_task(self._lab.deliver(partial(self._take, link), link.break_off))
                await self._receive(link)
        except* CONNECT_ERRORS as group:
            failure = explain(group, self._options.url)
            self._closed(ending_of(group, time.monotonic_ns()), failure)
        finally:
            self._closed(Closed(time.monotonic_ns(), None, by_observer=True), failure)
            self._overseer.look(self.round_trip_ms)
            self._lab.end_connection()
            self._link = None
            self._wishes.closed()
        bye = self._reception.bye
        if bye is not None and bye.retry_after_ms is not None:
            # It said goodbye to come back: whatever close code followed.
            wait_s = min(bye.retry_after_ms, MAX_RETRY_AFTER_MS) / 1000
            failure = Failure(f"{failure.reason} ({bye.reason})", is_retryable=True, retry_after_s=wait_s)
        now_ns = time.monotonic_ns()
        self._buffer.set_source_playing(not failure.is_end, now_ns)
        if self._reception.packets_received and not failure.is_end:
            self._overseer.outages.begin(now_ns if failure.since_ns is None else failure.since_ns)
        return failure

    def _closed(self, ending: Closed, failure: Failure) -> None:
        """Tell that the attempt is over, once."""
        if self._is_open:
            self.observers.tell(ending)
        elif not ending.by_observer:
            self.observers.tell(NotConnected(ending.at_ns, failure.reason))
        self._is_open = False

    def _opened(self, link: AnyLink) -> None:
        self._link = link
        self._is_open = True
        link.on_round_trip = lambda at_ns, round_trip_ms: self.observers.tell(RoundTrip(at_ns, round_trip_ms))
        self.observers.tell(Connected(time.monotonic_ns(), link.subprotocol, link.offered))
        self._wishes.opened(link)
        link.lab_delay_ms = self._lab.impairment.least_delay_ms
        if self._reception.packets_received:
            self._connection.note(reconnects=self._connection.status.reconnects + 1)
            self._events.add(Level.CHANGE, "connected again")
        elif not self._has_connected:
            self._events.add(Level.CHANGE, f"connected to {self._connection.status.url}")
        self._has_connected = True
        self._reception.begin_connection(time.monotonic_ns())
        self._overseer.sampler.begin_connection()
        self._connection.to(ConnectionState.CONNECTED, "connected; waiting for audio", dialect=_dialect_of(link))

    async def _receive(self, link: AnyLink) -> None:
        """Read until the connection closes, which `AnyLink.messages` raises: after all that came before."""
        try:
            async for message, read_ns in link.messages():
                if self._lab.is_direct:
                    await self._take(link, message, read_ns)
                else:
                    await self._lab.hold(message, read_ns)
                if self.observers:
                    self._tell_received(link, message, read_ns)
        except ConnectionClosed:
            # What the server sent before it closed is still on its way through the lab.
            await self._lab.drain()
            raise

    def _tell_received(self, link: AnyLink, message: bytes | str, read_ns: int) -> None:
        for event in link.as_read(message, read_ns):
            # While the dialect was being found out, packets waited: they came when they came.
            self.observers.tell(Received(event.arrival_ns if isinstance(event, MediaPacket) else read_ns, event))

    async def _take(self, link: AnyLink, message: bytes | str, arrival_ns: int) -> None:
        """One message, in the order of arrival."""
        for event in link.receive(message, arrival_ns):
            self._reception.handle(event, time.monotonic_ns())
            if isinstance(event, Config):
                self._wishes.answered(event)
            wish = self._wishes.for_server(event) if isinstance(event, Hello) else None
            if wish is not None:
                await _until_closed(partial(link.send, wish))
        if self._reception.packets_on_connection and self._connection.status.state is ConnectionState.CONNECTED:
            self._backoff.reset()
            self._overseer.outages.end(time.monotonic_ns())
            dialect = _dialect_of(link)
            self._connection.to(ConnectionState.STREAMING, f"audio comes, as {dialect}", dialect=dialect, attempt=0)
            for complaint in self._wishes.complain():
                self._events.add(Level.WARNING, complaint)

    async def _wait(self, failure: Failure) -> None:
        # A capture knows when the next attempt was made.
        is_replay = self._options.replay is not None
        wait_s = 0.0 if is_replay else self._backoff.next_wait_s(failure.retry_after_s)
        self._connection.to(
            ConnectionState.WAITING,
            f"{failure.reason}; next attempt in {wait_s:.1f} s",
            reason=failure.reason,
            attempt=self._backoff.failures,
            next_attempt_at_ns=time.monotonic_ns() + round(wait_s * 1e9),
        )
        self._try_now.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._try_now.wait()

    async def _tell_stats(self, link: AnyLink) -> None:
        """Tell the server how listening goes, if it wants to know."""
        while True:
            await asyncio.sleep(STATS_INTERVAL_S)
            if link.dialect.has_control:
                await link.send(stats_of(self._buffer))


async def _until_closed(work: Callable[[], Awaitable[None]]) -> None:
    """Do what sends, for as long as it can. Why it cannot any more, the reader says, after all that came before."""
    with suppress(ConnectionClosed):
        await work()


def _dialect_of(link: AnyLink) -> str:
    reason = f" ({link.dialect.reason})" if link.dialect.reason else ""
    return f"{link.dialect.name}{reason}"
