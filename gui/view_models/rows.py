"""What a line of the statistics table is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class RowKind(Enum):
    """How a row looks; ``ATTENTION`` rows carry a shape as well as a colour."""

    HEADING = "heading"
    VALUE = "value"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what it is, its value with unit, and what it means."""

    name: str
    value: str
    meaning: str = ""
    kind: RowKind = RowKind.VALUE


def heading(name: str) -> Row:
    """A line above a group."""
    return Row(name, "", kind=RowKind.HEADING)


def attention_if(is_wrong: bool) -> RowKind:
    """For a value that is a fault if it is not 0."""
    return RowKind.ATTENTION if is_wrong else RowKind.VALUE
