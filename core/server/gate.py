"""Who may listen, and how often anybody may ask: before a connection is upgraded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiohttp import web

CLIENT: Final = web.RequestKey("client", str)
"""The address a gate found a request to come from; behind a proxy that is not who opened the connection."""


SUBJECT: Final = web.RequestKey("subject", str)
"""Whose token a request brought, where it was believed."""


class MessageLimit(Protocol):
    """How many messages one connection may send."""

    def is_too_many(self) -> bool:
        """Count a message; tells whether it is to be ignored."""

    def is_too_much(self, received_bytes: int) -> bool:
        """Count what came, in messages or not; tells whether the connection has to end."""

    def is_flood(self) -> bool:
        """Count an ignored message; tells whether that was enough."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """What one connection may do. Each is an object of its own."""

    subject: str = ""
    """Who it is, where that is known."""
    may_set: bool = True
    """Whether it may ask for other settings of the encoder."""
    expires_unix_s: float | None = None
    """When the connection has to end; ``None``: never."""
    messages: MessageLimit | None = field(default=None, repr=False)
    """What it may send; ``None``: any number."""


@dataclass
class RefusedError(Exception):
    """A connection that is not to be; ``reason`` is one line for the client, without secrets."""

    status: int
    """Of HTTP: 401, 403, 404, 429, 503 or 508."""
    reason: str
    retry_after_s: float | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self) -> web.Response:
        """What the client gets: the reason as its only line."""
        headers = dict(self.headers)
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(math.ceil(self.retry_after_s))
        return web.Response(status=self.status, headers=headers, text=f"{self.reason}\n")


class Gate(Protocol):
    """Decides, and counts who is inside."""

    def admit(self, request: web.Request, stream: str) -> Grant:
        """Let a listener of ``stream`` in, which there may be or not: that is nobody's business who stays out.

        Raises:
            RefusedError: it has to stay out.
        """

    def knock(self, request: web.Request) -> None:
        """Count an attempt to push by the address that a request comes from, which `CLIENT` tells afterwards.

        Raises:
            RefusedError: it was one too many.
        """

    def knock_again(self, stream: str) -> None:
        """Count an attempt to push by whoever holds the token to push to ``stream``.

        Raises:
            RefusedError: it was one too many.
        """

    def is_local(self, request: web.Request) -> bool:
        """Whether a program on this machine asks, and no proxy for somebody else."""

    def leave(self, grant: Grant) -> None:
        """Somebody who was admitted has gone."""

    def visible(self, request: web.Request, streams: Iterable[str]) -> list[str]:
        """Those of the ``streams`` that whoever asks may know of.

        Raises:
            RefusedError: it may know of nothing here.
        """
