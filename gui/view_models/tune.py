"""What the tuning controls say: asked for, in force, and why something cannot be changed."""

from __future__ import annotations

from dataclasses import dataclass

from core.playout.presets import PRESETS, PresetName
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.receiver.status import FrameSizeControl, OutputStatus, SessionSnapshot
from gui.translation import translate
from gui.tuning import Tuning, preset_of
from gui.view_models.text import LOG_LOCALE, milliseconds, plain_milliseconds, significant


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
    is_waiting: bool = False
    """The server has been asked, and its packets are still of another size."""


def frame_size_view(control: FrameSizeControl | None, wish_ms: float | None) -> FrameSizeView:
    """``control`` is the running session's, or ``None`` without one: then ``wish_ms`` is what the next one asks."""
    if control is None:
        note = "" if wish_ms is None else translate("Tune", "Will be asked of the server on connecting.")
        return FrameSizeView(wish_ms, None, True, True, _asked(wish_ms), plain_milliseconds(None), note)
    asked_ms = control.requested_ms
    note = ""
    if control.unavailable_because is not None:
        note = translate("Tune", "✕ Cannot be changed: {reason}").format(reason=control.unavailable_because)
    in_force = plain_milliseconds(control.in_force_ms)
    is_different = asked_ms is not None and control.in_force_ms is not None and asked_ms != control.in_force_ms
    is_waiting = not note and is_different
    if is_waiting:
        note = translate("Tune", "Waiting until the server's packets have this size.")
        in_force = translate("Tune", "still {size}").format(size=in_force)
    return FrameSizeView(
        selected_ms=asked_ms,
        accepted_ms=frozenset(control.accepted_ms),
        can_unset=asked_ms is None,
        is_enabled=control.unavailable_because is None,
        asked=_asked(asked_ms),
        in_force=in_force,
        note=note,
        is_waiting=is_waiting,
    )


def _asked(wish_ms: float | None) -> str:
    return translate("Tune", "nothing") if wish_ms is None else plain_milliseconds(wish_ms)


def preset_name(name: PresetName | None) -> str:
    """The preset's label; ``None`` stands for the user's own values."""
    return translate("Tune", "Own") if name is None else translate("Tune", PRESETS[name].label)


def preset_explanation(name: PresetName) -> str:
    """One sentence on what a preset is for."""
    return translate("Tune", PRESETS[name].explanation)


def kind_name(is_adaptive: bool) -> str:
    """How the target delay is found."""
    return translate("Tune", "Adaptive") if is_adaptive else translate("Tune", "Fixed")


def mode_name(mode: PlayoutMode) -> str:
    """What becomes of late audio."""
    return translate("Tune", "Live") if mode is PlayoutMode.LIVE else translate("Tune", "Complete")


def target_text(snapshot: SessionSnapshot, playout: PlayoutSettings) -> str:
    """The target delay in force and how it was found: ``"42 ms, adaptive"``."""
    return f"{plain_milliseconds(snapshot.target_delay_ms)}, {kind_name(playout.is_adaptive).lower()}"


def playout_text(snapshot: SessionSnapshot | None, playout: PlayoutSettings | None) -> str:
    """What is in force of the buffer; without a session, when the settings take effect."""
    if snapshot is None or playout is None:
        return translate("Tune", "Used from the next connection on.")
    return translate("Tune", "In force {target}, {mode}").format(
        target=target_text(snapshot, playout), mode=mode_name(playout.mode).lower()
    )


def latency_text(output: OutputStatus | None) -> str:
    """What the device of a running session says; empty without one."""
    if output is None:
        return ""
    if not output.is_device:
        return translate("Tune", "No device in use")
    return translate("Tune", "In force {latency}").format(latency=milliseconds(output.latency_ms))


def tuning_change_text(before: Tuning, now: Tuning) -> str:
    """One line for the event log on what the user has changed: the preset, or else each value that differs."""
    old, new = before.playout, now.playout
    preset_before, preset = preset_of(before), preset_of(now)
    if preset is not None and preset is not preset_before:
        before_text, now_text = (
            f"{preset_name(name)}: {_effect(each)}" for name, each in ((preset_before, before), (preset, now))
        )
        changes = [(translate("Tune", "preset"), before_text, now_text)]
    else:
        changes = [
            (translate("Tune", "buffer"), _buffer(old), _buffer(new)),
            (translate("Tune", "quick ↔ safe"), _bias(old), _bias(new)),
            (translate("Tune", "mode"), mode_name(old.mode).lower(), mode_name(new.mode).lower()),
            (translate("Tune", "device latency asked"), _latency(before), _latency(now)),
        ]
    line = translate("Tune", "{what} is now {now} (was {before})")
    return ", ".join(line.format(what=what, now=to, before=was) for what, was, to in changes if was != to)


def _buffer(playout: PlayoutSettings) -> str:
    if playout.is_adaptive:
        return translate("Tune", "adaptive")
    return translate("Tune", "fixed at {depth}").format(depth=plain_milliseconds(playout.target_delay_ms, LOG_LOCALE))


def _effect(tuning: Tuning) -> str:
    """What a preset does to the buffer and the device, in short."""
    playout = tuning.playout
    if playout.is_adaptive:
        least = plain_milliseconds(playout.min_target_ms, LOG_LOCALE)
        buffer = translate("Tune", "adaptive from {least}").format(least=least)
    else:
        buffer = _buffer(playout)
    parts = [buffer, mode_name(playout.mode).lower()]
    if tuning.device_latency_ms is not None:
        parts.append(translate("Tune", "device latency {latency}").format(latency=_latency(tuning)))
    return ", ".join(parts)


def _bias(playout: PlayoutSettings) -> str:
    return translate("Tune", "{bias} ms per %").format(bias=significant(playout.bias_ms_per_pct, locale=LOG_LOCALE))


def _latency(tuning: Tuning) -> str:
    return (
        translate("Tune", "low")
        if tuning.device_latency_ms is None
        else plain_milliseconds(tuning.device_latency_ms, LOG_LOCALE)
    )
