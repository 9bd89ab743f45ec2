"""One line of the log: an event that is always called the same, and fields with what is different each time."""

from __future__ import annotations

import logging
from typing import Any


def log_event(
    logger: logging.Logger, level: int, event: str, *, error: BaseException | None = None, **fields: Any
) -> None:
    """What happened, and to what.

    ``event`` is a constant, so that a machine can count it and a person can look for it; whatever comes from outside or
    differs from time to time is a field. Fields that are ``None`` are left out. Of an ``error`` the traceback is shown.
    """
    if logger.isEnabledFor(level):
        known = {key: value for key, value in fields.items() if value is not None}
        logger.log(level, "%s", event, extra={"event": event, "fields": known}, exc_info=error)
