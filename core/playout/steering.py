"""What playout does next, from arrivals, target and the sound device: one decision before each block."""

from __future__ import annotations

from typing import Final, NamedTuple

from core.opus.packet import SAMPLES_PER_MS
from core.playout.arrivals import BACKLOG_NS, Arrivals, duration_ns, samples_in
from core.playout.level import PlayoutLevel
from core.playout.media_clock import MediaClock
from core.playout.pace import Pace, Situation
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.playout.target import AdaptiveTarget, TargetChange, TargetLimits, TargetReason
from core.playout.time_scale import LONGEST_PAUSE_SAMPLES
from core.playout.what_if import WhatIf
from core.playout.windows import SteppedMinimum

_NS_PER_MS: Final = 1_000_000


class Arrival(NamedTuple):
    """One packet's times in nanoseconds: when it came, what media time it begins with, and how late that was."""

    at_ns: int
    media_ns: int
    relative_ns: int


class Step(NamedTuple):
    """For the next block: skip so many frames, then splice by this share, then read at this ratio."""

    skip_samples: int
    stretch_share: float
    """By how much faster (positive) or slower playout is to be."""
    most_samples: int
    """The longest splice."""
    ratio: float
    """Frames to take for each that is played."""


STEADY: Final = Step(0, 0.0, 0, 1.0)
"""As it comes."""

SURE_ERRORS: Final = 5.0
"""Standard errors: two clocks of one machine were estimated to differ by 55 ppm after 8 s of scheduling jitter."""

UNSTEADY_PPM: Final = 1_000.0
"""No two clocks differ by so much: such a sender paces by sleeping, and not evenly."""

KEPT_BEHIND_SAMPLES: Final = 200 * SAMPLES_PER_MS
"""Farther back than repeated splices of 20 ms turn the position within one request of any device."""

LOWERED_NS: Final = 4_000_000_000
"""After a target was lowered playout comes down to it by being faster; nothing was late, so nothing is left out."""

OVERSHOOT_SAMPLES: Final = 5 * SAMPLES_PER_MS
"""A splice may go so far beyond the goal: periods are whole."""

HALF_A_FRAME_SAMPLES: Final = 10 * SAMPLES_PER_MS
"""Half of the 20 ms that most senders put into a packet."""


