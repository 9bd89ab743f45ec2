"""What a test sees of the log, as whoever runs a server does."""

from __future__ import annotations

import pytest

from core.server.operation.logs import TextFormatter


def told(caplog: pytest.LogCaptureFixture, event: str | None = None) -> list[str]:
    """The lines so far, fields included; those of one event, if one is named."""
    return [
        TextFormatter().format(record)
        for record in caplog.records
        if event is None or getattr(record, "event", None) == event
    ]
