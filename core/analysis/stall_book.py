"""Stalls: when, how long, and whose doing."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Final

from core.analysis.results import MAX_EVIDENCE, Side, Stall
from core.analysis.steps import Rise

STALL_MS: Final = 100.0
"""Overdue by so much is a stall: more than the jitter of a path that works, and as much as small buffers hold."""

OPEN_STALL_MS: Final = 500.0
"""While nothing has come since, only so much is one: the packets may be on their way."""

INTERVALS_TO_KNOW: Final = 10
"""So many bursts tell what the usual time between two is."""

BLAMED_SHARE: Final = 0.5
"""Of what is overdue this machine must have read nothing for so much, to be blamed."""

_INSIDE_NS: Final = 50_000_000
"""What comes at least so long after a stall began, and before it ended, shows that the link worked in it."""

_MAX_UNDECIDED: Final = 64
_MAX_SIGNS: Final = 64


@dataclass(frozen=True, slots=True)
class _Gap:
    """A long time between two packets, not judged yet."""

    began_ns: int
    ended_ns: int
    rise_ns: int
    packet: int
    is_caught_up: bool


class StallBook:
    """Keeps what may be stalls until it is known how often packets usually come. Memory is bounded."""

    def __init__(self) -> None:
        """No stalls."""
        self._undecided: list[_Gap] = []
        self._newest: deque[tuple[Stall, int, int]] = deque(maxlen=MAX_EVIDENCE)
        self._observer: deque[tuple[int, int]] = deque(maxlen=_MAX_SIGNS)
        self._idle: deque[tuple[int, int]] = deque(maxlen=_MAX_SIGNS)
        self._alive_ns: deque[int] = deque(maxlen=_MAX_SIGNS)
        self._idle_since_ns: int | None = None
        self.by_side: Counter[Side] = Counter()
        self.stalled_ms = 0.0
        self.longest_ms = 0.0
        self.idle_ns = 0
        self.observer_stalls = 0
        self.observer_ns = 0

    def link_worked(self, at_ns: int) -> None:
        """Something else than a packet came from the server."""
        self._alive_ns.append(at_ns)

    def idle(self, at_ns: int, is_idle: bool) -> None:
        """The server says that its source is idle, or is not any more."""
        if is_idle and self._idle_since_ns is None:
            self._idle_since_ns = at_ns
        elif not is_idle and self._idle_since_ns is not None:
            self._idle.append((self._idle_since_ns, at_ns))
            self.idle_ns += at_ns - self._idle_since_ns
            self._idle_since_ns = None

    def was_idle(self, began_ns: int, ended_ns: int) -> bool:
        """Whether the source was declared idle for some of this time."""
        since_ns = self._idle_since_ns
        if since_ns is not None and since_ns <= ended_ns:
            return True
        return any(began <= ended_ns and ended >= began_ns for began, ended in self._idle)

    def observer_stalled(self, began_ns: int, ended_ns: int, origin_ns: int) -> None:
        """This machine read nothing between these: stalls that were told before may have been its own."""
        self._observer.append((began_ns, ended_ns))
        self.observer_stalls += 1
        self.observer_ns += max(0, ended_ns - began_ns)
        for number, (stall, start_ns, end_ns) in enumerate(self._newest):
            if stall.side not in (Side.OBSERVER, Side.IDLE) and self._is_blamed(start_ns, end_ns, stall.overdue_ms):
                self._count(stall, -1)
                own = replace(stall, side=Side.OBSERVER)
                self._count(own, 1)
                self._newest[number] = own, start_ns, end_ns

    def note(self, rise: Rise, is_caught_up: bool) -> None:
        """A rise was decided; it is kept if it may have been a stall."""
        if min(rise.rise_ns, rise.at_ns - rise.before_ns) < STALL_MS * 1e6 or rise.is_after_dtx:
            return
        self._undecided.append(_Gap(rise.before_ns, rise.at_ns, rise.rise_ns, rise.packet, is_caught_up))
        if len(self._undecided) > _MAX_UNDECIDED:
            del self._undecided[0]

    def decide(self, usual_ms: float, origin_ns: int) -> None:
        """Judge what was noted, now that the usual time between two bursts is known."""
        for gap in self._undecided:
            overdue_ms = min(gap.rise_ns / 1e6, (gap.ended_ns - gap.began_ns) / 1e6 - usual_ms)
            if overdue_ms >= STALL_MS:
                self._add(self._judged(gap, overdue_ms, origin_ns), gap.began_ns, gap.ended_ns)
        self._undecided.clear()

    @property
    def has_undecided(self) -> bool:
        """Whether `decide` has something to do."""
        return bool(self._undecided)

    def open_stall(
        self, last_ns: int, now_ns: int, usual_ms: float, lead_ms: float, packet: int, origin_ns: int
    ) -> Stall | None:
        """The stall that lasts at ``now_ns``, if there is one; what was sent ahead is still to be played."""
        overdue_ms = (now_ns - last_ns) / 1e6 - usual_ms - lead_ms
        if overdue_ms < OPEN_STALL_MS:
            return None
        gap = _Gap(last_ns, now_ns, round(overdue_ms * 1e6), packet, is_caught_up=True)
        return replace(self._judged(gap, overdue_ms, origin_ns), is_caught_up=False, is_open=True)

    def keep(self, stall: Stall, began_ns: int, ended_ns: int) -> None:
        """An open stall whose connection has ended: it will not be closed by a packet."""
        self._add(stall, began_ns, ended_ns)

    def newest(self) -> tuple[Stall, ...]:
        """Oldest first."""
        return tuple(stall for stall, _, _ in self._newest)

    def _judged(self, gap: _Gap, overdue_ms: float, origin_ns: int) -> Stall:
        return Stall(
            at_s=(gap.began_ns - origin_ns) / 1e9,
            length_ms=(gap.ended_ns - gap.began_ns) / 1e6,
            overdue_ms=overdue_ms,
            side=self._side(gap, overdue_ms),
            packet=gap.packet,
            is_caught_up=gap.is_caught_up,
        )

    def _side(self, gap: _Gap, overdue_ms: float) -> Side:
        if self.was_idle(gap.began_ns, gap.ended_ns):
            return Side.IDLE
        if self._is_blamed(gap.began_ns, gap.ended_ns, overdue_ms):
            return Side.OBSERVER
        # TCP gives everything in order: what came meanwhile came over a link that was held up by nothing. And what a
        # link held up comes in the end, so that media time that has stood still was never sent.
        has_worked = any(gap.began_ns + _INSIDE_NS <= at_ns <= gap.ended_ns - _INSIDE_NS for at_ns in self._alive_ns)
        return Side.SERVER if has_worked or not gap.is_caught_up else Side.PATH

    def _is_blamed(self, began_ns: int, ended_ns: int, overdue_ms: float) -> bool:
        own_ns = sum(max(0, min(ended_ns, ended) - max(began_ns, began)) for began, ended in self._observer)
        return own_ns / 1e6 >= BLAMED_SHARE * overdue_ms

    def _add(self, stall: Stall, began_ns: int, ended_ns: int) -> None:
        self._count(stall, 1)
        self._newest.append((stall, began_ns, ended_ns))
        if stall.side in (Side.SERVER, Side.PATH):
            self.longest_ms = max(self.longest_ms, stall.length_ms)

    def _count(self, stall: Stall, sign: int) -> None:
        self.by_side[stall.side] += sign
        if stall.side in (Side.SERVER, Side.PATH):
            self.stalled_ms += sign * stall.overdue_ms
