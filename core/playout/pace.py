"""How fast playout goes: slower, faster, or a hair off to follow the sender's clock."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from core.playout.resampling import MAX_DEVIATION
from core.playout.target import SLOW_DOWN_SHARE

NEARLY_DRY_MS: Final = 60.0
"""With less than that to play, a packet that is overdue is worth slowing down more."""

NEARLY_DRY_SHARE: Final = 0.6
"""A dropout is worse than speech at 40 % of its pace for the moment before."""

LOW_MS: Final = 20.0
"""With less than that to play, playout slows down for any packet that is overdue."""

BELOW_TARGET_MS: Final = 5.0
"""Less than that below the target is left alone, or to resampling."""

SPLICE_MS: Final = 5.0
"""As much has to lie ahead for audio to be put in."""

GENTLE_SHARE: Final = 0.1
FAR_BELOW_TARGET_MS: Final = 50.0
FAR_BELOW_SHARE: Final = 0.25
"""To come up to a target that was raised."""

ABOVE_TARGET_MS: Final = 7.0
"""Less than that above the target is left alone, or to resampling."""

CAUTION_MS: Final = 1_000.0
CAUTIOUSLY_ABOVE_MS: Final = 20.0
"""For a second after playout had to slow down, only more than that above the target is too much. A sender that sleeps
drifts unevenly, so what is late cannot be told to the millisecond: what was just put in is not taken out at once."""

ACCELERATION: Final = 0.25
MAX_ACCELERATION: Final = 0.6
"""Speech that is 60 % faster is still followed well (Foulke & Sticht 1969); it lasts for a second or two."""

STEADY_LATENESS_MS: Final = 50.0
"""While a packet is overdue by more, what seems too much is needed."""

DEAD_BAND_MS: Final = 3.0
SETTLED_MS: Final = 0.5
"""Resampling begins at the one and ends at the other, unless the clocks differ."""

LEAST_SKEW_PPM: Final = 30.0
"""Less is what the estimate may be off by; it makes 2 ms in a minute."""

LASTING_BLOCKS: Final = 50
"""An error has to last for so many blocks: half a second of 10 ms each."""

SERVO_PPM_PER_MS: Final = 600.0
MAX_SERVO_PPM: Final = 3_000.0
"""5 ms take 3 s; 0.3 % are 5 cents, below what is heard (0.5 %)."""


class Situation(NamedTuple):
    """What the pace is decided from, all in milliseconds."""

    block_ms: float
    """What the device asks for."""
    depth_ms: float
    """Decoded audio waiting to be played."""
    lag_ms: float
    """How late playout is against the quickest packets."""
    goal_ms: float
    """How late it is to be."""
    overdue_ms: float
    """How late the next packet is already."""
    overdue_limit_ms: float
    """How late it may be before that is worth slowing down."""


class Pace:
    """Decides the share by which playout is faster (positive) or slower, and the ratio for resampling."""

    def __init__(self) -> None:
        """At the sender's pace."""
        self._is_catching_up = False
        self._is_resampling = False
        self._since_slowing_ms = CAUTION_MS
        self._errors_ms: deque[float] = deque(maxlen=LASTING_BLOCKS)

    def stretch(self, now: Situation, skew_ppm: float) -> float:
        """By which share of the time playout is to be shortened (positive) or lengthened (negative)."""
        slowing = self._slowing(now)
        self._since_slowing_ms = 0.0 if slowing else min(self._since_slowing_ms + now.block_ms, CAUTION_MS)
        if slowing:
            self._is_catching_up = False
            return -slowing
        above_ms = ABOVE_TARGET_MS if self._since_slowing_ms >= CAUTION_MS else CAUTIOUSLY_ABOVE_MS
        excess_ms = now.lag_ms - now.goal_ms
        is_needed = now.overdue_ms > STEADY_LATENESS_MS or now.depth_ms < now.goal_ms
        self._is_catching_up = not is_needed and excess_ms > (0 if self._is_catching_up else above_ms)
        if self._is_catching_up:
            return min(max(ACCELERATION, excess_ms / 1000), MAX_ACCELERATION)
        # What resampling cannot follow; a splice too many is made good by the next that is not made.
        beyond = abs(skew_ppm) * 1e-6 - MAX_DEVIATION
        is_ahead = excess_ms * skew_ppm > 0
        return 0.0 if beyond <= 0 or is_ahead else -beyond if skew_ppm > 0 else beyond

    def ratio(self, now: Situation, skew_ppm: float) -> float:
        """How many frames to take for each that is played: 1 plus at most 0.5 %, exactly 1 while nothing is amiss."""
        error_ms = self._lasting_error_ms(now.lag_ms - now.goal_ms)
        has_skew = abs(skew_ppm) >= LEAST_SKEW_PPM
        self._is_resampling = has_skew or abs(error_ms) > (SETTLED_MS if self._is_resampling else DEAD_BAND_MS)
        if not self._is_resampling:
            return 1.0
        servo_ppm = min(max(error_ms * SERVO_PPM_PER_MS, -MAX_SERVO_PPM), MAX_SERVO_PPM)
        ppm = servo_ppm - (skew_ppm if has_skew else 0.0)
        return 1 + min(max(ppm * 1e-6, -MAX_DEVIATION), MAX_DEVIATION)

    def _lasting_error_ms(self, error_ms: float) -> float:
        """What all errors of late have in common: 0 if they lie on both sides. What scatters is not followed."""
        self._errors_ms.append(error_ms)
        least, most = min(self._errors_ms), max(self._errors_ms)
        return max(least, 0.0) + min(most, 0.0)

    def restart(self) -> None:
        """Playout begins anew."""
        self._errors_ms.clear()
        self._since_slowing_ms = CAUTION_MS
        self._is_catching_up = self._is_resampling = False

    @staticmethod
    def _slowing(now: Situation) -> float:
        is_stalled = now.overdue_ms > now.overdue_limit_ms and now.depth_ms < now.goal_ms
        is_low = now.overdue_ms > 0 and now.depth_ms < min(LOW_MS, now.goal_ms / 2)
        # With this block the rest becomes too short for a splice.
        is_last_chance = now.overdue_ms > now.goal_ms / 2 and now.depth_ms < now.block_ms + SPLICE_MS
        if is_stalled or is_low or is_last_chance:
            return NEARLY_DRY_SHARE if now.depth_ms < NEARLY_DRY_MS else SLOW_DOWN_SHARE
        missing_ms = now.goal_ms - now.lag_ms
        if missing_ms > FAR_BELOW_TARGET_MS:
            return FAR_BELOW_SHARE
        return GENTLE_SHARE if missing_ms > BELOW_TARGET_MS else 0.0
