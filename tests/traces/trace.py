"""An arrival trace with a name, and the seven that lie here as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from core.playout.trace import ArrivalTrace, read_trace

FOLDER = Path(__file__).parent

RECORDED = ("a_none", "b_gauss20", "c_stall200", "d_wifi", "e_regime", "f_drift500ppm", "g_long_stalls")
"""Names of the traces that NetEQ's figures are known for."""


@dataclass(frozen=True, slots=True)
class Trace(ArrivalTrace):
    """What `core.playout.simulation.simulate` takes; here the delays are in order as well, as over TCP."""

    name: str
    description: str = ""

    @property
    def own_arrivals_ms(self) -> list[float]:
        """When each packet of the trace itself arrives, counted from the sending of the first."""
        return self.arrivals_ms(self.frame_ms)


def recorded(name: str) -> Trace:
    """One of `RECORDED`; raises `core.playout.trace.TraceError` where there is none of that name."""
    path = FOLDER / f"{name}.json"
    known = read_trace(path)
    return Trace(known.frame_ms, known.delays_ms, name, json.loads(path.read_text(encoding="utf-8"))["description"])
