"""What WebRTC's NetEQ made of the recorded traces (``tests/traces/neteq.json``, measured in a browser)."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.benchmarks.playout_comparison.metrics import Figures
from tests.traces.trace import FOLDER

NAME = "NetEQ"


@cache
def _measured() -> dict[str, dict[str, Any]]:
    traces: dict[str, dict[str, Any]] = json.loads((FOLDER / "neteq.json").read_text(encoding="utf-8"))["traces"]
    return traces


def figures(trace_name: str) -> Figures | None:
    """Its figures on a recorded trace, without the 95th percentile and what it skipped; None for any other trace."""
    known = _measured().get(trace_name)
    if known is None:
        return None
    return Figures(
        playout_delay_ms=known["playout_delay_ms"],
        playout_delay_p95_ms=None,
        concealed_pct=known["concealed_pct"],
        concealment_events=known["concealment_events"],
        stretched_pct=known["stretched_pct"],
        skipped_pct=None,
    )
