"""Claims about the comparison's figures, checked against what one works out by hand."""

from __future__ import annotations

import pytest

from tests.benchmarks.playout_comparison.metrics import Piece, measure, weighted_percentile

WHOLE = (0.0, 100.0)


def played(at_ms: float, media_ms: float, duration_ms: float = 10.0, media_duration_ms: float | None = None) -> Piece:
    """Media that was heard, at its own speed where nothing else is said."""
    return Piece(at_ms, duration_ms, media_ms, duration_ms if media_duration_ms is None else media_duration_ms)


def concealed(at_ms: float, duration_ms: float = 10.0) -> Piece:
    """Output without media."""
    return Piece(at_ms, duration_ms, None, duration_ms)


def steady(delay_ms: float, until_ms: float = 100.0) -> list[Piece]:
    """Everything played with the same delay."""
    return [played(media_ms + delay_ms, float(media_ms)) for media_ms in range(0, int(until_ms), 10)]


def test_a_constant_delay_is_the_mean_and_the_percentile() -> None:
    figures = measure(steady(40.0, 200.0), (50.0, 150.0))
    assert (figures.playout_delay_ms, figures.playout_delay_p95_ms) == (40.0, 40.0)
    assert (figures.concealed_pct, figures.concealment_events) == (0.0, 0)
    assert (figures.stretched_pct, figures.skipped_pct) == (0.0, 0.0)


def test_delay_is_averaged_over_what_is_heard_and_not_over_concealment() -> None:
    pieces = [played(0.0, 0.0, 50.0), concealed(50.0, 20.0), played(70.0, 50.0, 30.0)]
    assert measure(pieces, WHOLE).playout_delay_ms == pytest.approx((50 * 0 + 30 * 20) / 80)


def test_concealment_is_a_share_of_the_output_and_neighbours_are_one_event() -> None:
    pieces = [played(0.0, 0.0, 50.0), concealed(50.0), concealed(60.0), played(70.0, 50.0, 20.0), concealed(90.0)]
    figures = measure(pieces, WHOLE)
    assert figures.concealed_pct == pytest.approx(30.0)
    assert figures.concealment_events == 2


def test_only_the_part_of_a_piece_within_the_window_counts() -> None:
    pieces = [concealed(0.0, 60.0), played(60.0, 0.0, 60.0)]
    figures = measure(pieces, (50.0, 100.0))
    assert figures.concealed_pct == pytest.approx(20.0)
    assert figures.playout_delay_ms == pytest.approx(60.0)


def test_skipped_is_media_of_the_window_that_is_never_played() -> None:
    pieces = [played(0.0, 0.0, 40.0), played(40.0, 60.0, 40.0)]
    assert measure(pieces, WHOLE).skipped_pct == pytest.approx(20.0)


def test_media_of_the_window_that_is_played_after_it_is_not_skipped() -> None:
    assert measure(steady(500.0, 600.0), (0.0, 550.0)).skipped_pct == 0.0


def test_media_played_twice_does_not_make_up_for_media_never_played() -> None:
    pieces = [played(0.0, 0.0, 50.0), played(50.0, 0.0, 50.0)]
    assert measure(pieces, WHOLE).skipped_pct == pytest.approx(50.0)


def test_stretched_counts_what_was_inserted_and_what_was_removed() -> None:
    pieces = [played(0.0, 0.0, 50.0, 40.0), played(50.0, 40.0, 50.0, 60.0)]
    figures = measure(pieces, WHOLE)
    assert figures.stretched_pct == pytest.approx(20.0)
    assert figures.playout_delay_ms == pytest.approx(5.0)


def test_a_window_in_which_nothing_is_heard_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was played between 0 and 100 ms"):
        measure([concealed(0.0, 100.0)], WHOLE)


def test_a_percentile_goes_by_weight() -> None:
    assert weighted_percentile([30.0, 10.0], [6.0, 94.0], 95.0) == 30.0
    assert weighted_percentile([30.0, 10.0], [5.0, 95.0], 95.0) == 10.0
