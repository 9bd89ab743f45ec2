"""The quick <-> safe slider: each step multiplies the bias by the same factor."""

from __future__ import annotations

import math
from typing import Final

from core.playout.settings import MAX_BIAS_MS_PER_PCT, MIN_BIAS_MS_PER_PCT

LAST_POSITION: Final = 100
"""The slider runs from 0 to here; a step is 9 %, which makes a small difference to the target."""

_FACTOR: Final = MAX_BIAS_MS_PER_PCT / MIN_BIAS_MS_PER_PCT


def bias_at(position: int) -> float:
    """The bias in ms per % at a position of the slider, to two digits, as people would type it."""
    bias: float = MIN_BIAS_MS_PER_PCT * _FACTOR ** (position / LAST_POSITION)
    return round(bias, 1 - math.floor(math.log10(bias)))


def position_of(bias_ms_per_pct: float) -> int:
    """The position next to a bias."""
    return round(LAST_POSITION * math.log(bias_ms_per_pct / MIN_BIAS_MS_PER_PCT) / math.log(_FACTOR))
