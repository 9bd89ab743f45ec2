"""Streams run side by side, and an error in one of them is no other one's end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from core.log import log_event
from core.server.broadcast import Broadcast

logger = logging.getLogger(__name__)

RESTART_S: Final = 1.0
"""Between a stream's end by an error in this program and its next beginning."""


async def run_all(streams: Iterable[Broadcast]) -> None:
    """Serve all of them until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for stream in streams:
            tasks.create_task(_keep_running(stream))


async def _keep_running(stream: Broadcast) -> None:
    while True:
        try:
            await stream.run()
        except Exception as error:  # noqa: BLE001 - it is logged with its traceback
            told = "an error in the server"
            log_event(
                logger, logging.ERROR, "stream failed", error=error, stream=stream.name, why=told, restart_s=RESTART_S
            )
            stream.fail()
        await stream.clock.sleep_until(stream.clock.now_ns() + round(RESTART_S * 1e9))
