"""A bench in virtual time that knows only when packets come and which media is played: no sound, no codec.

Packets arrive as the trace says; a device asks for 10 ms of output every 10 ms. Delay is counted up to that request,
so what a device holds back itself is in nobody's figures (nor in NetEQ's).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from core.playout.simulation import BLOCK_MS, PHASE_MS
from tests.benchmarks.playout_comparison.metrics import WINDOW_MS, Figures, Piece, measure
from tests.traces.trace import Trace

PULL_MS = BLOCK_MS
"""Device and phase are those that ours is simulated with."""


@dataclass(frozen=True, slots=True)
class Span:
    """Media from nominal send time ``media_ms`` on, or as much concealment where that is None."""

    media_ms: float | None
    duration_ms: float


class Buffer(Protocol):
    """A playout buffer that never changes the speed: packets go in by number, spans come out."""

    def push(self, number: int, now_ms: float) -> None:
        """Packet ``number`` arrived."""

    def pull(self, now_ms: float, duration_ms: float) -> Iterable[Span]:
        """What is played in the ``duration_ms`` that begin now; the spans together last as long."""


Player = Callable[[Trace], Figures]
"""Anything that can be compared: it is given a trace and says what it made of it."""


class Decoded:
    """Media that a buffer has given out and that has not been played yet, as every player has behind its buffer."""

    def __init__(self) -> None:
        self._spans: deque[Span] = deque()

    def add(self, span: Span) -> None:
        """Queue a span; one of no length is left out."""
        if span.duration_ms > 0.0:
            self._spans.append(span)

    def take(self, duration_ms: float, refill: Callable[[], None]) -> Iterator[Span]:
        """Spans of ``duration_ms`` together; conceals the rest where ``refill``, called when empty, adds nothing."""
        missing_ms = duration_ms
        while missing_ms > 0.0:
            if not self._spans:
                refill()
            if not self._spans:
                yield Span(None, missing_ms)
                return
            span = self._spans.popleft()
            taken_ms = min(span.duration_ms, missing_ms)
            if span.duration_ms > taken_ms:
                later_ms = None if span.media_ms is None else span.media_ms + taken_ms
                self._spans.appendleft(Span(later_ms, span.duration_ms - taken_ms))
            yield Span(span.media_ms, taken_ms)
            missing_ms -= taken_ms

    def clear(self) -> None:
        """Forget everything."""
        self._spans.clear()


def play(trace: Trace, buffer: Buffer, *, phase_ms: float = PHASE_MS, after_ms: float = 5000.0) -> list[Piece]:
    """Output of ``buffer`` on the trace, from the first request to ``after_ms`` past the last arrival."""
    arrivals_ms = trace.own_arrivals_ms
    pieces: list[Piece] = []
    arrived, pulls = 0, 0
    now_ms = phase_ms
    while now_ms < arrivals_ms[-1] + after_ms:
        while arrived < len(arrivals_ms) and arrivals_ms[arrived] <= now_ms:
            buffer.push(arrived, arrivals_ms[arrived])
            arrived += 1
        played_ms = now_ms
        for span in buffer.pull(now_ms, PULL_MS):
            pieces.append(Piece(played_ms, span.duration_ms, span.media_ms, span.duration_ms))
            played_ms += span.duration_ms
        pulls += 1
        now_ms = phase_ms + pulls * PULL_MS
    return pieces


def player(make: Callable[[float], Buffer]) -> Player:
    """A player that runs a fresh buffer, made for the trace's ``frame_ms``, on each trace."""
    return partial(_run, make)


def window_of(trace: Trace) -> tuple[float, float]:
    """10 s to half a second before the end of the trace: NetEQ's window on a trace of a minute."""
    return WINDOW_MS[0], trace.duration_ms - 500.0


def _run(make: Callable[[float], Buffer], trace: Trace) -> Figures:
    return measure(play(trace, make(trace.frame_ms)), window_of(trace))
