"""What a jitter buffer is doing, and what it says about each packet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.opus.packet import PacketInfo


class PlayoutState(Enum):
    """What `JitterBuffer.pull` gives at the moment."""

    IDLE = "idle"
    """Nothing is expected: before the first packet, and while the source pauses. Silence, and no fault."""
    FILLING = "filling"
    """Packets come; the target delay is not reached yet."""
    PLAYING = "playing"
    STARVED = "starved"
    """An underrun: concealment, then silence, until there is something to go on with."""


@dataclass(frozen=True, slots=True)
class PushResult:
    """What `JitterBuffer.push` found: the packet's own facts, or what was wrong with it, and how late it was."""

    info: PacketInfo | None
    problem: str | None
    relative_delay_ms: float
    """How much later than the quickest packets of the last two seconds."""
    packets_lost: int
