"""Who may listen: asked before a connection is upgraded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """What one connection may do. Each is an object of its own."""

    subject: str = ""
    """Who it is, where that is known."""
    may_set: bool = True
    """Whether it may ask for other settings of the encoder."""
    expires_unix_s: float | None = None
    """When the connection has to end; ``None``: never."""


@dataclass
class RefusedError(Exception):
    """A connection that is not to be; ``reason`` is one line for the client, without secrets."""

    status: int
    """Of HTTP: 401, 403, 429 or 503."""
    reason: str
    retry_after_s: float | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Gate(Protocol):
    """Decides, and counts who is inside."""

    def admit(self, request: web.Request, stream: str) -> Grant:
        """Let a listener of ``stream`` in.

        Raises:
            RefusedError: it has to stay out.
        """

    def leave(self, grant: Grant) -> None:
        """Somebody who was admitted has gone."""


class OpenGate:
    """Lets everybody in."""

    def admit(self, request: web.Request, stream: str) -> Grant:
        """Anybody, anything."""
        return Grant()

    def leave(self, grant: Grant) -> None:
        """Nobody is counted."""
