"""A change and what it did, in words."""

from __future__ import annotations

from dataclasses import dataclass

from core.monitor.changes import Change
from gui.translation import translate
from gui.view_models.text import UNKNOWN, fixed


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Texts of one row; figures read "before → after"."""

    text: str
    latency: str
    underruns: str
    concealed: str
    explanation: str


def change_row(change: Change) -> ChangeRow:
    """Texts for one change."""
    before, after = change.before, change.after
    so_far = "" if change.is_complete else translate("Changes", " so far")
    return ChangeRow(
        change.event.text,
        _pair(before.latency_ms, after.latency_ms, 1),
        _pair(before.episodes_per_min, after.episodes_per_min, 1),
        _pair(before.concealed_pct, after.concealed_pct, 2, " %"),
        translate("Changes", "{before} s before against {after} s after{so_far}").format(
            before=fixed(before.seconds), after=fixed(after.seconds), so_far=so_far
        ),
    )


def _pair(before: float | None, after: float | None, digits: int, unit: str = "") -> str:
    texts = [UNKNOWN if value is None else fixed(value, digits) for value in (before, after)]
    return f"{texts[0]} → {texts[1]}{unit}"
