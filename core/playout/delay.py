"""How long playout lags behind the quickest packets: the one figure that starts, trims and holds it.

Time is that of the ring: a frame at position p is "due" p / 48 kHz after position 0. A packet's
arrival minus its position tells how late it was; the minimum of that is the network at its best, the
base. Playing position p at time t then is a delay of t - base - p. Unlike the queue's length this
does not saw with packets or bursts.
"""

from __future__ import annotations

from typing import Final

from core.opus.packet import SAMPLE_RATE_HZ
from core.playout.windows import SlidingMinimum

CONTROL_SPAN_NS: Final = 1_000_000_000
"""What is done is judged over the last second: long enough to meet a packet that came without delay."""

REPORT_SPAN_NS: Final = 10_000_000_000
"""What is reported refers to the quickest packet of the last ten seconds."""


def duration_ns(samples: int) -> int:
    """48 kHz samples in nanoseconds."""
    return samples * 1_000_000_000 // SAMPLE_RATE_HZ


def samples_in(nanoseconds: int) -> int:
    """Nanoseconds in whole 48 kHz samples."""
    return nanoseconds * SAMPLE_RATE_HZ // 1_000_000_000


LEVEL_SPAN_NS: Final = 100_000_000
"""Longer than the pause between two callbacks of any device latency that is of use."""


class PlayoutDelay:
    """Keeps the base over two spans: a short one to act on, a long one to report.

    A device with a large buffer asks for several blocks at once and then pauses, so the delay of its pulls saws. What
    counts is the smallest of them: that block was pulled the soonest, and would have starved first.
    """

    def __init__(self) -> None:
        """No arrivals yet."""
        self._control = SlidingMinimum(CONTROL_SPAN_NS)
        self._report = SlidingMinimum(REPORT_SPAN_NS)
        self._pulls = SlidingMinimum(LEVEL_SPAN_NS)
        self._settled_pulls = SlidingMinimum(CONTROL_SPAN_NS)

    def arrived(self, arrival_ns: int, position: int) -> int:
        """A packet came whose first frame has this ring position; return its relative delay in nanoseconds."""
        lateness_ns = arrival_ns - duration_ns(position)
        self._control.add(arrival_ns, lateness_ns)
        self._report.add(arrival_ns, lateness_ns)
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
        self.moved()

    def moved(self) -> None:
        """Playout was shifted: pulls before that say nothing about the delay now."""
        self._pulls.clear()
        self._settled_pulls.clear()

    def restart(self) -> None:
        """Another stream, another timeline."""
        self.begin_fill()
        self._report.clear()

    def level(self, now_ns: int, position: int) -> int | None:
        """The delay now: of the last pulls the soonest, or, before any, as if ``position`` were pulled now."""
        level_ns = self._above_base(self._pulls)
        return self.recent(now_ns, position) if level_ns is None else level_ns

    def settled_level(self, now_ns: int) -> int | None:
        """The delay of the soonest pull of a whole second; ``None`` if playout was shifted within it."""
        return self._above_base(self._settled_pulls) if self._settled_pulls.covers_span(now_ns) else None

    def _above_base(self, pulls: SlidingMinimum) -> int | None:
        # Against the base of this moment: when a burst arrives after a stall, the delay has grown at once.
        base_ns, pulled_ns = self._control.minimum, pulls.minimum
        return None if base_ns is None or pulled_ns is None else pulled_ns - base_ns

    def recent(self, now_ns: int, position: int) -> int | None:
        """Delay in nanoseconds if ``position`` is played now, judged by the last second (or since `begin_fill`)."""
        base_ns = self._control.minimum
        return None if base_ns is None else now_ns - base_ns - duration_ns(position)

    def reported(self, now_ns: int, position: int) -> int | None:
        """The same, judged by the last ten seconds: `playout_delay_ms`."""
        base_ns = self._report.minimum
        return None if base_ns is None else now_ns - base_ns - duration_ns(position)
