"""The what-if curve: what each playout delay would have met in the recent past."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.playout.late_history import GRID_MS, Curve, LateHistory

READ_LATE_NS: Final = 20_000_000
"""What waited in sockets while the event loop stood still is read within this time after it."""

_STALLS_KEPT: Final = 16


class WhatIfSpan(Enum):
    """How far back to look, in seconds."""

    RECENT = 10
    LONG = 300


@dataclass(frozen=True, slots=True)
class WhatIfCurve:
    """For each delay of a grid from 0 to 2 s by 5 ms: what a fixed playout delay of that size would have met."""

    delay_ms: Curve
    late_pct: Curve
    """Share of packets that would have come too late, in per cent."""
    dropouts_per_min: Curve
    """How often playout would have been interrupted, for each minute."""
    packets: int
    """How many packets this rests on."""
    seconds: float
    """The time that this rests on, from the first of them to the last."""

    def smallest_delay_ms(self, late_pct: float) -> float | None:
        """The smallest delay at which at most ``late_pct`` per cent came too late; ``None`` if not even 2 s do."""
        enough = self.late_pct <= late_pct
        return float(self.delay_ms[enough.argmax()]) if enough.any() else None


class WhatIf:
    """Keeps both spans, and the longer one once more without what this machine made late itself.

    A packet costs constant time, a curve two sums over the grid.
    """

    def __init__(self) -> None:
        """No packets yet."""
        self._histories = {span: LateHistory(span.value * 1_000_000_000) for span in WhatIfSpan}
        self._blameless = LateHistory(WhatIfSpan.LONG.value * 1_000_000_000)
        self._stalls: deque[tuple[int, int]] = deque(maxlen=_STALLS_KEPT)

    def add(self, at_ns: int, relative_ns: int) -> None:
        """A packet came so much later than the quickest would have."""
        for history in self._histories.values():
            history.add(at_ns, relative_ns)
        if not any(began_ns <= at_ns <= ended_ns + READ_LATE_NS for began_ns, ended_ns in self._stalls):
            self._blameless.add(at_ns, relative_ns)

    def paused(self, since_ns: int, by_ns: int) -> None:
        """The packets since then were not late: the source stood still for so long before them, and told nobody.

        What waited for its next packet ran dry as if that one had been late: it alone was.
        """
        for history in (*self._histories.values(), self._blameless):
            history.discard(since_ns)
            history.add(since_ns, by_ns)
            history.begin_stream()

    def stalled(self, began_ns: int, ended_ns: int) -> None:
        """This machine read nothing between these: what seems late then is no server's fault."""
        self._stalls.append((began_ns, ended_ns))
        self._blameless.discard(began_ns)

    def begin_stream(self) -> None:
        """Another connection: what was late stays in memory, and the first packet has none before it."""
        for history in (*self._histories.values(), self._blameless):
            history.begin_stream()

    def forget_blame(self) -> None:
        """Let `blameless_curve` begin anew."""
        self._blameless.clear()

    def curve(self, span: WhatIfSpan, now_ns: int) -> WhatIfCurve:
        """What every delay would have met within the span; all zero before the first packet."""
        return _curve_of(self._histories[span], now_ns)

    def blameless_curve(self, now_ns: int) -> WhatIfCurve:
        """The same over the longer span, without what this machine made late itself."""
        return _curve_of(self._blameless, now_ns)


def _curve_of(history: LateHistory, now_ns: int) -> WhatIfCurve:
    history.expire(now_ns)
    packets, seconds = len(history), history.covered_s
    return WhatIfCurve(
        GRID_MS,
        history.late_packets() * 100 / max(packets, 1),
        history.dropouts() * (60 / max(seconds, 1.0)),
        packets,
        seconds,
    )
