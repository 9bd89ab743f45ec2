"""What holds for every test of the server: it has no errors of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_error_in_the_server(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """An error that is logged instead of raised still fails the test, unless that says ``provokes_errors``."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    if not request.node.get_closest_marker("provokes_errors"):
        assert not errors, [record.getMessage() for record in errors]
