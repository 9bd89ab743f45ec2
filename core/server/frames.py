"""WebSocket frames as a server sends them (RFC 6455 §5.2): whole messages, not masked.

Made once and written to any number of connections, which is why they are not left to the library that does the rest.
"""

from __future__ import annotations

import struct
from typing import Final

from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType

_FINAL_TEXT: Final = 0x81
_FINAL_BINARY: Final = 0x82
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127


def binary_frame(payload: bytes) -> bytes:
    """One binary message."""
    return _header(_FINAL_BINARY, len(payload)) + payload


def text_frame(text: str) -> bytes:
    """One text message."""
    payload = text.encode()
    return _header(_FINAL_TEXT, len(payload)) + payload


def is_too_big(message: WSMessage) -> bool:
    """Whether this stands for a message beyond ``max_msg_size``, for which aiohttp has closed the connection (1009)."""
    if message.type is not WSMsgType.ERROR or not isinstance(message.data, WebSocketError):
        return False
    return bool(message.data.code == WSCloseCode.MESSAGE_TOO_BIG)


def _header(first: int, length: int) -> bytes:
    if length < _LENGTH_16:
        return bytes((first, length))
    if length < 1 << 16:
        return struct.pack(">BBH", first, _LENGTH_16, length)
    return struct.pack(">BBQ", first, _LENGTH_64, length)
