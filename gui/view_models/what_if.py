"""What the what-if plot shows and says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.monitor.time_series import Values
from core.playout.late_history import GRID_MS
from core.playout.what_if import WhatIfCurve
from gui.translation import translate
from gui.view_models.axis_range import next_step
from gui.view_models.text import decimal, significant

LEAST_PCT: Final = 0.01
"""The lowest share that is drawn; none at all is drawn there, too."""

_LEAST_TOP_MS: Final = 100.0
_STEP_MS: Final = 5.0


@dataclass(frozen=True, slots=True)
class WhatIfView:
    """Both spans, and what is in force; ``bias_ms_per_pct`` is ``None`` for a fixed buffer."""

    recent: WhatIfCurve
    long: WhatIfCurve
    target_ms: float
    actual_ms: float | None
    bias_ms_per_pct: float | None


def scale_top_ms(view: WhatIfView, before_ms: float) -> float:
    """Where the depth axis ends: all that was late fits, and it steps down only when half of it is empty."""
    late = [float(curve.delay_ms[curve.late_pct > LEAST_PCT].max(initial=0.0)) for curve in (view.recent, view.long)]
    needed_ms = max(*late, view.target_ms, view.actual_ms or 0.0) * 1.15
    top_ms = min(max(next_step(max(needed_ms, 1.0)), _LEAST_TOP_MS), float(GRID_MS[-1]))
    return before_ms if before_ms / 2 <= top_ms < before_ms else top_ms


def depth_at(depth_ms: float) -> float:
    """The nearest depth of the curve's grid, in milliseconds."""
    return min(max(round(depth_ms / _STEP_MS) * _STEP_MS, 0.0), float(GRID_MS[-1]))


def hover_text(curve: WhatIfCurve, depth_ms: float) -> str:
    """What a depth would have met: ``"at 120 ms: 1.2 % late, 3 dropouts/min"``."""
    depth_ms = depth_at(depth_ms)
    at = round(depth_ms / _STEP_MS)
    return translate("WhatIf", "at {depth} ms: {late} % late, {dropouts} dropouts/min").format(
        depth=significant(depth_ms),
        late=decimal(float(curve.late_pct[at])),
        dropouts=significant(float(curve.dropouts_per_min[at]), 3),
    )


def late_text(curve: WhatIfCurve, depth_ms: float) -> str:
    """The share alone: ``"1.2 % late"``."""
    at = round(depth_at(depth_ms) / _STEP_MS)
    return translate("WhatIf", "{late} % late").format(late=decimal(float(curve.late_pct[at])))


def cost_line(view: WhatIfView) -> tuple[Values, Values]:
    """Depths and late shares that cost as much as the target does: nothing of the curve should lie below.

    The cost is ``depth + bias * late %``; see `core.playout.target`.
    """
    bias = view.bias_ms_per_pct or 1.0
    at = min(round(view.target_ms / _STEP_MS), len(view.recent.late_pct) - 1)
    cost_ms = view.target_ms + bias * max(float(view.recent.late_pct[at]), LEAST_PCT)
    depths = np.linspace(0.0, cost_ms, 60)
    return depths, (cost_ms - depths) / bias
