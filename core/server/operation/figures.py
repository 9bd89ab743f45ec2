"""What the metrics are made of: one stream at one moment, summed over its listeners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.opus.encoder import EncoderSettings
from core.server.broadcast import Broadcast, StreamCounters
from core.server.inlet import Inlet
from core.server.listener import Listener
from core.server.listener_counters import ListenerCounters


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """Counters are those of the running server, not copies: read them at once."""

    name: str
    listeners: int
    encoders: int
    stream: StreamCounters
    connections: ListenerCounters
    """Of those who listen and of those who have gone."""
    queued_ms: Sequence[float]
    """Sound that waits, of each listener."""
    bitrates: Sequence[int]
    """In bit/s, of each listener of whom it is known."""
    inlet: Inlet | None = None
    """Of a stream that sound is pushed to."""


def figures_of(
    name: str,
    stream: Broadcast,
    gone: ListenerCounters,
    listeners: Sequence[Listener],
    inlet: Inlet | None = None,
) -> StreamFigures:
    """``gone`` counts those who have left; what the present ``listeners`` have been sent so far is added here."""
    connections = ListenerCounters()
    connections.add(gone)
    for listener in listeners:
        listener.add_to(connections)
    return StreamFigures(
        name=name,
        listeners=stream.listener_count,
        encoders=stream.encoder_count,
        stream=stream.counters,
        connections=connections,
        queued_ms=[listener.queued_ms for listener in listeners],
        bitrates=_bitrates(stream, [stream.settings_of(listener) for listener in listeners]),
        inlet=inlet,
    )


def _bitrates(stream: Broadcast, settings: Sequence[EncoderSettings]) -> list[int]:
    # By object: most listeners share theirs, and comparing all fields would take as long as the bit rate itself.
    known = {id(each): each for each in settings}
    bitrates = {key: stream.bitrate_of(each) for key, each in known.items()}
    return [bitrate for each in settings if (bitrate := bitrates[id(each)]) is not None]
