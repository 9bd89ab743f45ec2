"""What is pushed, on its way into an inlet: raw samples or a file in a container, in a body or in messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError

from core.audio.sources import SourceError
from core.audio.sources.prefetch import Prefetcher
from core.audio.sources.pushed import BytePipe, RawConverter, decode_pushed
from core.server.frames import is_too_big
from core.server.inlet import Inlet

MAX_MESSAGE_BYTES: Final = 1 << 20
"""Of one WebSocket message: 22 s of 24 kHz mono. A larger one ends the connection (close code 1009)."""

MIN_RATE_HZ: Final = 4_000
MAX_RATE_HZ: Final = 192_000
"""What sound cards and synthesisers have."""

_KEYS: Final = ("rate", "channels")
_BODY_PIECE_BYTES: Final = 64 * 1024
_CHUNK_MS: Final = 100


class PushError(ValueError):
    """What was sent is no sound; the message is one line for whoever sent it."""


class MessageTooBigError(PushError):
    """A WebSocket message of more than `MAX_MESSAGE_BYTES`, for which the connection was closed."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Rate in Hz and channels of raw samples."""

    rate: int
    channels: int


@dataclass(slots=True)
class Taken:
    """How much of a push went into the inlet so far."""

    seconds: float = 0.0


async def take(pieces: AsyncIterator[bytes], inlet: Inlet, raw: Raw | None, taken: Taken) -> None:
    """Put all of it into the inlet, at its pace; ``raw`` of ``None``: a container, which says itself what it is.

    Raises:
        PushError: it is no sound.
    """
    await (_take_raw(pieces, inlet, raw, taken) if raw else _take_container(pieces, inlet, taken))


async def _take_raw(pieces: AsyncIterator[bytes], inlet: Inlet, raw: Raw, taken: Taken) -> None:
    converter = RawConverter(raw.rate, raw.channels, inlet.sample_rate, inlet.channels)
    async for piece in pieces:
        for pcm in converter.convert(piece):
            taken.seconds += len(pcm) / inlet.sample_rate
            await inlet.put(pcm)
    for pcm in converter.drain():
        taken.seconds += len(pcm) / inlet.sample_rate
        await inlet.put(pcm)


async def _take_container(pieces: AsyncIterator[bytes], inlet: Inlet, taken: Taken) -> None:
    pipe = BytePipe()
    chunk = inlet.sample_rate * _CHUNK_MS // 1000
    decoded = Prefetcher(decode_pushed(pipe, inlet.sample_rate, inlet.channels), inlet.channels, chunk)
    feeding = asyncio.create_task(_feed(pieces, pipe))
    try:
        while (pcm := await decoded.read(chunk)) is not None:
            taken.seconds += len(pcm) / inlet.sample_rate
            await inlet.put(pcm)
        # A decoder that has read enough may leave something behind; whoever pushes is let go all the same.
    except SourceError as error:
        if feeding.done() and not feeding.cancelled() and isinstance(fault := feeding.exception(), PushError):
            raise fault from None  # Why there is no sound in it.
        told = str(error).partition(";")[0]
        raise PushError(f"{told}; raw samples need ?rate=...&channels=...") from error
    finally:
        feeding.cancel()
        pipe.end()
        decoded.close()
        await asyncio.wait({feeding})
    if not feeding.cancelled():
        feeding.result()


async def _feed(pieces: AsyncIterator[bytes], pipe: BytePipe) -> None:
    try:
        async for piece in pieces:
            await pipe.write(piece)
    finally:
        pipe.end()


async def in_body(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        PushError: it is broken, or there is nothing in it.
    """
    is_empty = True
    try:
        while piece := await request.content.read(_BODY_PIECE_BYTES):
            is_empty = False
            yield piece
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise PushError("the body is broken; send whole chunks") from error
    if is_empty:
        raise PushError("the body is empty; send sound in it")


async def in_messages(ws: web.WebSocketResponse) -> AsyncIterator[bytes]:
    """What is in binary messages, up to the end of the connection.

    Raises:
        PushError: a message is none of these.
    """
    async for message in ws:
        if message.type is WSMsgType.BINARY:
            yield message.data
        elif message.type is WSMsgType.TEXT:
            raise PushError("a text message is no sound; send binary ones")
        elif is_too_big(message):
            raise MessageTooBigError("a message that is too big; send pieces of at most 1 MiB")


def raw_in(query: Mapping[str, str]) -> Raw | None:
    """What raw samples are, or ``None`` for a container, which says so itself.

    Raises:
        PushError: that can be neither, or a key that means nothing here.
    """
    if unknown := next((key for key in query if key not in _KEYS), None):
        raise PushError(f"{unknown[:40]!r} means nothing here; accepted: {', '.join(_KEYS)}")
    if "rate" not in query:
        if "channels" in query:
            raise PushError("channels are those of raw samples; name their rate, too: ?rate=24000&channels=1")
        return None
    rate = _whole(query["rate"])
    if rate is None or not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise PushError(f"rate {query['rate'][:40]!r} is not possible; accepted: {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    channels = _whole(query.get("channels", "1"))
    if channels not in (1, 2):
        raise PushError(f"channels {query['channels'][:40]!r} are not possible; accepted: 1, 2")
    return Raw(rate, channels)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
