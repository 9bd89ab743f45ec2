"""A whole capture at one look: how late its packets were over time, what is wrong with it, and its figures.

It is what two captures are compared by. Lateness is the analysis' relative delay: how much later than the quickest of
late a packet came. Sound is not decoded: that would take as long as all else a hundred times over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.diagnosis import findings_of
from core.analysis.findings import Finding
from core.analysis.observation import Received
from core.analysis.results import Analysis
from core.opus.media import MediaPacket
from core.recording.capture_reader import Capture
from core.recording.outline import Problem, problems_of

MAX_POINTS: Final = 600
"""As many as a plot can show without costing audio."""

LEAST_POINT_S: Final = 0.1
"""Five packets of the usual 20 ms: a shorter one would be empty or hold a single packet."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One capture."""

    capture: Capture
    analysis: Analysis
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    point_s: float
    """How long each point of ``latest_ms`` lasts; the first begins with the first packet."""
    latest_ms: tuple[float | None, ...]
    """The lateness of the latest packet of each point; ``None``: none came."""

    @property
    def most_ms(self) -> float:
        """The highest of ``latest_ms``."""
        return max((each for each in self.latest_ms if each is not None), default=0.0)


def overview_of(capture: Capture) -> Overview:
    """Look through all of ``capture`` twice, in memory that does not grow with it.

    Raises:
        CaptureError: a note in it cannot be read.
    """
    point_s = max(LEAST_POINT_S, capture.duration_s / MAX_POINTS)
    latest_ms: list[float | None] = [None] * (math.floor(capture.duration_s / point_s) + 1)
    analyzer = StreamAnalyzer(with_sound=False)
    for seen in capture.observations():
        analyzer.take(seen)
        if isinstance(seen, Received) and isinstance(seen.event, MediaPacket):
            at = min(max(0, math.floor((seen.at_ns - capture.first_ns) / 1e9 / point_s)), len(latest_ms) - 1)
            latest_ms[at] = max(latest_ms[at] or 0.0, analyzer.newest_relative_delay_ms)
    analysis = analyzer.result()
    analyzer.close()
    return Overview(capture, analysis, tuple(findings_of(analysis)), problems_of(capture), point_s, tuple(latest_ms))
