"""A TCP link between two programs of this machine that carries so many bit/s towards the client, and holds little."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_PIECE_BYTES: Final = 128
_HELD_BYTES: Final = 4_096
"""What the system may hold on the server's side of the link; less it does not take."""


class SlowLink:
    """``bps`` can be changed at any time."""

    def __init__(self, host: str, port: int, bps: float) -> None:
        """Towards ``host`` and ``port``; nothing is open yet."""
        self._host, self._port = host, port
        self.bps = bps
        self.bytes_carried = 0
        """Towards the client."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        upstream = socket.socket()
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _HELD_BYTES)
        upstream.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(upstream, (self._host, self._port))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._up(reader, upstream))
                tasks.create_task(self._down(upstream, writer))
        except* (ConnectionError, OSError):
            pass  # Either side has gone; so has the link.
        finally:
            upstream.close()
            writer.close()

    async def _up(self, reader: asyncio.StreamReader, upstream: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while piece := await reader.read(65_536):
            await loop.sock_sendall(upstream, piece)
        raise ConnectionResetError

    async def _down(self, upstream: socket.socket, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        free_s = loop.time()
        while piece := await loop.sock_recv(upstream, _PIECE_BYTES):
            free_s = max(free_s, loop.time() - 0.05) + len(piece) * 8 / self.bps
            await asyncio.sleep(max(0.0, free_s - loop.time()))
            writer.write(piece)
            await writer.drain()
            self.bytes_carried += len(piece)
        raise ConnectionResetError


@asynccontextmanager
async def slow_link(url: str, bps: float) -> AsyncIterator[tuple[str, SlowLink]]:
    """The address of ``url`` through a link of ``bps`` bit/s, and the link."""
    parts = urlsplit(url)
    link = SlowLink(parts.hostname or "127.0.0.1", parts.port or 80, bps)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield urlunsplit((parts.scheme, f"127.0.0.1:{port}", parts.path, parts.query, "")), link
    finally:
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1.0)
