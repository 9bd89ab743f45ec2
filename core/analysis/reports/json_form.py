"""A report as one JSON object.

`resources/reports/report.schema.json` says what is in it. Within a version keys are only added; where one goes away or
means something else, the version rises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

from core.analysis.reports.report import Report

VERSION: Final = 1

_DIGITS: Final = 7
"""More than any of the measurements has."""


def report_json(report: Report) -> dict[str, Any]:
    """The object; it holds nothing but what JSON knows."""
    return {
        "schema_version": VERSION,
        "url": report.url,
        "began_at": None if report.began_at is None else report.began_at.isoformat(timespec="milliseconds"),
        "is_capture": report.is_capture,
        "outcome": report.outcome.value,
        "verdict": report.verdict,
        "problem": report.problem,
        "checks": plain(report.checks),
        "findings": plain(report.findings),
        "analysis": plain(report.analysis),
        "series": plain(report.series),
    }


def plain(value: object) -> Any:
    """Dataclasses and mappings as objects, enums as their values, floats in seven digits; no NaN, no infinity."""
    if isinstance(value, Enum):
        return plain(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    # numpy's numbers, which are none of Python's.
    return plain(float(value))  # type: ignore[arg-type]


def _key(key: object) -> str:
    key = key.value if isinstance(key, Enum) else key
    return f"{key:g}" if isinstance(key, float) else str(key)
