"""Log lines with an event and fields: as text for people, as JSON for machines.

What is logged never holds a query string, a token or a header: events name the path, the peer and words of ours, or of
another server. Whatever they hold, no line can be made to look like two, and no terminal is told to do anything.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from core.log import log_event
from core.server.operation.settings import OperationSettings

__all__ = ["JsonFormatter", "TextFormatter", "configure_logs", "log_event", "one_line"]

_PLAIN: Final = re.compile(r"[\w.:/+-]+")
"""Values that can be read without quotes; all others could be taken for further fields, or for further lines."""

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_OWN: Final = "core"
"""The level that was asked for is that of our own loggers; libraries only ever warn."""


class TextFormatter(logging.Formatter):
    """The message, then ``key=value`` of each field; the time is added by whoever keeps the lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name in logging
        """One line, but for the traceback of an exception."""
        fields: dict[str, Any] = getattr(record, "fields", {})
        return " ".join([one_line(record.getMessage()), *(f"{key}={_value(value)}" for key, value in fields.items())])

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the name in logging
        """Indented, as what an exception says may have come from outside and be made to look like a line of ours."""
        return "\n".join(f"  {one_line(line)}" for line in super().formatException(ei).split("\n"))


class JsonFormatter(logging.Formatter):
    """A JSON object on each line: ``time`` (UTC), ``level``, ``event``, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, tracebacks included."""
        message = record.getMessage()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", message),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # JSON itself escapes line feeds, but not the line ends of Unicode.
        return one_line(json.dumps(line, ensure_ascii=False, default=str))


def configure_logs(settings: OperationSettings) -> None:
    """Write to stderr from now on, in place of what was configured before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(_OWN).setLevel(settings.log_level.upper())


def one_line(text: str) -> str:
    """``text`` with an escape of JSON (RFC 8259 §7) in place of each letter that is no print.

    Line ends of all kinds, what moves a terminal's cursor or colours it, and what turns the direction of writing.
    """
    return (
        text if text.isprintable() else "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)
    )


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else one_line(json.dumps(text, ensure_ascii=False))
