"""How many connections are open: those beyond the limits are closed as they come, before any handshake.

They are counted where the system hands them over, for whoever opens one and says nothing costs a descriptor and a place
among the connections all the same, and with TLS no HTTP is ever seen of it. On Windows the event loop accepts in its
own way, and nothing is limited here.
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any, Final

from multidict import CIMultiDict

from core.server.access.addresses import Addresses, site_of
from core.server.access.refusals import Reason, Refusals
from core.server.access.settings import Limit, LimitSettings

_NO_HEADERS: Final[CIMultiDict[str]] = CIMultiDict()

_AT_ONCE: Final = 100
"""So many are closed before others have their turn."""


class Crowd:
    """Who is connected."""

    def __init__(self, limits: LimitSettings, addresses: Addresses, refusals: Refusals) -> None:
        """Nobody is; whoever is turned away is counted in ``refusals``."""
        self._max: Limit = limits.max_connections
        self._max_per_site: Limit = limits.max_connections_per_address
        self._addresses = addresses
        self._refusals = refusals
        self._count = 0
        self._at_site: Counter[str] = Counter()

    def enter(self, peer: str | None) -> str | None:
        """Under which name somebody at an address is counted until it has to `leave`; ``None`` if it cannot stay."""
        if isinstance(self._max, int) and self._count >= self._max:
            self._refusals.count(Reason.CONNECTIONS)
            return None
        address = self._addresses.client(peer, _NO_HEADERS)
        site = site_of(address)
        is_proxy = address is not None and self._addresses.is_trusted(address)
        if isinstance(self._max_per_site, int) and not is_proxy and self._at_site[site] >= self._max_per_site:
            self._refusals.count(Reason.CONNECTIONS_OF_ADDRESS)
            return None
        self._count += 1
        self._at_site[site] += 1
        return site

    def leave(self, site: str) -> None:
        """Somebody has gone."""
        self._count -= 1
        self._at_site[site] -= 1
        if not self._at_site[site]:
            del self._at_site[site]


class CountedListener(socket.socket):
    """A listening socket that accepts no more than its `Crowd` bears."""

    _crowd: Crowd

    @classmethod
    def over(cls, listening: socket.socket, crowd: Crowd) -> CountedListener:
        """Takes the place of ``listening``, which is of no use afterwards."""
        counted = cls(listening.family, listening.type, listening.proto, listening.detach())
        counted._crowd = crowd
        return counted

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that can stay; asyncio comes back when there are others.

        Raises:
            BlockingIOError: nobody else waits.
            ConnectionAbortedError: many could not stay.
        """
        for _ in range(_AT_ONCE):
            connection, address = super().accept()
            site = self._crowd.enter(str(address[0]) if isinstance(address, tuple) else None)
            if site is not None:
                return _CountedConnection.over(connection, self._crowd, site), address
            connection.close()
        raise ConnectionAbortedError


class _CountedConnection(socket.socket):
    """One of those connections; the crowd is told when it closes."""

    _crowd: Crowd
    _site: str | None

    @classmethod
    def over(cls, connection: socket.socket, crowd: Crowd, site: str) -> _CountedConnection:
        counted = cls(connection.family, connection.type, connection.proto, connection.detach())
        counted._crowd, counted._site = crowd, site
        return counted

    def close(self) -> None:
        site, self._site = self._site, None
        if site is not None:
            self._crowd.leave(site)
        super().close()
