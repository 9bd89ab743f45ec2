"""A capture as a simulation plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.analysis.observation import Closed, Connected, Observation, ObserverStall, Received
from core.opus.media import MediaPacket
from core.playout.steps import LoopStall, SourceState, Step, StreamBegins
from core.wire.control import State, StreamState
from core.wire.dialect import NewStream


def steps_of(observations: Callable[[], Iterator[Observation]]) -> Callable[[], Iterator[Step]]:
    """What a jitter buffer hears of ``observations``, as it does in a live session."""
    return lambda: _steps(observations())


def _steps(observations: Iterator[Observation]) -> Iterator[Step]:
    is_silent = False
    for seen in observations:
        match seen:
            case Received(event=MediaPacket() as packet):
                if is_silent:
                    # Audio is proof that the source plays, whatever was last said about it.
                    is_silent = False
                    yield SourceState(seen.at_ns, True)
                yield packet
            case Received(event=State() as told):
                is_silent = told.state is not StreamState.PLAYING
                yield SourceState(seen.at_ns, not is_silent)
            case Connected() | Received(event=NewStream()):
                yield StreamBegins(seen.at_ns)
            case ObserverStall():
                yield LoopStall(seen.began_ns, seen.ended_ns)
            case Closed(by_observer=True):
                is_silent = True
                yield SourceState(seen.at_ns, False)
