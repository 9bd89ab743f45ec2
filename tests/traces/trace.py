"""One arrival trace, and the seven that lie here as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent

RECORDED = ("a_none", "b_gauss20", "c_stall200", "d_wifi", "e_regime", "f_drift500ppm", "g_long_stalls")
"""Names of the traces that NetEQ's figures are known for."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Packet ``i`` leaves at ``i * frame_ms`` and arrives ``delays_ms[i]`` (0 or more) later, in order."""

    name: str
    frame_ms: float
    delays_ms: tuple[float, ...]
    description: str = ""

    @property
    def duration_ms(self) -> float:
        """Media time in the trace."""
        return len(self.delays_ms) * self.frame_ms

    @property
    def arrivals_ms(self) -> list[float]:
        """When each packet arrives, counted from the sending of the first."""
        return [number * self.frame_ms + delay_ms for number, delay_ms in enumerate(self.delays_ms)]


def load(path: Path) -> Trace:
    """Read a trace; raises `OSError`, `KeyError` or `ValueError` where the file is none."""
    content = json.loads(path.read_text(encoding="utf-8"))
    delays_ms = tuple(float(delay_ms) for delay_ms in content["delays_ms"])
    return Trace(content["name"], float(content["frame_ms"]), delays_ms, content.get("description", ""))


def recorded(name: str) -> Trace:
    """One of `RECORDED`."""
    return load(FOLDER / f"{name}.json")
