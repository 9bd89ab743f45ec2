"""Opuscope's own jitter buffer as a player: the engine itself on real packets, not a model of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from core.cli.demo_speech import speech_packets
from core.playout.presets import DEFAULT_PRESET, PRESETS
from core.playout.settings import DEFAULT_BIAS_MS_PER_PCT, PlayoutMode
from core.playout.simulation import simulate
from tests.benchmarks.playout_comparison.driver import Player, window_of
from tests.benchmarks.playout_comparison.metrics import Figures
from tests.traces.trace import Trace

COMPLETE: Final = "Opuscope, complete"
LIVE: Final = "Opuscope, live"

BIASES_MS_PER_PCT: Final = (20.0, 60.0, DEFAULT_BIAS_MS_PER_PCT, 400.0, 1000.0)
"""From quick to safe; the one in the middle is what is compared."""

_packets = cache(speech_packets)


@dataclass(frozen=True, slots=True)
class Opuscope:
    """Adaptive playout, from the settings that a user begins with; a player that other processes can be given."""

    mode: PlayoutMode = PlayoutMode.COMPLETE
    bias_ms_per_pct: float = DEFAULT_BIAS_MS_PER_PCT

    def __call__(self, trace: Trace) -> Figures:
        """Play the speech that comes with Opuscope, in packets as long as the trace has them."""
        balanced = PRESETS[DEFAULT_PRESET].playout
        settings = replace(balanced, mode=self.mode, bias_ms_per_pct=self.bias_ms_per_pct)
        begin_ms, end_ms = window_of(trace)
        made = simulate(trace, _packets(trace.frame_ms), trace.frame_ms, settings, (begin_ms / 1000, end_ms / 1000))
        return Figures(
            playout_delay_ms=made.playout_delay_ms,
            playout_delay_p95_ms=made.playout_delay_p95_ms,
            concealed_pct=made.concealed_pct,
            concealment_events=made.concealment_events,
            stretched_pct=made.stretched_pct,
            skipped_pct=made.skipped_pct,
        )


def players() -> dict[str, Player]:
    """Both modes with the default bias."""
    return {COMPLETE: Opuscope(), LIVE: Opuscope(PlayoutMode.LIVE)}


def curve() -> dict[str, Player]:
    """Complete mode from quick to safe; the one with the default bias has the name `COMPLETE`."""
    return {
        COMPLETE if bias == DEFAULT_BIAS_MS_PER_PCT else f"{COMPLETE}, bias {bias:g}": Opuscope(bias_ms_per_pct=bias)
        for bias in BIASES_MS_PER_PCT
    }
