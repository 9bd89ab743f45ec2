"""What happens to a jitter buffer in a simulation of what really came: packets, and what is known beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.opus.media import MediaPacket
from core.opus.packet import MalformedPacketError, parse_packet
from core.playout.arrivals import duration_ns


@dataclass(frozen=True, slots=True)
class StreamBegins:
    """Another stream, or another connection: its times have nothing to do with those before."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class SourceState:
    """Whether the source sends; silence is no underrun while it does not."""

    at_ns: int
    is_playing: bool


@dataclass(frozen=True, slots=True)
class LoopStall:
    """The machine that received read nothing in this time."""

    began_ns: int
    at_ns: int
    """When it was over."""


Step = MediaPacket | StreamBegins | SourceState | LoopStall


def at_ns(step: Step) -> int:
    """When it happens."""
    return step.arrival_ns if isinstance(step, MediaPacket) else step.at_ns


def earlier(step: Step, by_ns: int) -> Step:
    """The same step on a clock that stands so much lower."""
    match step:
        case MediaPacket():
            captured_ns = None if step.capture_time_ns is None else step.capture_time_ns - by_ns
            return replace(step, arrival_ns=step.arrival_ns - by_ns, capture_time_ns=captured_ns)
        case LoopStall():
            return LoopStall(step.began_ns - by_ns, step.at_ns - by_ns)
    return replace(step, at_ns=step.at_ns - by_ns)


@dataclass(frozen=True, slots=True)
class SendTimes:
    """What is to be known of a sequence of steps before it is played."""

    sent_ns: tuple[int, ...]
    """For each stream: when its first frame was sent at the latest, so that no packet came before it was sent."""
    first_ns: int
    last_ns: int
    """When the first and the last packet came."""


def send_times(steps: Iterable[Step]) -> SendTimes:
    """Look through ``steps``; media time is that of the packets, or comes from adding up their durations.

    Raises:
        ValueError: there is no packet.
    """
    sent_ns: list[int] = []
    first_ns: int | None = None
    last_ns = media = 0
    start: int | None = None
    is_new = True
    for step in steps:
        if isinstance(step, StreamBegins):
            is_new = True
        if not isinstance(step, MediaPacket):
            continue
        if is_new:
            media, start = 0, step.media_timestamp
        elif start is not None and step.media_timestamp is not None:
            media = step.media_timestamp - start
        left_ns = step.arrival_ns - duration_ns(media)
        if is_new:
            sent_ns.append(left_ns)
        else:
            sent_ns[-1] = min(sent_ns[-1], left_ns)
        is_new = False
        first_ns = step.arrival_ns if first_ns is None else first_ns
        last_ns = max(last_ns, step.arrival_ns)
        media += _samples(step.payload)
    if first_ns is None:
        raise ValueError("no packet comes; name another capture")
    return SendTimes(tuple(sent_ns), first_ns, last_ns)


def _samples(payload: bytes) -> int:
    try:
        return parse_packet(payload).duration_samples
    except MalformedPacketError:
        return 0
