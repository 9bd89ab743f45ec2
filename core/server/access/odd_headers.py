"""Headers that aiohttp repeats where it refuses them: it fails to, with 500, if they are no text."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from multidict import CIMultiDictProxy

_REPEATED: Final = ("Expect", "Connection", "Upgrade", "Sec-WebSocket-Version")
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
            for name in _REPEATED
            if name in message.headers and not all(map(str.isascii, message.headers.getall(name)))
        ]
        if odd:
            headers = message.headers.copy()
            for name in odd:
                headers[name] = _INSTEAD
            message = message._replace(headers=CIMultiDictProxy(headers))
        return make(message, *more)

    server.request_factory = request
