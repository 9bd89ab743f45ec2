"""A stream under examination: what is observed goes to the analysis and to the series; a report comes at any time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.checks import run_checks
from core.analysis.diagnosis import findings_of
from core.analysis.limits import Limits
from core.analysis.observation import Closed, Observation, Received
from core.analysis.reports.late_places import LatePlaces
from core.analysis.reports.report import Report
from core.analysis.reports.series import SeriesRecorder
from core.opus.media import MediaPacket

CLOSING_S: Final = 1.0
"""A closing handshake takes up to so long; then the connection is cut."""


class Examination:
    """Takes the observations of one address, or of a capture. Not thread-safe."""

    def __init__(self, limits: Limits, *, with_sound: bool = True) -> None:
        """Nothing observed; ``with_sound`` decodes all packets and listens to them.

        Raises:
            OpusLibraryError: it shall listen, and libopus cannot be loaded.
        """
        self._limits = limits
        self._analyzer = StreamAnalyzer(with_sound=with_sound)
        self._series = SeriesRecorder()
        self._late = LatePlaces(limits.at_depth_ms)
        self._first_ns: int | None = None
        self._last_packet_s = 0.0
        self._ended_here_s: float | None = None
        self._began_at = datetime.now(UTC)

    def take(self, seen: Observation) -> None:
        """Take in what happened next."""
        if self._first_ns is None:
            self._first_ns = seen.at_ns
        self._analyzer.take(seen)
        at_s = (seen.at_ns - self._first_ns) / 1e9
        if isinstance(seen, Closed):
            self._ended_here_s = at_s if seen.by_observer else None
        if isinstance(seen, Received) and isinstance(seen.event, MediaPacket):
            self._last_packet_s, late_ms = at_s, self._analyzer.newest_relative_delay_ms
            self._series.packet(at_s, len(seen.event.payload), late_ms, self._analyzer.momentary_lufs)
            self._late.packet(seen.event, at_s, late_ms)

    def pass_time(self, now_ns: int | None = None) -> None:
        """Nothing more has happened up to now, in monotonic nanoseconds: silence is an observation, too."""
        self._analyzer.pass_time(time.monotonic_ns() if now_ns is None else now_ns)

    def report(self, url: str, problem: str | None = None) -> Report:
        """What is known up to now, of what is observed live.

        ``problem`` is why it fails whatever was measured, in one line.
        """
        return self._report(url, self._began_at, problem, is_capture=False)

    def report_of_capture(self, name: str, began_at: datetime | None, problem: str | None = None) -> Report:
        """The same of what was observed at another time; ``name`` is the file's."""
        return self._report(name, began_at, problem, is_capture=True)

    def _report(self, url: str, began_at: datetime | None, problem: str | None, *, is_capture: bool) -> Report:
        analysis = self._analyzer.result()
        findings = findings_of(analysis)
        return Report(
            url=url,
            began_at=began_at,
            analysis=analysis,
            findings=findings,
            limits=self._limits,
            checks=tuple(run_checks(self._limits, analysis, findings, self._late.newest())),
            series=self._series.series(self._shown_s(analysis.observed_s)),
            problem=problem,
            is_capture=is_capture,
        )

    def _shown_s(self, observed_s: float) -> float:
        """How long there was listening: while we close a connection nobody reads, which shall not look like a stall."""
        if self._ended_here_s is None:
            return observed_s
        return max(self._last_packet_s, min(self._ended_here_s, observed_s) - CLOSING_S)

    def close(self) -> None:
        """Free the decoder; `report` still answers."""
        self._analyzer.close()
