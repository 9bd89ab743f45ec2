"""The what-if curve: what each playout delay would have met in the recent past."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.playout.late_history import GRID_MS, Curve, LateHistory


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
    """Keeps both spans; a packet costs constant time, a curve two sums over the grid."""

    def __init__(self) -> None:
        """No packets yet."""
        self._histories = {span: LateHistory(span.value * 1_000_000_000) for span in WhatIfSpan}

    def add(self, at_ns: int, relative_ns: int) -> None:
        """A packet came so much later than the quickest would have."""
        for history in self._histories.values():
            history.add(at_ns, relative_ns)

    def discard(self, since_ns: int) -> None:
        """Take back the packets since then."""
        for history in self._histories.values():
            history.discard(since_ns)

    def begin_stream(self) -> None:
        """Another connection: what was late stays in memory, and the first packet has none before it."""
        for history in self._histories.values():
            history.begin_stream()

    def curve(self, span: WhatIfSpan, now_ns: int) -> WhatIfCurve:
        """What every delay would have met within the span; all zero before the first packet."""
        history = self._histories[span]
        history.expire(now_ns)
        packets, seconds = len(history), history.covered_s
        return WhatIfCurve(
            GRID_MS,
            history.late_packets() * 100 / max(packets, 1),
            history.dropouts() * (60 / max(seconds, 1.0)),
            packets,
            seconds,
        )
