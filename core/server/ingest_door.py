"""Who may push: whoever brings the stream's token; where it has none, programs on this machine."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping

from aiohttp import web


def refusal_of(request: web.Request, token: str | None) -> web.Response | None:
    """Why somebody may not push, as an answer; ``None`` if they may."""
    if token is not None:
        scheme, _, brought = request.headers.get("Authorization", "").partition(" ")
        is_right = hmac.compare_digest(brought.strip().encode("utf-8", "replace"), token.encode())
        if scheme.lower() == "bearer" and is_right:
            return None
        return refused(401, "a token is needed to push: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})
    if "Origin" in request.headers:
        # A page that is open in a browser on this machine comes from loopback, too, whoever wrote it.
        return refused(403, "web pages may not push without a token; give this stream an ingest_token_file")
    if not _is_loopback(request.remote):
        return refused(403, "only this machine may push here; give this stream an ingest_token_file")
    return None


def _is_loopback(address: str | None) -> bool:
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def refused(status: int, reason: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer of one line."""
    return web.Response(status=status, headers=headers, text=f"{reason}\n")
