"""What a player made of a trace, in the figures that the comparison is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

WINDOW_MS = (10_000.0, 59_500.0)
"""What NetEQ's figures were measured over: the start left out, and the end, where nothing follows."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of output: ``media_duration_ms`` of the sender's sound, played in ``duration_ms`` from ``played_ms``.

    ``media_ms`` is the nominal send time of its first sample (offset k in packet i: ``i * frame_ms + k``), None where
    the player had nothing and concealed. The two durations differ where the sound was stretched.
    """

    played_ms: float
    duration_ms: float
    media_ms: float | None
    media_duration_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One player on one trace; None where it isn't known.

    Delay is the time a sample was played minus its nominal send time, over samples that were not concealed. Shares
    are percent: concealed and stretched (inserted plus removed) of the output, skipped (never played) of the media.
    """

    playout_delay_ms: float
    playout_delay_p95_ms: float | None
    concealed_pct: float
    concealment_events: int
    stretched_pct: float
    skipped_pct: float | None


def measure(pieces: Sequence[Piece], window_ms: tuple[float, float] = WINDOW_MS) -> Figures:
    """Figures of an output in order of time, for what was played (for ``skipped_pct``: sent) within the window.

    Raises `ValueError` if nothing but concealment was played in it.
    """
    inside = [part for piece in pieces if (part := _cut(piece, window_ms)) is not None]
    heard = [piece for piece in inside if piece.media_ms is not None]
    if not heard:
        raise ValueError(f"nothing was played between {window_ms[0]:g} and {window_ms[1]:g} ms")
    output_ms = sum(piece.duration_ms for piece in inside)
    weights = np.array([piece.duration_ms for piece in heard])
    delays = np.array([_mean_delay_ms(piece) for piece in heard])
    return Figures(
        playout_delay_ms=float(np.average(delays, weights=weights)),
        playout_delay_p95_ms=weighted_percentile(delays, weights, 95.0),
        concealed_pct=100.0 * (output_ms - float(weights.sum())) / output_ms,
        concealment_events=_events(inside),
        stretched_pct=100.0 * sum(abs(piece.duration_ms - piece.media_duration_ms) for piece in heard) / output_ms,
        skipped_pct=_skipped_pct(pieces, window_ms),
    )


def weighted_percentile(values: Iterable[float], weights: Iterable[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of the weight does not exceed."""
    by_size = sorted(zip(values, weights, strict=True))
    reached = np.cumsum([weight for _, weight in by_size])
    # A hair below, so that a share that is met exactly counts as met.
    wanted = reached[-1] * percent / 100.0 * (1.0 - 1e-12)
    return float(by_size[int(np.searchsorted(reached, wanted))][0])


def _mean_delay_ms(piece: Piece) -> float:
    assert piece.media_ms is not None
    return piece.played_ms + piece.duration_ms / 2 - piece.media_ms - piece.media_duration_ms / 2


def _cut(piece: Piece, window_ms: tuple[float, float]) -> Piece | None:
    begin_ms = max(piece.played_ms, window_ms[0])
    duration_ms = min(piece.played_ms + piece.duration_ms, window_ms[1]) - begin_ms
    if duration_ms <= 0.0:
        return None
    rate = piece.media_duration_ms / piece.duration_ms
    media_ms = None if piece.media_ms is None else piece.media_ms + (begin_ms - piece.played_ms) * rate
    return Piece(begin_ms, duration_ms, media_ms, duration_ms * rate)


def _events(pieces: Iterable[Piece]) -> int:
    events, before = 0, False
    for piece in pieces:
        concealed = piece.media_ms is None
        events += concealed and not before
        before = concealed
    return events


def _skipped_pct(pieces: Iterable[Piece], window_ms: tuple[float, float]) -> float:
    """Share of the media sent within the window that no piece, whenever it was played, has."""
    begin_ms, end_ms = window_ms
    covered_ms, reached_ms = 0.0, begin_ms
    spans = [(piece.media_ms, piece.media_duration_ms) for piece in pieces if piece.media_ms is not None]
    for media_ms, duration_ms in sorted(spans):
        stop_ms = min(media_ms + duration_ms, end_ms)
        covered_ms += max(stop_ms - max(media_ms, reached_ms), 0.0)
        reached_ms = max(reached_ms, stop_ms)
    # Sums of many small spans miss the whole by a rounding error.
    return max(round(100.0 * (1.0 - covered_ms / (end_ms - begin_ms)), 6), 0.0)
