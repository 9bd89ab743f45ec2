"""Settings that go well together, by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.playout.settings import PlayoutMode, PlayoutSettings, PlayoutSettingsError

INITIAL_TARGET_MS = 30.0
"""Where an adaptive target starts, until the network is known: a usual frame and the scatter of an ordinary network."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A jitter buffer and a sound device for one purpose."""

    label: str
    explanation: str
    """One sentence on what it is for."""
    playout: PlayoutSettings
    device_latency_ms: float | None
    """Asked of the sound device; ``None`` means its own low latency."""


class PresetName(Enum):
    """The presets, as a command names them."""

    LOWEST_DELAY = "lowest-delay"
    BALANCED = "balanced"
    SAFE = "safe"


PRESETS = {
    PresetName.LOWEST_DELAY: Preset(
        "Lowest delay",
        "For talking and playing together: late audio is left out, and a rare dropout is taken into account.",
        PlayoutSettings(
            target_delay_ms=5.0,
            is_adaptive=True,
            mode=PlayoutMode.LIVE,
            bias_ms_per_pct=20.0,
            min_target_ms=0.0,
            max_target_ms=80.0,
            live_bound_ms=40.0,
        ),
        5.0,
    ),
    PresetName.BALANCED: Preset(
        "Balanced",
        "For listening: as little delay as the network allows without dropouts that are noticed.",
        PlayoutSettings(target_delay_ms=INITIAL_TARGET_MS, is_adaptive=True),
        None,
    ),
    PresetName.SAFE: Preset(
        "Safe",
        "For listening all day on a bad network: rather half a second late than a dropout.",
        PlayoutSettings(target_delay_ms=100.0, is_adaptive=True, bias_ms_per_pct=1_000.0, min_target_ms=100.0),
        60.0,
    ),
}
"""In the order of their delay."""

DEFAULT_PRESET = PresetName.BALANCED


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        PlayoutSettingsError: there is none; the message says which there are.
    """
    try:
        return PRESETS[PresetName(name)]
    except ValueError:
        names = ", ".join(each.value for each in PresetName)
        raise PlayoutSettingsError(f"preset {name!r} is not known; accepted: {names}") from None
