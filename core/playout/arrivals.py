"""Arrivals: how late each packet is, against the quickest of late and the sender's clock.

A packet's arrival minus its media time is its lateness. The smallest lateness of the last seconds is the network at
its best, the base; what a packet has beyond it is its relative delay. The base follows a sender whose clock differs
(its skew is taken out of lateness first) and a path that becomes slower or quicker for good.

Media time, not the clock, decides which arrivals are recent: while a stall lasts nothing is forgotten.
"""

from __future__ import annotations

from typing import Final

from core.opus.packet import SAMPLE_RATE_HZ
from core.playout.skew import SkewEstimator
from core.playout.windows import SlidingMinimum, SteppedMinimum

BASE_SPAN_NS: Final = 2_000_000_000
"""The base is that of the last two seconds, as WebRTC's: longer would take a slower path for lateness for longer."""

YOUNG_SPAN_NS: Final = 500_000_000
MOST_FRAME_NS: Final = 120_000_000

LONG_SPAN_STEP_NS: Final = 1_000_000_000
LONG_SPAN_STEPS: Final = 60
"""For so many seconds a base is remembered to which a backlog may return."""

BACKLOG_NS: Final = 600_000_000
"""What a server that keeps half a second for each listener sends at once when the listener connects, and a bit more.
More than that at once, unless it was missed before, has been sent ahead of time."""

RETURN_MARGIN_NS: Final = 100_000_000
"""After a stall over TCP the backlog ends where packets came before, as near as that."""

BURST_STEP_NS: Final = 1_000_000
"""A base that falls by more than this from packet to packet is a burst: packets of a paced stream stay level."""

BURST_PAUSE_NS: Final = 8_000_000
"""Longer than what lies between the packets of a burst as they are read from a socket, shorter than most frames."""

FALL_PAUSE_NS: Final = 500_000_000
"""A base that has not fallen for so long has been reached; what falls then is another burst."""

SHIFT_NS: Final = 300_000_000
"""Packets that keep coming evenly for so long after a pause are no backlog: media time has stood still meanwhile."""

SHIFT_LEAST_NS: Final = 100_000_000
"""Less than that is left to the base to follow."""

SHIFT_SCATTER_NS: Final = 20_000_000
"""As evenly as that: in a backlog each packet is a frame less late than the one before."""

SKEW_JUMP_PPM: Final = 1_000.0
"""An estimate that changes by more makes the base of before useless: 0.1 % over its two seconds are 2 ms."""


def duration_ns(samples: int) -> int:
    """48 kHz samples in nanoseconds."""
    return samples * 1_000_000_000 // SAMPLE_RATE_HZ


def samples_in(nanoseconds: int) -> int:
    """Nanoseconds in whole 48 kHz samples."""
    return nanoseconds * SAMPLE_RATE_HZ // 1_000_000_000


