"""Who may push: whoever brings the stream's token; where it has none, programs on this machine."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from core.server.access.bearer import challenge
from core.server.access.refusals import Reason, Refusals
from core.server.gate import Gate, RefusedError


class Guarded(Protocol):
    """Something that a token is for; ``None``: for programs on this machine."""

    token: str | None


class IngestDoor:
    """Asks who somebody is before it tells anything: a stranger hears the same, whatever name it tries."""

    def __init__(self, points: Mapping[str, Guarded], gate: Gate, refusals: Refusals) -> None:
        """``points`` are the streams that take sound, by name; ``gate`` counts attempts, as of listeners."""
        self._points = points
        self._gate = gate
        self._refusals = refusals
        self._has_tokens = any(point.token for point in points.values())

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
        point = self._points.get(name)
        token = point.token if point is not None else None
        is_for_tokens = self._has_tokens if point is None else token is not None
        is_known = held is not None and (token is None or held == name) if is_for_tokens else self._is_local(request)
        if not is_known:
            raise self._refusal(request, brought)
        if point is None:
            raise RefusedError(404, f"there is no stream {name[:80]!r} here that takes sound; /streams lists all")

    def _stream_of(self, brought: str | None, name: str) -> str | None:
        """To which stream a token is the one to push, ``name`` before others."""
        if brought is None:
            return None
        for stream in sorted(self._points, key=lambda each: each != name):
            token = self._points[stream].token
            if token is not None and hmac.compare_digest(brought.encode("utf-8", "replace"), token.encode()):
                return stream
        return None

    def _is_local(self, request: web.Request) -> bool:
        # A page that is open in a browser on this machine comes from loopback, too, whoever wrote it.
        return "Origin" not in request.headers and self._gate.is_local(request)

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


def refused(status: int, reason: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer of one line."""
    return web.Response(status=status, headers=headers, text=f"{reason}\n")