class Steering:
    """Owns all that is known about time. Not thread-safe."""

    def __init__(self, settings: PlayoutSettings) -> None:
        """Nothing has come."""
        self._settings = settings
        self.arrivals = Arrivals()
        self.what_if = WhatIf()
        self.clock = MediaClock()
        self.level = PlayoutLevel()
        self._target = AdaptiveTarget(_limits(settings), settings.target_delay_ms)
        self._pace = Pace()
        # The highest goal of late is the smallest negated one.
        self._negated_goals = SteppedMinimum(LOWERED_NS // 8, steps=9)

    @property
    def target_ms(self) -> float:
        """The target delay in force: the user's, or what adaptation has come to."""
        return self._target.target_ms

    @property
    def skew_ppm(self) -> float | None:
        """By how much the sender's clock is slower than ours, in millionths; ``None`` while unknown."""
        return self.arrivals.skew.ppm

    def configure(self, settings: PlayoutSettings, now_ns: int) -> TargetChange | None:
        """Take other settings; return the change of the target, if it follows at once."""
        self._settings = settings
        self._target.limits = _limits(settings)
        before_ms = self._target.target_ms
        after_ms = settings.target_delay_ms
        if settings.is_adaptive:
            limits = self._target.limits
            after_ms = min(max(before_ms, limits.min_ms), limits.max_ms)
        if after_ms == before_ms:
            return None
        self._target.target_ms = after_ms
        return TargetChange(now_ns, before_ms, after_ms, TargetReason.SET, 0.0)

    def arrived(self, at_ns: int, position: int) -> Arrival:
        """A packet came whose first frame has this ring position."""
        media_ns = self.clock.media_ns(position)
        return Arrival(at_ns, media_ns, self.arrivals.arrived(at_ns, media_ns))

    def passed_samples(self, at_ns: int, position: int, samples: int) -> int:
        """How much of a leap of the media times before ``position`` is to be believed, at a packet's arrival.

        A pause takes its time. A sender that leaps ahead without has other times now, but has sent nothing ahead.
        """
        delay_ns = self.delay_ns(at_ns, position)
        passed = samples if delay_ns is None else max(0, samples_in(delay_ns))
        return passed if samples - passed > samples_in(BACKLOG_NS) else samples

    def pushed_out(self, before: int, position: int) -> None:
        """What lay between these ring positions was left out for want of room."""
        self.arrivals.pushed_out(self.clock.media_ns(position) - self.clock.media_ns(before))

    def learn(self, arrival: Arrival, frame_ms: float) -> TargetChange | None:
        """Draw the conclusions from an arrival: skew, what-if curve, target; return the change of that.

        Now and then this takes most of a millisecond. `step` may be called meanwhile by another thread: it reads single
        values that are replaced whole.
        """
        at_ns = arrival.at_ns
        self.arrivals.skew.add(at_ns, at_ns - arrival.media_ns)
        if self.arrivals.shifted_since_ns is not None:
            self._target.discard(self.arrivals.shifted_since_ns)
            self.what_if.paused(self.arrivals.shifted_since_ns, self.arrivals.shifted_by_ns)
            self.arrivals.shifted_since_ns = None
        self._target.add(at_ns, arrival.relative_ns)
        self.what_if.add(at_ns, arrival.relative_ns)
        if self.arrivals.is_shift_suspected:
            return None
        fixed_ms = None if self._settings.is_adaptive else self._settings.target_delay_ms
        return self._target.update(at_ns, frame_ms, fixed_ms)

    def restart(self) -> None:
        """Another stream begins: its times have nothing to do with those before."""
        self.arrivals.restart()
        self.what_if.begin_stream()
        self._target.clear()
        self.level.clear()
        self._pace.restart()

    def begin_playing(self) -> None:
        """Playout starts or goes on after a pause."""
        self.level.clear()
        self._pace.restart()

    def goal_samples(self, block: int) -> int:
        """How late the first frame of a block is to be played.

        A block is asked for whole, so it needs a packet that begins in it before that one's own time: half a block on
        average, and of a block longer than a usual frame all but half of such a frame. With a source that is stretched
        to be followed packets begin anywhere, and playout wanders by a splice.
        """
        is_stretched = abs(self.skew_ppm or 0.0) >= UNSTEADY_PPM
        ahead = block + OVERSHOOT_SAMPLES if is_stretched else max(block // 2, block - HALF_A_FRAME_SAMPLES)
        return round(self.target_ms * SAMPLES_PER_MS) + ahead

    def overdue_ns(self, now_ns: int, write_position: int) -> int:
        """How late the next packet is; 0 or less if it is not, or before any came."""
        return self._lag_ns(now_ns, self.clock.media_ns(write_position)) or 0

    def delay_ns(self, now_ns: int, position: int) -> int | None:
        """How late the frame at this ring position is, against the quickest packets of the last two seconds."""
        return self.arrivals.delay_ns(now_ns, self.clock.media_ns(position))

    def step(
        self,
        now_ns: int,
        block: int,
        burst_ns: int,
        read_position: int,
        write_position: int,
        is_more_to_come: bool,
    ) -> Step:
        """What to do before the next ``block`` frames are played at ``now_ns``."""
        # Audio that is put in turns the position back.
        self.clock.forget(read_position - KEPT_BEHIND_SAMPLES)
        self.level.pulled(now_ns, self.clock.media_ns(read_position), burst_ns)
        media_ns = self.level.media_ns(now_ns)
        lag_ns = None if media_ns is None else self._lag_ns(now_ns, media_ns)
        if media_ns is None or lag_ns is None or not is_more_to_come:
            return STEADY
        goal = self.goal_samples(block)
        # Playout starts at the goal to the sample; what it has come to is judged when it can be told.
        lag = samples_in(lag_ns) if self.level.is_settled(now_ns) else goal
        excess = lag - goal
        # The first pulls of a device that asks in bursts say nothing about the last ones.
        is_known = self.level.is_settled(now_ns) or burst_ns <= 2 * duration_ns(block)
        if self._settings.mode is PlayoutMode.LIVE and is_known:
            skipped = self._late_samples(now_ns, media_ns, goal, write_position - read_position)
            if skipped:
                return Step(skipped, 0.0, 0, 1.0)
        situation = Situation(
            block_ms=block / SAMPLES_PER_MS,
            depth_ms=(write_position - read_position) / SAMPLES_PER_MS,
            lag_ms=lag / SAMPLES_PER_MS,
            goal_ms=goal / SAMPLES_PER_MS,
            overdue_ms=self.overdue_ns(now_ns, write_position) / _NS_PER_MS,
            overdue_limit_ms=self._target.overdue_ms,
        )
        skew_ppm = self._sure_skew_ppm()
        share = self._pace.stretch(situation, skew_ppm)
        is_urgent = share < 0 and situation.overdue_ms > 0
        most = LONGEST_PAUSE_SAMPLES if is_urgent else abs(excess) + min(OVERSHOOT_SAMPLES, block // 2)
        return Step(0, share, most, self._pace.ratio(situation, skew_ppm))

    def _sure_skew_ppm(self) -> float:
        """The skew to follow: none as long as it may be there by chance."""
        ppm, error_ppm = self.skew_ppm, self.arrivals.skew.error_ppm
        if ppm is None or (error_ppm is not None and abs(ppm) < SURE_ERRORS * error_ppm):
            return 0.0
        return ppm

    def _lag_ns(self, now_ns: int, media_ns: int) -> int | None:
        """How late this media time is, for what the mode wants: live mode keeps nothing of what was sent ahead."""
        is_live = self._settings.mode is PlayoutMode.LIVE
        return (self.arrivals.delay_ns if is_live else self.arrivals.lag_ns)(now_ns, media_ns)

    def _late_samples(self, now_ns: int, media_ns: int, goal: int, depth: int) -> int:
        """What live mode leaves out: all beyond the goal, once that is more than the bound."""
        # What was sent ahead counts, too: a server that begins with a backlog is as late as one that stalled.
        delay_ns = self.arrivals.delay_ns(now_ns, media_ns)
        excess = 0 if delay_ns is None else samples_in(delay_ns) - goal
        self._negated_goals.add(now_ns, -goal)
        highest = -(self._negated_goals.between(now_ns, 0, LOWERED_NS) or -goal)
        bound = round(self._settings.live_bound_ms * SAMPLES_PER_MS) + highest - goal
        # How much is late is known when the burst is over, and whether any is, when the source has not just paused.
        is_open = self.arrivals.is_bursting(now_ns) or self.arrivals.is_shift_suspected
        if is_open or excess <= bound:
            return 0
        # Only what lies here is late. What has not come yet may be missing for another reason.
        return max(0, min(excess, depth - goal))


def _limits(settings: PlayoutSettings) -> TargetLimits:
    # Beyond half of the ring it could never be reached, see `PlayoutSettings`.
    highest_ms = settings.max_depth_ms / 2
    return TargetLimits(
        settings.bias_ms_per_pct, min(settings.min_target_ms, highest_ms), min(settings.max_target_ms, highest_ms)
    )
