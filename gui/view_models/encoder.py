"""What the controls of the server's encoder show."""

from __future__ import annotations

from dataclasses import dataclass

from core.opus.encoder import MAX_BITRATE, MIN_BITRATE
from core.receiver.status import EncoderControl
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


def encoder_view(control: EncoderControl | None, measured_kbps: float | None = None) -> EncoderView:
    """``control`` is the running session's, or ``None`` without one; ``measured_kbps`` is what the packets hold.

    Where the bit rate is left to the encoder, that stands for it, roughly: it changes from second to second.
    """
    if control is None:
        note = translate("Tune", "Can be changed while connected, where the server offers it.")
        return EncoderView(None, MIN_BITRATE / 1000, MAX_BITRATE / 1000, False, False, False, False, False, "", note)
    because = control.unavailable_because
    can = because is None
    least, most = control.bitrate_limits or (MIN_BITRATE, MAX_BITRATE)
    note = "" if because is None else translate("Tune", "✕ Cannot be changed: {reason}").format(reason=because)
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
        note,
    )


def _roughly(kbps: float | None) -> float | None:
    return None if kbps is None else float(max(round(kbps / 8) * 8, 8))


def _in_force(control: EncoderControl) -> str:
    if control.application is None:
        return ""
    bitrate = (
        translate("Tune", "its own bit rate")
        if control.bitrate is None
        else f"{significant(control.bitrate / 1000)} kbit/s"
    )
    switches = [name for name, is_on in (("FEC", control.fec), ("DTX", control.dtx)) if is_on]
    parts = (bitrate, translate("Tune", "tuned for {0}").format(control.application), *switches)
    return translate("Tune", "In force {0}").format(", ".join(parts))
