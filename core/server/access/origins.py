"""Which web pages may ask, and what their browser has to be told so that their script may read the answer."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from core.server.access.settings import ANY_ORIGIN


def is_allowed(origin: str, allowed: Sequence[str]) -> bool:
    """Whether a page of ``origin`` may; ``allowed`` are those of `AccessSettings`."""
    return ANY_ORIGIN in allowed or origin.casefold() in map(str.casefold, allowed)


def for_script(request: web.Request, allowed: Sequence[str]) -> dict[str, str]:
    """The headers of an answer over HTTP (Fetch, "CORS protocol"): a WebSocket needs none.

    The answer depends on who asks, which whoever keeps answers for others has to know (RFC 9110 §12.5.5).
    """
    if not allowed:
        return {}
    origins = request.headers.getall("Origin", [])
    if len(origins) != 1 or not is_allowed(origins[0], allowed):
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origins[0]}
