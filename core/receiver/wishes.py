"""What the listener asks of the server's encoder, now and on every connection that follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from core.opus.encoder import Application
from core.receiver.any_link import AnyLink
from core.receiver.facts import offers
from core.receiver.failures import CONNECT_ERRORS
from core.receiver.options import NO_ENCODER_WISH, EncoderWish, SettingError, check_frame_ms
from core.receiver.reception import Reception
from core.receiver.status import ApplicationControl, EncoderControl, FrameSizeControl
from core.wire.control import Config, Hello, Set


class Wishes:
    """Remembers what was asked for; what is in force the server says, and its packets."""

    def __init__(self, reception: Reception, frame_ms: float | None, encoder: EncoderWish = NO_ENCODER_WISH) -> None:
        """``frame_ms`` and ``encoder`` are what the session begins with."""
        self._reception = reception
        self._asked = Set(
            frame_ms=frame_ms,
            bitrate=encoder.bitrate,
            fec=encoder.fec,
            dtx=encoder.dtx,
            application=None if encoder.application is None else encoder.application.label,
        )
        self._granted = Set()
        """What of it was in force when a server answered last."""
        self._refused: tuple[str, ...] = ()
        """What a server was asked for and refused, a line each."""
        self._complaints: tuple[str, ...] = ()
        """Those of the last connection that brought audio."""
        self._link: AnyLink | None = None

    def opened(self, link: AnyLink) -> None:
        """There is a connection to ask on."""
        self._link = link

    def answered(self, config: Config) -> None:
        """The server says what is in force; what it refused is not asked for again."""
        if config.refused is None:
            self._granted = self._asked
        else:
            granted = _named(self._granted)
            wanted = [
                f"{key} {_shown(value)}" for key, value in _named(self._asked).items() if granted.get(key) != value
            ]
            if wanted:
                self._refused += (f"{', '.join(wanted)} was asked for, but refused: {config.refused}",)
            self._asked = self._granted

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

    @property
    def application(self) -> ApplicationControl:
        """What the encoder is tuned for, as asked for and in force, and what else can be asked of it."""
        wish = self._asked.application
        requested = None if wish is None else Application.named(wish)
        return self._reception.observer.application_control(requested, self._has_control, self._link is not None)

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

    async def ask_application(self, application: Application | None) -> None:
        """Ask for an encoder tuned for something else; ``None`` is what the server chose before it was asked.

        Raises:
            SettingError: not one of those that the server offers, or this server cannot be asked.
        """
        control = self.application
        if application is not None and control.unavailable_because is None and application not in control.accepted:
            accepted = ", ".join(each.label for each in control.accepted)
            raise SettingError(f"the application {application.label} is not possible here; accepted: {accepted}")
        hello = self._reception.observer.hello
        label = application.label if application is not None else hello.application if hello is not None else None
        await self._ask(Set(application=label), "the application", control.unavailable_because)
        # Whatever another server chooses after a reconnect, it is not asked for what this one chose.
        self._asked = replace(self._asked, application=application.label if application is not None else None)

    def for_server(self, hello: Hello) -> Set | None:
        """What to ask of a server that has just said how it is set; ``None`` where that is as it was asked for.

        What it does not offer it is not asked for: another server may take the next connection.
        """
        wish = Set(**{key: value for key, value in _named(self._asked).items() if offers(hello, key, value)})
        is_so = all(getattr(hello, key, None) == value for key, value in _named(wish).items())
        return None if is_so else wish

    @property
    def complaints(self) -> tuple[str, ...]:
        """Why what was asked for cannot be had here, a line each; what can, or is there already, has none."""
        size, tuned = self.frame_size, self.application
        found = []
        because = size.unavailable_because
        if because is None and size.requested_ms not in size.accepted_ms:
            because = f"the server offers only {', '.join(f'{each:g}' for each in size.accepted_ms)} ms"
        if size.requested_ms not in (None, size.in_force_ms) and because is not None:
            found.append(f"frames of {size.requested_ms:g} ms were asked for, but {because}")
        label = tuned.requested.label if tuned.requested is not None else None
        if label not in (None, tuned.in_force) and (because := _why_not(tuned)) is not None:
            found.append(f"the application {label} was asked for, but {because}")
        return (*found, *self._encoder_complaints())

    def _encoder_complaints(self) -> Iterator[str]:
        asked, control, hello = self._asked, self.encoder, self._reception.observer.hello
        for key, text in (
            ("bitrate", f"{(asked.bitrate or 0) / 1000:g} kbit/s were"),
            ("fec", f"FEC {_on_off(asked.fec)} was"),
            ("dtx", f"DTX {_on_off(asked.dtx)} was"),
        ):
            value = getattr(asked, key)
            if value is None or value == getattr(control, key) or (hello is not None and offers(hello, key, value)):
                continue
            yield f"{text} asked for, but {control.unavailable_because or 'the server does not offer that'}"

    def complain(self) -> tuple[str, ...]:
        """`complaints`, which are kept for `unfulfilled`: audio has come, so what is in force is known."""
        self._complaints = self.complaints
        return self._complaints

    @property
    def unfulfilled(self) -> tuple[str, ...]:
        """What was asked for and could not be had, or was refused, a line each."""
        return (*self._complaints, *self._refused)

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


def _why_not(control: ApplicationControl) -> str | None:
    if control.unavailable_because is None and control.requested not in control.accepted:
        return f"the server offers only {', '.join(each.label for each in control.accepted)}"
    return control.unavailable_because


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _on_off(is_on: bool | None) -> str:
    return "on" if is_on else "off"


def _named(wish: Set) -> dict[str, Any]:
    return {key: value for key, value in asdict(wish).items() if value is not None}
