"""What is wrong with a stream, named, the most important first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.analysis.results import Evidence, Side


class FindingKind(Enum):
    """Faults by name. They stand in the order in which they explain each other: causes before what follows of them."""

    NOT_CONNECTED = "not connected"
    WRONG_SUBPROTOCOL = "wrong subprotocol"
    UNREADABLE = "unreadable messages"
    NO_PACKETS = "no packets"
    CLOSED_ABRUPTLY = "closed without warning"
    CLOSED_WITH_ERROR = "closed with an error"
    STUCK = "stuck on one packet"
    SILENT = "silent"
    FRAME_NOT_AS_DECLARED = "frame size not as declared"
    BANDWIDTH_NOT_AS_DECLARED = "bandwidth not as declared"
    CHANNELS_NOT_AS_DECLARED = "channels not as declared"
    MISSING_PACKETS = "missing packets"
    DUPLICATES = "duplicate packets"
    REORDERED = "packets out of order"
    TIMESTAMPS = "wrong timestamps"
    STALLS = "stalls"
    AUDIO_LEFT_OUT = "audio left out"
    SLOW = "sends too slowly"
    FAST = "sends too fast"
    BURSTS = "sends in bursts"
    CLIPPED = "clipped"
    DC_OFFSET = "DC offset"
    QUIET = "too quiet"
    ONE_SIDED = "one channel is missing"
    MONO_AS_STEREO = "mono sent as stereo"
    BAND_LIMITED = "less treble than coded for"
    LATE_PACKETS = "late packets"
    OBSERVER_STALLED = "this machine stalled"


class Severity(Enum):
    """How bad it is."""

    ERROR = "error"
    """Listeners hear it, or hear nothing."""
    WARNING = "warning"
    """It costs delay, bandwidth or quality, or will be heard some day."""
    NOTE = "note"
    """Worth knowing; nobody's fault, or this machine's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault."""

    kind: FindingKind
    severity: Severity
    sentence: str
    """One sentence in plain words, with figures."""
    side: Side
    evidence: tuple[Evidence, ...] = ()
    """When, and which packets: the newest."""
