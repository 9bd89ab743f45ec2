"""A server that takes sound, and what is sent to it."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np

from core.opus.encoder import EncoderSettings
from core.server.access.settings import LimitSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig
from tests.server.helpers import (
    RATE,
    Heard,
    Pcm16,
    decode,
)

RAW = "?rate=24000&channels=1"
SILENCE = bytes(48)


class Pushable:
    """A server with one stream that takes sound."""

    def __init__(self, server: RunningServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.url = server.url
        self.http = http
        self.ingest = server.url.replace("/ws-audio", "/ingest/main")
        self.over_http = self.ingest.replace("ws:", "http:")

    async def post(self, data: Any, query: str = "", **options: Any) -> tuple[int, str]:
        """Status and text of the answer."""
        async with self.http.post(self.over_http + query, data=data, **options) as response:
            return response.status, await response.text()


@asynccontextmanager
async def pushable(
    settings: EncoderSettings | None = None, limits: LimitSettings | None = None, **stream: Any
) -> AsyncIterator[Pushable]:
    config = StreamConfig(source="push", settings=settings or EncoderSettings(), **stream)
    limits = limits or LimitSettings()
    async with serving(ServerConfig((config,), port=0, limits=limits)) as server, aiohttp.ClientSession() as http:
        yield Pushable(server, http)


def wav(pcm: Pcm16, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(pcm.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


def is_tone(payloads: list[bytes], hertz: float) -> bool:
    """Whether packets of a mono stream hold this tone above all."""
    sound = decode(payloads)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return abs(np.argmax(spectrum) * 48_000 / len(sound) - hertz) < 5


def loud(heard: Heard) -> list[bytes]:
    return [packet.payload for packet in heard.packets]
