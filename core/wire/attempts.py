"""Connecting again and again: how long to wait between attempts, and how an address is told without its secrets."""

from __future__ import annotations

import random
from typing import Final
from urllib.parse import urlsplit, urlunsplit


def redact(url: str) -> str:
    """The address without user, password and query, where tokens travel."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "..." if parts.query else "", ""))


class Backoff:
    """Waiting times between attempts: doubling up to a limit, each drawn at random from the upper half.

    The random part keeps a thousand clients of a restarted server from coming back in the same instant.
    """

    INITIAL_S: Final = 0.5
    LIMIT_S: Final = 30.0
    LONGEST_ASKED_S: Final = 3_600.0
    """A server that asks for more is asked again after an hour."""

    def __init__(self, rng: random.Random | None = None) -> None:
        """Before the first failure."""
        self._rng = rng or random.Random()  # noqa: S311 - nothing secret
        self.failures = 0

    def next_wait_s(self, asked_for_s: float | None = None) -> float:
        """Count a failure and give the wait after it; at least what the server asked for."""
        # The exponent is bounded, too: a client that waits overnight fails a thousand times.
        longest_s = min(self.LIMIT_S, self.INITIAL_S * 2 ** min(self.failures, 16))
        self.failures += 1
        wait_s = self._rng.uniform(longest_s / 2, longest_s)
        return wait_s if asked_for_s is None else max(wait_s, min(asked_for_s, self.LONGEST_ASKED_S))

    def reset(self) -> None:
        """Audio came: the next failure is the first one again."""
        self.failures = 0
