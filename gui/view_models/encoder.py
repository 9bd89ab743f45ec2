"""What the controls of the server's encoder show."""

from __future__ import annotations

from dataclasses import dataclass

from core.opus.encoder import MAX_BITRATE, MIN_BITRATE, Application
from core.receiver.status import ApplicationControl, EncoderControl
from gui.translation import translate
from gui.view_models.text import significant


@dataclass(frozen=True, slots=True)
class EncoderView:
    """Values in force, what can be asked for, and why not."""

    kbps: float | None
    least_kbps: float
    most_kbps: float
    fec: bool
    dtx: bool
    has_bitrate: bool
    """Whether it can be changed here; so the two below."""
    has_fec: bool
    has_dtx: bool
    in_force: str
    note: str
    """Why something cannot be changed; else empty."""


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """``selected`` is what the combo box stands on; ``None`` is the server's own choice."""

    selected: Application | None
    accepted: frozenset[Application]
    is_enabled: bool
    in_force: str
    note: str
    """Why it cannot be changed; else empty."""


def application_name(application: Application | None) -> str:
    """What people call it; ``None`` is the server's own choice."""
    match application:
        case Application.VOIP:
            return translate("Tune", "VoIP")
        case Application.AUDIO:
            return translate("Tune", "Audio")
        case Application.LOWDELAY:
            return translate("Tune", "Low delay")
        case None:
            return translate("Tune", "As the server chose")


def application_view(control: ApplicationControl | None) -> ApplicationView:
    """``control`` is the running session's, or ``None`` without one."""
    if control is None:
        return ApplicationView(None, frozenset(), False, "", _not_connected())
    in_force = ""
    if control.in_force is not None:
        known = next((each for each in Application if each.label == control.in_force.casefold()), None)
        name = control.in_force if known is None else application_name(known)
        in_force = translate("Tune", "In force {0}").format(name)
    because = control.unavailable_because
    # A wish that this server cannot be asked for would look as if it were in force.
    selected = control.requested if because is None else None
    return ApplicationView(selected, frozenset(control.accepted), because is None, in_force, _cannot(because))


def encoder_view(control: EncoderControl | None, measured_kbps: float | None = None) -> EncoderView:
    """``control`` is the running session's, or ``None`` without one; ``measured_kbps`` is what the packets hold.

    Where the bit rate is left to the encoder, that stands for it, roughly: it changes from second to second.
    """
    if control is None:
        least_kbps, most_kbps = MIN_BITRATE / 1000, MAX_BITRATE / 1000
        return EncoderView(None, least_kbps, most_kbps, False, False, False, False, False, "", _not_connected())
    because = control.unavailable_because
    can = because is None
    least, most = control.bitrate_limits or (MIN_BITRATE, MAX_BITRATE)
    return EncoderView(
        _roughly(measured_kbps) if control.bitrate is None else control.bitrate / 1000,
        least / 1000,
        most / 1000,
        bool(control.fec),
        bool(control.dtx),
        can and control.bitrate_limits is not None,
        can and control.takes_fec,
        can and control.takes_dtx,
        _in_force(control),
        _cannot(because),
    )


def _not_connected() -> str:
    return translate("Tune", "Can be changed while connected, where the server offers it.")


def _cannot(because: str | None) -> str:
    return "" if because is None else translate("Tune", "✕ Cannot be changed: {reason}").format(reason=because)


def _roughly(kbps: float | None) -> float | None:
    return None if kbps is None else float(max(round(kbps / 8) * 8, 8))


def _in_force(control: EncoderControl) -> str:
    if control.application is None:
        return ""
    if control.bitrate is None:
        bitrate = translate("Tune", "its own bit rate")
    else:
        bitrate = f"{significant(control.bitrate / 1000)} kbit/s"
    parts = [bitrate]
    # The boxes show it as well, but those are also what is clicked: this is what the server says.
    if control.fec is not None:
        parts.append(translate("Tune", "FEC on") if control.fec else translate("Tune", "FEC off"))
    if control.dtx is not None:
        parts.append(translate("Tune", "DTX on") if control.dtx else translate("Tune", "DTX off"))
    return translate("Tune", "In force {0}").format(", ".join(parts))
