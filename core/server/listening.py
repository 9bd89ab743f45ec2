"""The sockets that a server listens on, and what is made of a connection before there is a request."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from aiohttp import web

from core.server.access.addresses import Addresses
from core.server.access.crowd import CountedListener, Crowd
from core.server.access.http_log import http_logger
from core.server.access.patience import patient
from core.server.access.refusals import Refusals
from core.server.access.tls import TlsKeeper
from core.server.config import ServerConfig


async def listen(
    server: web.Server, config: ServerConfig, tls: TlsKeeper | None, refusals: Refusals
) -> list[asyncio.Server]:
    """One for each address of the host, at least one.

    Not through `web.TCPSite`, which leaves who opens a connection and says nothing a minute for its handshake.

    Raises:
        OSError: the address cannot be bound.
        UnicodeError: ``config.host`` can be no host name.
    """
    loop = asyncio.get_running_loop()
    header_timeout_s = config.limits.header_timeout_s
    protocol = patient(server, refusals, header_timeout_s, http_logger(refusals))
    crowd = Crowd(config.limits, Addresses(config.access.trusted_proxies, config.access.proxy_header), refusals)
    bound = await loop.create_server(protocol, config.host, config.port, start_serving=False)
    with ExitStack() as on_failure:
        sockets = [on_failure.enter_context(CountedListener.over(each.dup(), crowd)) for each in bound.sockets]
        bound.close()
        listening = [
            await loop.create_server(
                protocol,
                sock=each,
                ssl=tls.context if tls is not None else None,
                ssl_handshake_timeout=header_timeout_s if tls is not None else None,
                backlog=128,
            )
            for each in sockets
        ]
        on_failure.pop_all()
    return listening
