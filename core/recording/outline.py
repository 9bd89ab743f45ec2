"""Where in a capture something is wrong, so that one can go there: no verdict, that is for the analysis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.analysis.observation import Closed, Connected, NotConnected, Observation, Received
from core.opus.media import MediaPacket
from core.opus.packet import MalformedPacketError, parse_packet
from core.recording.capture_reader import Capture
from core.wire.control import State, StreamState
from core.wire.dialect import NewStream, Unreadable

SILENCE_MS: Final = 100.0
"""Nothing came for so much longer than the last packet lasts: more than a buffer of the usual depth covers."""

MAX_PROBLEMS: Final = 10_000
"""Nobody goes through more, and memory has a bound."""

_REGULAR: Final = 1000
"""RFC 6455 §7.4.1: the stream was over."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    position_s: float
    """Since the capture's first packet; where it begins."""
    text: str


def problems_of(capture: Capture) -> tuple[Problem, ...]:
    """All that is wrong, in the order of the capture; at most `MAX_PROBLEMS`."""
    problems: list[Problem] = []
    for at_ns, text in _problems(capture.observations()):
        position_s = min(max(0.0, (at_ns - capture.first_ns) / 1e9), capture.duration_s)
        problems.append(Problem(position_s, text))
        if len(problems) >= MAX_PROBLEMS:
            break
    return tuple(problems)


def _problems(observations: Iterator[Observation]) -> Iterator[tuple[int, str]]:
    last: MediaPacket | None = None
    for seen in observations:
        match seen:
            case Received(event=MediaPacket() as packet):
                if last is not None:
                    yield from _between(last, packet)
                last = packet
            case Received(event=Unreadable() as event):
                yield seen.at_ns, event.problem
            case Received(event=State() as told) if told.state is not StreamState.PLAYING:
                last = None  # then nothing is expected
            case Received(event=NewStream()):
                yield seen.at_ns, "another stream begins"
                last = None
            case Connected():
                last = None
            case Closed(by_observer=False) if seen.code != _REGULAR:
                yield seen.at_ns, "the connection broke off" if seen.code is None else f"closed with {seen.code}"
            case NotConnected():
                yield seen.at_ns, seen.reason


def _between(last: MediaPacket, packet: MediaPacket) -> Iterator[tuple[int, str]]:
    silent_ms = (packet.arrival_ns - last.arrival_ns) / 1e6
    if silent_ms > _duration_ms(last) + SILENCE_MS:
        yield last.arrival_ns, f"nothing came for {silent_ms:.0f} ms"
    if last.sequence_number is None or packet.sequence_number is None:
        return
    missing = packet.sequence_number - last.sequence_number - 1
    if missing > 0:
        yield packet.arrival_ns, f"{missing} packets missing in sequence"
    elif missing < 0:
        yield packet.arrival_ns, "a packet came twice or out of order"


def _duration_ms(packet: MediaPacket) -> float:
    try:
        return parse_packet(packet.payload).duration_ms
    except MalformedPacketError:
        return 0.0
