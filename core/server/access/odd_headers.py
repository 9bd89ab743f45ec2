"""Headers that aiohttp takes for text, reads or repeats in its refusal: what is none it answers with 500."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from multidict import CIMultiDictProxy

_TEXTS: Final = ("Expect", "Connection", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key")
_INSTEAD: Final = "?"


def replace_odd_headers(server: web.Server) -> None:
    """Put something in the place of those that are not ASCII, so that they are refused as others are.

    `Expect` (RFC 9110 §10.1.1) comes before any middleware, and counts also where there is nothing to ask for.
    """
    make = server.request_factory

    def request(message: Any, *more: Any) -> web.BaseRequest:
        # What cannot be parsed has no headers at all, not even an empty `CIMultiDict`.
        odd = [
            name
            for name in _TEXTS
            if name in message.headers and not all(map(str.isascii, message.headers.getall(name)))
        ]
        if odd:
            headers = message.headers.copy()
            for name in odd:
                headers[name] = _INSTEAD
            message = message._replace(headers=CIMultiDictProxy(headers))
        return make(message, *more)

    server.request_factory = request
