"""How long playout lags behind the quickest packets: the one figure that starts, trims and holds it.

Time is that of the ring: a frame at position p is "due" p / 48 kHz after position 0. A packet's
arrival minus its position tells how late it was; the minimum of that is the network at its best, the
base. Playing position p at time t then is a delay of t - base - p. Unlike the queue's length this
does not saw with packets or bursts.
"""

from __future__ import annotations

from typing import Final

from core.opus.packet import SAMPLE_RATE_HZ
from core.playout.windows import SlidingMinimum, SteppedMinimum

CONTROL_SPAN_NS: Final = 1_000_000_000
"""What is done is judged over the last second: long enough to meet a packet that came without delay."""

REPORT_SPAN_NS: Final = 2_000_000_000
"""What is reported refers to the quickest packet of the last two seconds. A longer span would report the pace of a slow
server as delay: 5 % over ten seconds are 500 ms."""

LEVEL_SPAN_NS: Final = 100_000_000
"""Longer than the pause between two callbacks of any device latency that is of use."""

BURST_STEP_NS: Final = 1_000_000
"""A base that falls by more than this from packet to packet is a burst: packets of a paced stream stay level."""

BURST_PAUSE_NS: Final = 8_000_000
"""Longer than what lies between the packets of a burst as they are read from a socket, shorter than most frames."""


def duration_ns(samples: int) -> int:
    """48 kHz samples in nanoseconds."""
    return samples * 1_000_000_000 // SAMPLE_RATE_HZ


def samples_in(nanoseconds: int) -> int:
    """Nanoseconds in whole 48 kHz samples."""
    return nanoseconds * SAMPLE_RATE_HZ // 1_000_000_000


class PlayoutDelay:
    """Keeps the base over two spans: a short one to act on, a long one to report.

    A device with a large buffer asks for several blocks at once and then pauses, so the delay of its pulls saws. What
    counts is the soonest of them: that block would have starved first.
    """

    def __init__(self) -> None:
        """No arrivals yet."""
        self._control = SlidingMinimum(CONTROL_SPAN_NS)
        self._report = SlidingMinimum(REPORT_SPAN_NS)
        self._bases = SteppedMinimum(CONTROL_SPAN_NS // 4, steps=10)
        self._pulls = SlidingMinimum(LEVEL_SPAN_NS)
        self._settled_pulls = SlidingMinimum(CONTROL_SPAN_NS)
        self._burst_seen_ns: int | None = None

    def arrived(self, arrival_ns: int, position: int) -> int:
        """A packet came whose first frame has this ring position; return its relative delay in nanoseconds."""
        lateness_ns = arrival_ns - duration_ns(position)
        before_ns = self._control.minimum
        if before_ns is not None and lateness_ns < before_ns - BURST_STEP_NS:
            self._burst_seen_ns = arrival_ns
        self._control.add(arrival_ns, lateness_ns)
        self._report.add(arrival_ns, lateness_ns)
        self._bases.add(arrival_ns, lateness_ns)
        base_ns = self._report.minimum
        return 0 if base_ns is None else lateness_ns - base_ns

    def pulled(self, now_ns: int, position: int) -> None:
        """A block was pulled whose first frame has this ring position."""
        pulled_ns = now_ns - duration_ns(position)
        self._pulls.add(now_ns, pulled_ns)
        self._settled_pulls.add(now_ns, pulled_ns)

    def begin_fill(self) -> None:
        """The output ran dry: only what comes from here on decides, since the path may have changed for good."""
        self._control.clear()
        self._bases.clear()
        self._burst_seen_ns = None
        self.moved()

    def moved(self) -> None:
        """Playout was shifted: pulls before that say nothing about the delay now."""
        self._pulls.clear()
        self._settled_pulls.clear()

    def restart(self) -> None:
        """Another stream, another timeline."""
        self.begin_fill()
        self._report.clear()

    def is_bursting(self, now_ns: int) -> bool:
        """Whether packets are just coming faster than they will be played, as after a stall."""
        return self._burst_seen_ns is not None and now_ns - self._burst_seen_ns < BURST_PAUSE_NS

    def level(self, now_ns: int, position: int) -> int | None:
        """The delay now: of the last pulls the soonest, or, before any, as if ``position`` were pulled now."""
        base_ns, pulled_ns = self._control.minimum, self._pulls.minimum
        if base_ns is None or pulled_ns is None:
            return self.recent(now_ns, position)
        return pulled_ns - base_ns

    def lasting_level(self, now_ns: int) -> int | None:
        """The delay of the soonest pull of the last 100 ms, against a base that has lasted for two seconds."""
        return self._above_lasting_base(self._pulls, now_ns)

    def settled_level(self, now_ns: int) -> int | None:
        """The same for the pulls of a whole second; ``None`` if playout was shifted within it."""
        if not self._settled_pulls.covers_span(now_ns):
            return None
        return self._above_lasting_base(self._settled_pulls, now_ns)

    def _above_lasting_base(self, pulls: SlidingMinimum, now_ns: int) -> int | None:
        # A server that sends an utterance ahead lowers the base for a moment. That is audio to be played, not delay to
        # be cut: only what the second before agrees with counts.
        recent_ns = self._bases.between(now_ns, 0, CONTROL_SPAN_NS)
        before_ns = self._bases.between(now_ns, CONTROL_SPAN_NS, 2 * CONTROL_SPAN_NS)
        if recent_ns is None or before_ns is None or pulls.minimum is None:
            return None
        return pulls.minimum - max(recent_ns, before_ns)

    def recent(self, now_ns: int, position: int) -> int | None:
        """Delay in nanoseconds if ``position`` is played now, judged by the last second (or since `begin_fill`)."""
        base_ns = self._control.minimum
        return None if base_ns is None else now_ns - base_ns - duration_ns(position)

    def reported(self, now_ns: int, position: int) -> int | None:
        """The same, judged by the last two seconds: `playout_delay_ms`."""
        base_ns = self._report.minimum
        return None if base_ns is None else now_ns - base_ns - duration_ns(position)
