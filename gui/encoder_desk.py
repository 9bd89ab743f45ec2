"""Passes on what the user asks of the server's encoder, remembers it for the next connection, and takes it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from PySide6.QtCore import QObject

from core.opus.encoder import MAX_BITRATE, MIN_BITRATE, Application
from core.receiver.options import NO_ENCODER_WISH, EncoderWish
from gui import settings
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.widgets.encoder_controls import EncoderControls

_NUMBERS: Final = ("bitrate", "fec", "dtx")
"""Asked for together; the application has a request of its own."""


@dataclass(frozen=True, slots=True)
class EncoderStep:
    """How things were before a change."""

    wish: EncoderWish
    """What had been asked for."""
    in_force: EncoderWish
    """What was in force: a server cannot be asked for what it would do by itself."""


class EncoderDesk(QObject):
    """Between the encoder's controls, the settings and the session."""

    def __init__(
        self,
        controls: EncoderControls,
        store: SettingsStore,
        owner: SessionOwner,
        remember: Callable[[EncoderStep], None],
        parent: QObject,
    ) -> None:
        """``remember`` takes what `go_back` can be given later."""
        super().__init__(parent)
        self._store, self._owner, self._remember = store, owner, remember
        controls.bitrate_chosen.connect(lambda bitrate: self._change(bitrate=bitrate))
        controls.fec_chosen.connect(lambda fec: self._change(fec=fec))
        controls.dtx_chosen.connect(lambda dtx: self._change(dtx=dtx))
        controls.application_chosen.connect(lambda application: self._change(application=application))

    def use(self, wish: EncoderWish) -> None:
        """Ask for all of ``wish``; what it leaves to the server is not asked for on the next connection."""
        before = self._wish
        self._store.set(settings.ENCODER, wish)
        changed = {key: getattr(wish, key) for key in _NUMBERS if getattr(wish, key) != getattr(before, key)}
        self._request(EncoderWish(**changed), before)
        if wish.application is not before.application:
            self._request_application(wish.application, before)

    def go_back(self, step: EncoderStep) -> None:
        """Ask for what was in force, and remember what had been asked for."""
        present, in_force = self._wish, step.in_force
        asked = {
            key: getattr(in_force if getattr(step.wish, key) is None else step.wish, key)
            for key in _NUMBERS
            if getattr(step.wish, key) != getattr(present, key)
        }
        self._store.set(settings.ENCODER, step.wish)
        self._request(EncoderWish(**asked), present)
        if step.wish.application is not present.application:
            self._request_application(step.wish.application, present)

    @property
    def _wish(self) -> EncoderWish:
        return self._store.get(settings.ENCODER)

    def _change(self, **chosen: Any) -> None:
        """What the user has chosen is asked for even where it was before: the server may have done otherwise."""
        self._remember(EncoderStep(self._wish, self._in_force()))
        before = self._wish
        self._store.set(settings.ENCODER, replace(before, **chosen))
        if "application" in chosen:
            self._request_application(chosen["application"], before)
        else:
            self._request(EncoderWish(**chosen), before)

    def _request(self, wish: EncoderWish, before: EncoderWish) -> None:
        if wish != NO_ENCODER_WISH:
            self._owner.request_encoder(wish.bitrate, wish.fec, wish.dtx, lambda: self._take_back(before, False))

    def _request_application(self, application: Application | None, before: EncoderWish) -> None:
        self._owner.request_application(application, lambda: self._take_back(before, True))

    def _take_back(self, before: EncoderWish, is_application: bool) -> None:
        """Each request by itself: what was refused of one says nothing about the other."""
        if is_application:
            wish = replace(self._wish, application=before.application)
        else:
            wish = replace(before, application=self._wish.application)
        self._store.set(settings.ENCODER, wish)

    def _in_force(self) -> EncoderWish:
        snapshot = self._owner.snapshot() if self._owner.is_running else None
        if snapshot is None:
            return NO_ENCODER_WISH
        control = snapshot.encoder
        bitrate = control.bitrate
        # Whatever a server says, it can only be asked for what Opus can do.
        if bitrate is not None and not MIN_BITRATE <= bitrate <= MAX_BITRATE:
            bitrate = None
        return EncoderWish(bitrate, control.fec, control.dtx)
