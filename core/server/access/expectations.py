"""``Expect`` (RFC 9110 §10.1.1): aiohttp knows ``100-continue``, and repeats what else there is in its refusal."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from multidict import CIMultiDictProxy

_HEADER: Final = "Expect"


def name_odd_expectations(server: web.Server) -> None:
    """See to it that one which is no text is refused like others (417): aiohttp would fail to repeat it, with 500.

    That happens before any middleware, also where there is nothing to ask for.
    """
    make = server.request_factory

    def request(message: Any, *more: Any) -> web.BaseRequest:
        # What cannot be parsed has no headers at all.
        if _HEADER in message.headers and not all(map(str.isascii, message.headers.getall(_HEADER))):
            headers = message.headers.copy()
            headers[_HEADER] = "?"
            message = message._replace(headers=CIMultiDictProxy(headers))
        return make(message, *more)

    server.request_factory = request
