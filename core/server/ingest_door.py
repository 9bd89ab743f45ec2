"""Who may push: whoever brings the stream's token; where it has none, programs on this machine."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping

from aiohttp import web

from core.server.access.bearer import challenge
from core.server.access.refusals import Reason, Refusals
from core.server.gate import CLIENT, Gate, RefusedError


class IngestDoor:
    """Asks who somebody is before it tells anything: a stranger hears the same, whatever name it tries."""

    def __init__(self, tokens: Mapping[str, str | None], gate: Gate, refusals: Refusals) -> None:
        """``tokens`` are those of the streams that take sound, by name; ``gate`` counts attempts, as of listeners."""
        self._tokens = tokens
        self._gate = gate
        self._refusals = refusals
        self._has_tokens = any(tokens.values())

    def check(self, request: web.Request, name: str) -> None:
        """Return if whoever asks may push to ``name``.

        Raises:
            RefusedError: too many attempts (429), a stranger (401, 403), or no such stream (404).
        """
        # Before the token is looked at: who guesses shall not have many guesses.
        self._gate.knock(request)
        brought = _bearer(request)
        held = self._stream_of(brought, name)
        if held is not None:
            self._gate.knock_again(held)
        token = self._tokens.get(name)
        is_for_tokens = self._has_tokens if name not in self._tokens else token is not None
        is_known = held is not None and (token is None or held == name) if is_for_tokens else _is_local(request)
        if not is_known:
            raise self._refusal(request, brought)
        if name not in self._tokens:
            raise RefusedError(404, f"there is no stream {name[:80]!r} here that takes sound; /streams lists all")

    def _stream_of(self, brought: str | None, name: str) -> str | None:
        """To which stream a token is the one to push, ``name`` before others."""
        if brought is None:
            return None
        for stream in sorted(self._tokens, key=lambda each: each != name):
            token = self._tokens[stream]
            if token is not None and hmac.compare_digest(brought.encode("utf-8", "replace"), token.encode()):
                return stream
        return None

    def _refusal(self, request: web.Request, brought: str | None) -> RefusedError:
        if self._has_tokens and brought is None:
            self._refusals.count(Reason.NO_TOKEN)
            return RefusedError(401, "a token is needed to push: Authorization: Bearer ...", headers=challenge())
        if self._has_tokens:
            self._refusals.count(Reason.BAD_TOKEN)
            words = "this is not the token to push here"
            return RefusedError(401, words, headers=challenge("invalid_token", words))
        if "Origin" in request.headers:
            self._refusals.count(Reason.ORIGIN)
            return RefusedError(403, "web pages may not push without a token; give this stream an ingest_token_file")
        self._refusals.count(Reason.NOT_LOCAL)
        return RefusedError(403, "only this machine may push here; give this stream an ingest_token_file")


def _bearer(request: web.Request) -> str | None:
    scheme, _, brought = request.headers.get("Authorization", "").partition(" ")
    return brought.strip() if scheme.lower() == "bearer" else None


def _is_local(request: web.Request) -> bool:
    """Whether a program on this machine asks.

    A page that is open in a browser on this machine comes from loopback, too, whoever wrote it; and so does whoever
    comes through a proxy here, which may tell for whom it asks, but not make somebody elsewhere local.
    """
    addresses = (request.remote, request.get(CLIENT, request.remote))
    return "Origin" not in request.headers and all(map(_is_loopback, addresses))


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
