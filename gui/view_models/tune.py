"""What the tuning controls say: asked for, in force, and why something cannot be changed."""

from __future__ import annotations

from dataclasses import dataclass

from core.receiver.status import FrameSizeControl, SessionSnapshot
from gui.translation import translate
from gui.view_models.text import milliseconds, plain_milliseconds


@dataclass(frozen=True, slots=True)
class FrameSizeView:
    """``selected_ms`` is what the combo box stands on; ``None`` is the server's own choice."""

    selected_ms: float | None
    accepted_ms: frozenset[float] | None
    """What can be chosen now; ``None`` means anything."""
    can_unset: bool
    """Whether "as the server sends" can be chosen: once a server has been asked there is no way to un-ask."""
    is_enabled: bool
    asked: str
    in_force: str
    note: str
    """Why it is disabled, or that the answer is still to come; empty if there is nothing to say."""


def frame_size_view(control: FrameSizeControl | None, wish_ms: float | None) -> FrameSizeView:
    """``control`` is the running session's, or ``None`` without one: then ``wish_ms`` is what the next one asks."""
    if control is None:
        note = "" if wish_ms is None else translate("Tune", "Will be asked of the server on connecting.")
        return FrameSizeView(wish_ms, None, True, True, _asked(wish_ms), plain_milliseconds(None), note)
    asked_ms = control.requested_ms
    note = ""
    if control.unavailable_because is not None:
        note = translate("Tune", "✕ Cannot be changed: {reason}").format(reason=control.unavailable_because)
    is_different = asked_ms is not None and control.in_force_ms is not None and asked_ms != control.in_force_ms
    if not note and is_different:
        note = translate("Tune", "Waiting until the server's packets have this size.")
    return FrameSizeView(
        selected_ms=asked_ms,
        accepted_ms=frozenset(control.accepted_ms),
        can_unset=asked_ms is None,
        is_enabled=control.unavailable_because is None,
        asked=_asked(asked_ms),
        in_force=plain_milliseconds(control.in_force_ms),
        note=note,
    )


def _asked(wish_ms: float | None) -> str:
    return translate("Tune", "nothing") if wish_ms is None else plain_milliseconds(wish_ms)


def depth_text(snapshot: SessionSnapshot | None) -> str:
    """The target in force and the depth now; without a session, when the setting takes effect."""
    if snapshot is None:
        return translate("Tune", "Used from the next connection on.")
    target = plain_milliseconds(snapshot.target_delay_ms)
    if snapshot.buffer_depth_ms is None:
        return translate("Tune", "In force {target}").format(target=target)
    depth = milliseconds(snapshot.buffer_depth_ms)
    return translate("Tune", "In force {target} · now {depth}").format(target=target, depth=depth)
