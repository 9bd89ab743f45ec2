"""What a user sets on the jitter buffer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.opus.packet import SAMPLES_PER_MS

LEAST_DEPTH_MS: Final = 480.0
"""Room for four packets of the largest size (RFC 6716 §3.2.5)."""

MIN_BIAS_MS_PER_PCT: Final = 1.0
MAX_BIAS_MS_PER_PCT: Final = 5_000.0

DEFAULT_BIAS_MS_PER_PCT: Final = 140.0
"""One per cent of late packets is worth 140 ms. From the comparison with NetEQ in ``tests/benchmarks``: the smallest
bias at which no more is concealed than there."""

MAX_ADAPTIVE_TARGET_MS: Final = 2_000.0
"""Lateness is looked at up to here."""


class PlayoutSettingsError(ValueError):
    """A setting outside of what the buffer can hold; the message says what would be accepted."""


class PlayoutMode(Enum):
    """What becomes of audio that is late after a stall."""

    COMPLETE = "complete"
    """Nothing is left out: playout is faster until it has caught up."""
    LIVE = "live"
    """The delay is bounded: what is later than the bound is skipped, the rest is caught up with."""


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """Depths in milliseconds.

    ``target_delay_ms`` is how long a packet that came without delay waits before it is played, so a packet that is
    later than that starves the output. With ``is_adaptive`` it is where the target starts, and ``bias_ms_per_pct``
    (what one per cent of late packets is worth) decides where it goes between ``min_target_ms`` and ``max_target_ms``.
    ``live_bound_ms`` is by how much the delay may exceed the target in live mode. ``max_depth_ms`` bounds the memory:
    what would exceed it pushes out the oldest.
    """

    target_delay_ms: float = 60.0
    max_depth_ms: float = 10_000.0
    is_adaptive: bool = False
    mode: PlayoutMode = PlayoutMode.COMPLETE
    bias_ms_per_pct: float = DEFAULT_BIAS_MS_PER_PCT
    min_target_ms: float = 5.0
    max_target_ms: float = MAX_ADAPTIVE_TARGET_MS
    live_bound_ms: float = 100.0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself or leaves no room for the packets that come.

        Raises:
            PlayoutSettingsError: with what would be accepted.
        """
        if not self.max_depth_ms >= LEAST_DEPTH_MS:
            raise PlayoutSettingsError(
                f"a bound of {self.max_depth_ms:g} ms is too small; accepted: {LEAST_DEPTH_MS:g} ms or more"
            )
        # The other half is for what piles up while playout catches up with a stall.
        highest = self.max_depth_ms / 2
        _check("a target delay", self.target_delay_ms, "ms", 0, highest)
        _check("a bias", self.bias_ms_per_pct, "ms per %", MIN_BIAS_MS_PER_PCT, MAX_BIAS_MS_PER_PCT)
        _check("a live bound", self.live_bound_ms, "ms", 0, highest)
        _check("a largest target", self.max_target_ms, "ms", 0, MAX_ADAPTIVE_TARGET_MS)
        _check("a smallest target", self.min_target_ms, "ms", 0, self.max_target_ms)

    @property
    def target_samples(self) -> int:
        """The target delay in 48 kHz samples."""
        return round(self.target_delay_ms * SAMPLES_PER_MS)

    @property
    def max_depth_samples(self) -> int:
        """The bound in 48 kHz samples."""
        return round(self.max_depth_ms * SAMPLES_PER_MS)


def _check(what: str, value: float, unit: str, low: float, high: float) -> None:
    if not low <= value <= high:
        raise PlayoutSettingsError(f"{what} of {value:g} {unit} is not possible; accepted: {low:g} to {high:g} {unit}")
