"""One WebSocket connection from handshake to close, turned into events."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core.receiver.options import ListenOptions
from core.wire.control import SUBPROTOCOL, ControlMessage, pack_control
from core.wire.detect import DetectingDialect
from core.wire.dialect import WireEvent
from core.wire.opus_rtp import OpusRtpDialect

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 0.5
"""A window that closes does not wait longer for the other side's close frame."""

PING_INTERVAL_S: Final = 2.0
DEAD_AFTER_S: Final = 15.0
"""A path on which nothing comes for so long, audio or answer, is taken for dead, and connected anew.

Audio counts: a server that only sends and never reads answers no ping, as the strategy document's does.
"""

_MESSAGES_AHEAD: Final = 1_024
"""A full queue pauses reading, which would look like network jitter; servers may send seconds ahead."""

_FIRST_TIME_REQUESTS: Final = 4
_FIRST_TIME_INTERVAL_S: Final = 0.05
_TIME_INTERVAL_S: Final = 1.0


class SilentPathError(ConnectionError):
    """Nothing has come for `DEAD_AFTER_S`: no message, and no answer to a ping."""


class Link:
    """An open connection; `open_link` makes it."""

    def __init__(self, socket: ClientConnection, dialect: DetectingDialect, clock_ns: Callable[[], int]) -> None:
        """Wrap an open socket."""
        self._socket = socket
        self._clock_ns = clock_ns
        self._heard_ns = clock_ns()
        self.dialect = dialect

    async def messages(self) -> AsyncIterator[list[WireEvent]]:
        """The events of every message, as it is read.

        Raises:
            ConnectionClosed: always, in the end; it says how.
        """
        while True:
            message = await self._socket.recv()
            self._heard_ns = self._clock_ns()
            yield self.dialect.receive(message, self._heard_ns)

    async def send(self, message: ControlMessage) -> None:
        """Send one control message."""
        await self._socket.send(pack_control(message))

    async def keep_time(self) -> None:
        """Compare clocks with the server, quickly at first, for as long as the connection is open."""
        for rounds in itertools.count():
            chosen = self.dialect.chosen
            if isinstance(chosen, OpusRtpDialect) and chosen.has_control:
                await self._socket.send(chosen.time_request(self._clock_ns()))
            await asyncio.sleep(_FIRST_TIME_INTERVAL_S if rounds < _FIRST_TIME_REQUESTS else _TIME_INTERVAL_S)

    async def keep_alive(self) -> None:
        """Ping, one at a time, for as long as the connection is open.

        Raises:
            SilentPathError: nothing came any more.
        """
        answer = asyncio.ensure_future(await self._socket.ping())
        while True:
            await asyncio.sleep(PING_INTERVAL_S)
            if answer.done():
                self._heard_ns = self._clock_ns()
                answer = asyncio.ensure_future(await self._socket.ping())
            elif self._clock_ns() - self._heard_ns > DEAD_AFTER_S * 1e9:
                raise SilentPathError

    @property
    def round_trip_ms(self) -> float | None:
        """By the control messages where there are any, else by the last ping; ``None`` before the first answer."""
        chosen = self.dialect.chosen
        if isinstance(chosen, OpusRtpDialect) and chosen.clock.round_trip_ms is not None:
            return chosen.clock.round_trip_ms
        return self._socket.latency * 1000 or None


@asynccontextmanager
async def open_link(options: ListenOptions, clock_ns: Callable[[], int] = time.monotonic_ns) -> AsyncIterator[Link]:
    """Connect as ``options`` say; the connection is closed on the way out.

    Raises:
        OSError, TimeoutError, InvalidHandshake: as `core.receiver.failures` explains them.
    """
    is_local = urlsplit(options.url).hostname in ("127.0.0.1", "localhost", "::1")
    async with connect(
        _address(options),
        subprotocols=None if options.dialect == "bare" else [Subprotocol(SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {options.token}"} if options.token else None,
        ssl=_tls(options),
        proxy=None if is_local else True,
        compression=None,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=None,
        max_queue=_MESSAGES_AHEAD,
    ) as socket:
        yield Link(socket, DetectingDialect(socket.subprotocol, options.dialect), clock_ns)


def _address(options: ListenOptions) -> str:
    """The URL, with the frame size in its query where control messages cannot carry it."""
    if options.frame_ms is None or options.dialect != "bare":
        return options.url
    parts = urlsplit(options.url)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "frame_ms"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("frame_ms", f"{options.frame_ms:g}")])))


def _tls(options: ListenOptions) -> ssl.SSLContext | None:
    if urlsplit(options.url).scheme != "wss":
        return None
    return ssl.create_default_context(cafile=str(options.ca_file) if options.ca_file else None)
