"""What aiohttp has to say about requests that are none: counted, not logged, as its messages repeat what was sent.

Nor does it have to say with a traceback that somebody has gone before its answer.
"""

from __future__ import annotations

import logging

from aiohttp import ClientConnectionResetError, web
from aiohttp.http_exceptions import HttpProcessingError

from core.server.access.refusals import Reason, Refusals


class _Malformed(logging.Filter):
    """Holds back the traceback of each request that is malformed, or whose sender did not wait for the answer.

    Anybody could fill the log with them, tokens included.
    """

    def __init__(self, refusals: Refusals) -> None:
        super().__init__()
        self._refusals = refusals

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ClientConnectionResetError):
            return False
        if not isinstance(error, HttpProcessingError | web.RequestPayloadError):
            return True
        self._refusals.count(Reason.MALFORMED_REQUEST)
        return False


def http_logger(refusals: Refusals) -> logging.Logger:
    """For one server's HTTP. Faults of ours still come through, as they would without it."""
    # Not by name: each server counts for itself, and `logging` keeps what has a name for ever.
    logger = logging.Logger("core.server.http")
    logger.parent = logging.getLogger("core.server")
    logger.addFilter(_Malformed(refusals))
    return logger
