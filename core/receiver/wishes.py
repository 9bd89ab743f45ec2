"""What the listener asks of the server's encoder, now and on every connection that follows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from core.receiver.failures import CONNECT_ERRORS
from core.receiver.link import Link
from core.receiver.options import SettingError, check_frame_ms
from core.receiver.reception import Reception
from core.receiver.status import EncoderControl, FrameSizeControl
from core.wire.control import Hello, Set


class Wishes:
    """Remembers what was asked for; what is in force the server says, and its packets."""

    def __init__(self, reception: Reception, frame_ms: float | None) -> None:
        """``frame_ms`` is what the command line asks for."""
        self._reception = reception
        self._asked = Set(frame_ms=frame_ms)
        self._link: Link | None = None

    def opened(self, link: Link) -> None:
        """There is a connection to ask on."""
        self._link = link

    def closed(self) -> None:
        """There is none any more."""
        self._link = None

    @property
    def frame_size(self) -> FrameSizeControl:
        """Frame size as asked for, in force, and possible."""
        return self._reception.observer.frame_size(self._asked.frame_ms, self._has_control, self._link is not None)

    @property
    def encoder(self) -> EncoderControl:
        """The encoder as it is set, and what can be asked of it."""
        return self._reception.observer.encoder(self._has_control, self._link is not None)

    async def ask_frame_ms(self, frame_ms: float) -> None:
        """Ask for another frame size.

        Raises:
            SettingError: not a frame size of Opus, or this server cannot be asked.
        """
        check_frame_ms(frame_ms)
        await self._ask(Set(frame_ms=frame_ms), "the frame size", self.frame_size.unavailable_because)

    async def ask_encoder(self, bitrate: int | None, fec: bool | None, dtx: bool | None) -> None:
        """Ask for other settings of the encoder, ``bitrate`` in bit/s; ``None`` leaves one as it is.

        Raises:
            SettingError: outside of what the server offers, or this server cannot be asked.
        """
        control = self.encoder
        offered = control.bitrate_limits
        if bitrate is not None and offered is not None and not offered[0] <= bitrate <= offered[1]:
            raise SettingError(
                f"a bit rate of {bitrate} bit/s is not possible here; accepted: {offered[0]} to {offered[1]}"
            )
        await self._ask(Set(bitrate=bitrate, fec=fec, dtx=dtx), "the encoder", control.unavailable_because)

    def for_server(self, hello: Hello) -> Set | None:
        """What to ask of a server that has just said how it is set; ``None`` where that is as it was asked for."""
        is_so = all(getattr(hello, key, None) == value for key, value in _named(self._asked).items())
        return None if is_so else self._asked

    @property
    def complaint(self) -> str | None:
        """Why the frame size that was asked for cannot be had here; ``None`` if it can, or is there already."""
        control = self.frame_size
        wanted_ms, because = control.requested_ms, control.unavailable_because
        if wanted_ms is None or because is None or wanted_ms == control.in_force_ms:
            return None
        return f"frames of {wanted_ms:g} ms were asked for, but {because}"

    @property
    def _has_control(self) -> bool:
        return self._link is not None and self._link.dialect.has_control

    async def _ask(self, wish: Set, what: str, unavailable_because: str | None) -> None:
        if self._link is None or unavailable_because is not None:
            raise SettingError(f"{what} cannot be changed: {unavailable_because}")
        try:
            await self._link.send(wish)
        except CONNECT_ERRORS as error:
            raise SettingError(f"{what} cannot be changed: the connection is just breaking off") from error
        self._asked = replace(self._asked, **_named(wish))


def _named(wish: Set) -> dict[str, Any]:
    return {key: value for key, value in asdict(wish).items() if value is not None}
