"""What the tuning controls set together: the jitter buffer and the sound device's latency, as a preset or one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from core.playout.presets import DEFAULT_PRESET, PRESETS, PresetName
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.receiver.options import check_device_latency_ms, check_target_delay_ms

_NUMBERS: Final = ("target_delay_ms", "bias_ms_per_pct", "min_target_ms", "max_target_ms", "live_bound_ms")
"""The bound of the memory is not among them: it cannot be changed while a session runs."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """``device_latency_ms`` is what the device is asked for; ``None`` means its own low latency."""

    playout: PlayoutSettings
    device_latency_ms: float | None = None


def tuning_of(name: PresetName) -> Tuning:
    """What a preset sets."""
    return Tuning(PRESETS[name].playout, PRESETS[name].device_latency_ms)


DEFAULT_TUNING: Final = tuning_of(DEFAULT_PRESET)


def preset_of(tuning: Tuning) -> PresetName | None:
    """The preset that sets just this, or ``None``. Where an adaptive target starts makes no difference."""
    for name in PRESETS:
        preset = tuning_of(name)
        start_ms = tuning.playout.target_delay_ms if tuning.playout.is_adaptive else preset.playout.target_delay_ms
        if replace(preset, playout=replace(preset.playout, target_delay_ms=start_ms)) == tuning:
            return name
    return None


def write_tuning(tuning: Tuning) -> dict[str, Any]:
    """As JSON can hold it."""
    playout = tuning.playout
    return {
        **{name: getattr(playout, name) for name in _NUMBERS},
        "is_adaptive": playout.is_adaptive,
        "mode": playout.mode.value,
        "device_latency_ms": tuning.device_latency_ms,
    }


def read_tuning(stored: Any) -> Tuning:
    """The way back; what is missing has the engine's default.

    Raises:
        ValueError: it makes no sense, or is outside of what is accepted.
    """
    if not isinstance(stored, dict):
        raise ValueError(f"expected an object, found {stored!r}")
    numbers = {name: _number(name, stored[name]) for name in _NUMBERS if name in stored}
    is_adaptive = stored.get("is_adaptive", False)
    if not isinstance(is_adaptive, bool):
        raise ValueError(f"is_adaptive: {is_adaptive!r} is not possible; accepted: true, false")
    mode = _mode(stored.get("mode", PlayoutMode.COMPLETE.value))
    playout = PlayoutSettings(is_adaptive=is_adaptive, mode=mode, **numbers)
    check_target_delay_ms(playout.target_delay_ms)
    latency_ms = (
        None if stored.get("device_latency_ms") is None else _number("device_latency_ms", stored["device_latency_ms"])
    )
    check_device_latency_ms(latency_ms)
    return Tuning(playout, latency_ms)


def _mode(stored: Any) -> PlayoutMode:
    names = [mode.value for mode in PlayoutMode]
    if stored not in names:
        # What the enumeration itself would say names a class of the program.
        raise ValueError(f"mode: {stored!r} is not possible; accepted: {', '.join(sorted(names, reverse=True))}")
    return PlayoutMode(stored)


def _number(name: str, stored: Any) -> float:
    if not isinstance(stored, int | float) or isinstance(stored, bool):
        raise ValueError(f"{name}: {stored!r} is not possible; accepted: a number")
    return float(stored)
