"""Reports of servers with known faults, in virtual time."""

from __future__ import annotations

from functools import cache

from core.analysis.limits import Limits
from core.analysis.reports.examination import Examination
from core.analysis.reports.report import Report
from tests.peers.faults import transcript

URL = "ws://faulty.test/ws-audio"


@cache
def report_of(
    fault: str, limits: Limits | None = None, seconds: float = 13.0, *, bare: bool = False, problem: str | None = None
) -> Report:
    """What is reported of ``seconds`` of that fault."""
    examination = Examination(limits or Limits())
    for seen in transcript(fault, seconds, bare=bare):
        examination.take(seen)
    examination.close()
    return examination.report(URL, problem)
