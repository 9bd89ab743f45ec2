"""A stream under examination: what is observed goes to the analysis and to the series; a report comes at any time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.checks import run_checks
from core.analysis.diagnosis import findings_of
from core.analysis.limits import Limits
from core.analysis.observation import Observation, Received
from core.analysis.reports.report import Report
from core.analysis.reports.series import SeriesRecorder
from core.opus.media import MediaPacket


class Examination:
    """Takes the observations of one address. Not thread-safe."""

    def __init__(self, limits: Limits, *, with_sound: bool = True, is_strict: bool = False) -> None:
        """Nothing observed; ``with_sound`` decodes all packets and listens to them.

        With ``is_strict`` a check that cannot be measured fails.

        Raises:
            OpusLibraryError: it shall listen, and libopus cannot be loaded.
        """
        self._limits = limits
        self._is_strict = is_strict
        self._analyzer = StreamAnalyzer(with_sound=with_sound)
        self._series = SeriesRecorder()
        self._first_ns: int | None = None
        self._began_at = datetime.now(UTC)

    def take(self, seen: Observation) -> None:
        """Take in what happened next."""
        if self._first_ns is None:
            self._first_ns = seen.at_ns
        self._analyzer.take(seen)
        if isinstance(seen, Received) and isinstance(seen.event, MediaPacket):
            self._series.packet(
                (seen.at_ns - self._first_ns) / 1e9,
                len(seen.event.payload),
                self._analyzer.newest_relative_delay_ms,
                self._analyzer.momentary_lufs,
            )

    def pass_time(self, now_ns: int | None = None) -> None:
        """Nothing more has happened up to now, in monotonic nanoseconds: silence is an observation, too."""
        self._analyzer.pass_time(time.monotonic_ns() if now_ns is None else now_ns)

    def report(self, url: str, problem: str | None = None) -> Report:
        """What is known up to now. ``problem`` is why it fails whatever was measured, in one line."""
        analysis = self._analyzer.result()
        findings = findings_of(analysis)
        return Report(
            url=url,
            began_at=self._began_at,
            analysis=analysis,
            findings=findings,
            checks=tuple(run_checks(self._limits, analysis, findings)),
            series=self._series.series(analysis.observed_s),
            is_strict=self._is_strict,
            problem=problem,
        )

    def close(self) -> None:
        """Free the decoder; `report` still answers."""
        self._analyzer.close()
