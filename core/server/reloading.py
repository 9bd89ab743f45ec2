"""What can be read anew while the server runs: all of it is read before any of it is taken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from core.server.operation.logs import log_event

logger = logging.getLogger(__name__)

Take = Callable[[], None]
"""Puts what was read in force; cannot fail."""

NOTHING: Final = "there is nothing to read anew: no TLS, no keys and no tokens in files"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that stands in files."""

    name: str
    """In the plural, for the log."""
    read: Callable[[], Take]
    """Raises `ValueError` (`AccessError` among them) with one line if it cannot be had."""


class Reloader:
    """Reads all parts anew."""

    def __init__(self, parts: Iterable[Part]) -> None:
        """Parts that have no file are left out."""
        self._parts = tuple(parts)

    @property
    def has_any(self) -> bool:
        """Whether there is anything to read."""
        return bool(self._parts)

    def reload(self) -> None:
        """Take all that is in the files now, or nothing; the log says which."""
        if not self._parts:
            log_event(logger, logging.INFO, "not read anew", why=NOTHING)
            return
        taken: list[Take] = []
        for part in self._parts:
            try:
                taken.append(part.read())
            except ValueError as error:
                log_event(logger, logging.WARNING, "not read anew", why=f"{error}; what was in force stays, all of it")
                return
        for take in taken:
            take()
        log_event(logger, logging.INFO, "read anew", parts=", ".join(part.name for part in self._parts))
