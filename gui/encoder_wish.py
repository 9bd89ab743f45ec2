"""What the user asks of the server's encoder, as the settings and the profiles hold it."""

from __future__ import annotations

from typing import Any, Final

from core.opus.encoder import Application
from core.receiver.options import EncoderWish

ENCODER_KEYS: Final = ("bitrate", "fec", "dtx", "application")


def write_encoder_wish(wish: EncoderWish) -> dict[str, Any]:
    """As JSON can hold it; what is left to the server is left out."""
    application = None if wish.application is None else wish.application.label
    values = {"bitrate": wish.bitrate, "fec": wish.fec, "dtx": wish.dtx, "application": application}
    return {key: value for key, value in values.items() if value is not None}


def read_encoder_wish(stored: Any) -> EncoderWish:
    """The way back; what is missing is left to the server, and what is not known here is left out.

    Raises:
        ValueError: it makes no sense, or is outside of what is accepted.
    """
    if not isinstance(stored, dict):
        raise ValueError(f"expected an object, found {stored!r}")
    bitrate, label = stored.get("bitrate"), stored.get("application")
    if bitrate is not None and (isinstance(bitrate, bool) or not isinstance(bitrate, int)):
        raise ValueError(f"expected a whole number of bit/s, found {bitrate!r}")
    if label is not None and not isinstance(label, str):
        raise ValueError(f"expected the name of an application, found {label!r}")
    application = None if label is None else Application.named(label)
    return EncoderWish(bitrate, _switch(stored.get("fec")), _switch(stored.get("dtx")), application)


def unknown_encoder_keys(stored: Any) -> list[str]:
    """What a newer version may have put there."""
    return [key for key in stored if key not in ENCODER_KEYS] if isinstance(stored, dict) else []


def _switch(stored: Any) -> bool | None:
    if stored is not None and not isinstance(stored, bool):
        raise ValueError(f"expected true or false, found {stored!r}")
    return stored
