"""What a recording says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class RecordingError(RuntimeError):
    """A recording that cannot begin or cannot go on: one line with the file and what to do."""


class RecordingKind(Enum):
    """What is recorded."""

    RECEIVED = "packets as received"
    PLAYED = "sound as played"


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """How a recording stands."""

    kind: RecordingKind
    path: Path
    """The newest file."""
    is_running: bool = True
    problem: str | None = None
    """Why it ended although nobody ended it, in one line; ``None`` while all is well."""
    files: int = 1
    seconds: float = 0.0
    """Of audio."""
    size_bytes: int = 0
    """Of all files together."""
    packets: int = 0
    """Received and kept; the figures of packets are 0 where sound is recorded."""
    gaps: int = 0
    filled_s: float = 0.0
    """What stands for missing packets, or as silence for sound that could not be kept."""
    malformed: int = 0
    out_of_order: int = 0
    unkept: int = 0
    """Packets that were given up because the disk was too slow for too long."""