class Arrivals:
    """Takes in every packet's arrival and media time. Not thread-safe; times are nanoseconds on one clock."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.skew = SkewEstimator()
        self._skew_ppm = 0.0
        self._skew_since_ns = 0
        self._skew_offset_ns = 0
        self._base = SlidingMinimum(BASE_SPAN_NS)
        self._young_base = SlidingMinimum(YOUNG_SPAN_NS)
        self._media_seen_ns = 0
        self._last_media_ns = 0
        self._long_base = SteppedMinimum(LONG_SPAN_STEP_NS, LONG_SPAN_STEPS)
        self._lead_ns = 0
        self._fall = _Fall(0, 0, 0)
        self._shift_since_ns: int | None = None
        self._shift_least_ns = 0
        self._last_arrival_ns = 0
        self._burst_seen_ns: int | None = None
        self.shifted_since_ns: int | None = None
        """Set when packets since then turned out to be no later than those before: their relative delays are void."""
        self.shifted_by_ns = 0
        """For how long media time stood still then."""

    def arrived(self, at_ns: int, media_ns: int) -> int:
        """A packet with this media time came at ``at_ns``; return its relative delay in nanoseconds.

        Whoever calls tells `skew` as well; that takes longer, and need not be done while others wait.
        """
        lateness_ns = at_ns - media_ns
        self._follow_skew(at_ns)
        lateness_ns -= self._drift_ns(at_ns)
        if self._has_source_paused(at_ns, lateness_ns):
            self._young_base.clear()
            self._base.clear()
            self._long_base.clear()
            self._lead_ns = 0
        self._watch_for_a_shift(at_ns, media_ns, lateness_ns)
        self._last_arrival_ns = at_ns
        before_ns = self._base.minimum
        if before_ns is None:
            self._fall = _Fall(lateness_ns, self._lead_ns, at_ns)
        elif lateness_ns < before_ns:
            self._fall_to(lateness_ns, at_ns, before_ns)
        self._media_seen_ns += max(0, min(media_ns - self._last_media_ns, MOST_FRAME_NS))
        self._last_media_ns = media_ns
        self._young_base.add(media_ns, lateness_ns)
        base_ns = self._base.add(media_ns, lateness_ns)
        self._long_base.add(at_ns, lateness_ns)
        if before_ns is not None and base_ns > before_ns:
            self._lead_ns = max(0, self._lead_ns - (base_ns - before_ns))
        return lateness_ns - base_ns

    def pushed_out(self, media_ns: int) -> None:
        """So much media time was left out for want of room: of what was sent ahead that much is not kept."""
        self._lead_ns = max(0, self._lead_ns - media_ns)
        self._fall.lead_ns -= media_ns

    def restart(self) -> None:
        """Another stream: another timeline, another clock."""
        self.skew.clear()
        self._young_base.clear()
        self._media_seen_ns = 0
        self._skew_ppm = 0.0
        self._skew_offset_ns = 0
        self._base.clear()
        self._long_base.clear()
        self._lead_ns = 0
        self._shift_since_ns = self._burst_seen_ns = self.shifted_since_ns = None

    @property
    def is_shift_suspected(self) -> bool:
        """Whether it is open if the newest packets are late, or if media time stood still before them."""
        return self._shift_since_ns is not None

    def is_bursting(self, now_ns: int) -> bool:
        """Whether packets are just coming faster than they will be played, as after a stall."""
        return self._burst_seen_ns is not None and now_ns - self._burst_seen_ns < BURST_PAUSE_NS

    def delay_ns(self, now_ns: int, media_ns: int) -> int | None:
        """How late this media time is at ``now_ns``, against the quickest packets; ``None`` before any has come."""
        base_ns = self._control_base_ns()
        return None if base_ns is None else now_ns - media_ns - self._drift_ns(now_ns) - base_ns

    def lag_ns(self, now_ns: int, media_ns: int) -> int | None:
        """The same without what the sender has sent ahead of time: what playout could catch up with."""
        delay_ns = self.delay_ns(now_ns, media_ns)
        return None if delay_ns is None else delay_ns - self._lead_ns

    def _control_base_ns(self) -> int | None:
        """The base to steer by: of half a second at first, since a source 5 % slow falls behind by 100 ms in two."""
        is_young = self._media_seen_ns < BASE_SPAN_NS and self.skew.ppm is None
        return self._young_base.minimum if is_young else self._base.minimum

    def _drift_ns(self, at_ns: int) -> int:
        return self._skew_offset_ns + round((at_ns - self._skew_since_ns) * self._skew_ppm * 1e-6)

    def _follow_skew(self, at_ns: int) -> None:
        ppm = self.skew.ppm or 0.0
        if ppm == self._skew_ppm:
            return
        is_jump = abs(ppm - self._skew_ppm) > SKEW_JUMP_PPM
        self._skew_offset_ns = self._drift_ns(at_ns)
        self._skew_since_ns = at_ns
        self._skew_ppm = ppm
        if is_jump:
            self._base.clear()
            self._long_base.clear()

    def _fall_to(self, lateness_ns: int, at_ns: int, before_ns: int) -> None:
        """A packet was quicker than all of late: a backlog, or a sender that sends ahead of time."""
        if before_ns - lateness_ns > BURST_STEP_NS:
            self._burst_seen_ns = at_ns
        if at_ns - self._fall.at_ns > FALL_PAUSE_NS:
            self._fall = _Fall(before_ns, self._lead_ns, at_ns)
        self._fall.at_ns = at_ns
        fallen_ns = self._fall.from_ns - lateness_ns
        usual_ns = self._long_base.between(self._fall.began_ns, LONG_SPAN_STEP_NS, LONG_SPAN_STEPS * LONG_SPAN_STEP_NS)
        # A path that became slower before the stall returns to less than it once was: that is no lead, either.
        is_early = usual_ns is None or lateness_ns < usual_ns - RETURN_MARGIN_NS
        is_ahead = fallen_ns > BACKLOG_NS and is_early
        self._lead_ns = max(0, self._fall.lead_ns + (fallen_ns if is_ahead else 0))

    def _has_source_paused(self, at_ns: int, lateness_ns: int) -> bool:
        """Whether a source that sends ahead was silent for longer than that lasted: what comes now begins anew.

        As between the utterances of a speech synthesiser. One that sends no more than is played may have been held up.
        """
        base_ns = self._base.minimum
        if base_ns is None or self._lead_ns == 0:
            return False
        relative_ns = lateness_ns - base_ns
        return relative_ns > self._lead_ns and at_ns - self._last_arrival_ns >= relative_ns - SHIFT_SCATTER_NS

    def _watch_for_a_shift(self, at_ns: int, media_ns: int, lateness_ns: int) -> None:
        """After a pause of a source that tells no media times its packets look late, evenly: as late as it was long."""
        base_ns = self._base.minimum
        if base_ns is None or lateness_ns - base_ns < SHIFT_LEAST_NS:
            self._shift_since_ns = None
            return
        if self._shift_since_ns is None:
            has_paused = at_ns - self._last_arrival_ns >= lateness_ns - base_ns - SHIFT_SCATTER_NS
            if not has_paused:
                return
        elif lateness_ns >= self._shift_least_ns - SHIFT_SCATTER_NS:
            self._shift_least_ns = min(self._shift_least_ns, lateness_ns)
            if at_ns - self._shift_since_ns >= SHIFT_NS:
                self.shifted_by_ns = self._shift_least_ns - base_ns
                self._base.clear()
                self._base.add(media_ns, self._shift_least_ns)
                self.shifted_since_ns = self._shift_since_ns
                self._shift_since_ns = None
            return
        self._shift_since_ns = at_ns
        self._shift_least_ns = lateness_ns


class _Fall:
    """A base that falls: from where, what lead there was before, when it began and when it fell last."""

    __slots__ = ("at_ns", "began_ns", "from_ns", "lead_ns")

    def __init__(self, from_ns: int, lead_ns: int, at_ns: int) -> None:
        self.from_ns = from_ns
        self.lead_ns = lead_ns
        self.began_ns = self.at_ns = at_ns
