"""The what-if curve: counted anew for every delay, and whether what it predicts is what then happens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.playout.arrivals import Arrivals
from core.playout.late_history import GRID_MS
from core.playout.what_if import WhatIf, WhatIfSpan
from tests.traces.families import KINDS, drift, gaussian, periodic_stalls, poisson_stalls, wifi
from tests.traces.trace import Trace

MS = 1_000_000
SEEN_S = 300.0
THEN_S = 60.0

Floats = NDArray[np.float64]


@pytest.mark.parametrize("span", WhatIfSpan)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_late_share_and_dropouts_per_minute_are_those_of_direct_counting(kind: str, span: WhatIfSpan) -> None:
    trace = KINDS[kind](7, seconds=60.0 if span is WhatIfSpan.RECENT else 330.0)
    late_ns = np.round(np.array(trace.delays_ms) * MS).astype(np.int64)
    at_ns = np.round(np.array(trace.own_arrivals_ms) * MS).astype(np.int64)
    curves = WhatIf()
    for arrival_ns, relative_ns in zip(at_ns.tolist(), late_ns.tolist(), strict=True):
        curves.add(arrival_ns, relative_ns)
    curve = curves.curve(span, int(at_ns[-1]))
    recent = at_ns >= at_ns[-1] - span.value * 1000 * MS
    late = late_ns[:, np.newaxis] > np.round(GRID_MS * MS)
    rose = late & ~np.concatenate((np.zeros((1, len(GRID_MS)), dtype=bool), late[:-1]))
    assert curve.packets == recent.sum()
    assert curve.seconds == pytest.approx((at_ns[recent][-1] - at_ns[recent][0]) / 1e9)
    assert curve.seconds == pytest.approx(span.value, abs=1.0)
    assert curve.late_pct == pytest.approx(100 * late[recent].mean(axis=0))
    assert curve.dropouts_per_min == pytest.approx(rose[recent].sum(axis=0) * 60 / curve.seconds)


def test_before_the_first_packet_the_curve_is_zero() -> None:
    curve = WhatIf().curve(WhatIfSpan.RECENT, 0)
    assert not curve.late_pct.any()
    assert not curve.dropouts_per_min.any()
    assert (curve.packets, curve.seconds) == (0, 0.0)


def test_the_grid_goes_from_0_to_2_s_by_5_ms() -> None:
    curve = WhatIf().curve(WhatIfSpan.LONG, 0)
    assert curve.delay_ms.tolist() == list(range(0, 2_001, 5))
    assert curve.late_pct.shape == curve.dropouts_per_min.shape == curve.delay_ms.shape


@given(st.lists(st.floats(0, 2_500), min_size=1, max_size=100))
def test_more_delay_never_lets_more_packets_be_late(delays_ms: list[float]) -> None:
    curves = WhatIf()
    for number, delay_ms in enumerate(delays_ms):
        curves.add(number * 20 * MS, round(delay_ms * MS))
    late_pct = curves.curve(WhatIfSpan.RECENT, len(delays_ms) * 20 * MS).late_pct
    assert (np.diff(late_pct) <= 0).all()
    assert 0 <= late_pct.min() <= late_pct.max() <= 100


def test_each_span_forgets_after_its_own_time() -> None:
    curves = WhatIf()
    curves.add(0, 500 * MS)
    for number in range(1, 1_000):
        curves.add(number * 20 * MS, 0)
    assert not curves.curve(WhatIfSpan.RECENT, 20_000 * MS).late_pct.any()
    assert curves.curve(WhatIfSpan.LONG, 20_000 * MS).late_pct[0] == pytest.approx(0.1)


def test_a_dropout_within_the_first_second_is_not_made_into_hundreds_a_minute() -> None:
    curves = WhatIf()
    curves.add(0, 100 * MS)
    assert curves.curve(WhatIfSpan.RECENT, 1 * MS).dropouts_per_min[0] == 60


def test_the_smallest_delay_is_the_first_with_few_enough_late_packets() -> None:
    curves = WhatIf()
    for number in range(100):
        curves.add(number * 20 * MS, (300 if number == 50 else 42) * MS)
    curve = curves.curve(WhatIfSpan.RECENT, 2_000 * MS)
    assert curve.smallest_delay_ms(0.0) == 300
    assert curve.smallest_delay_ms(1.0) == 45
    assert curve.smallest_delay_ms(100.0) == 0


def test_there_is_no_smallest_delay_where_not_even_2_s_are_enough() -> None:
    curves = WhatIf()
    curves.add(0, 3_000 * MS)
    assert curves.curve(WhatIfSpan.RECENT, 0).smallest_delay_ms(50.0) is None


def test_after_an_untold_pause_of_the_source_one_packet_was_late_by_it_and_no_other() -> None:
    curves = WhatIf()
    for number in range(100):
        curves.add(number * 20 * MS, 0 if number < 60 else 400 * MS)
    curves.paused(60 * 20 * MS, 400 * MS)
    for curve in (*(curves.curve(span, 2_000 * MS) for span in WhatIfSpan), curves.blameless_curve(2_000 * MS)):
        assert curve.packets == 61
        assert curve.late_pct[79] == pytest.approx(100 / 61)
        assert curve.late_pct[80] == 0
        assert curve.dropouts_per_min[79] * curve.seconds / 60 == pytest.approx(1)


def test_what_was_late_before_a_reconnect_still_counts_and_the_pause_is_no_dropout() -> None:
    curves = WhatIf()
    for number in range(100):
        curves.add(number * 20 * MS, 300 * MS if number == 50 else 0)
    curves.begin_stream()
    for number in range(100):
        curves.add((4_000 + number * 20) * MS, 0)
    curve = curves.curve(WhatIfSpan.RECENT, 6_000 * MS)
    assert curve.packets == 200
    assert curve.smallest_delay_ms(0.0) == 300
    assert curve.dropouts_per_min[0] * curve.seconds / 60 == pytest.approx(1)


def test_a_time_in_which_nothing_comes_makes_nothing_look_better() -> None:
    curves = WhatIf()
    for number in range(200):
        curves.add(number * 20 * MS, 100 * MS if number % 50 == 10 else 0)
    then, later = (curves.curve(WhatIfSpan.LONG, at_ms * MS) for at_ms in (4_000, 250_000))
    assert (then.seconds, then.packets) == (later.seconds, later.packets)
    assert then.dropouts_per_min.tolist() == later.dropouts_per_min.tolist()
    assert curves.curve(WhatIfSpan.LONG, 305_000 * MS).packets == 0


# Honesty.


def predicted_and_then(trace: Trace, ppm: float = 0.0) -> tuple[Floats, Floats]:
    """The late share in per cent for each delay: as the curve has it after five minutes, and over the next minute.

    What then happens is counted without the engine: lateness over the least of the last two seconds, less the drift.
    """
    arrivals, curves = Arrivals(), WhatIf()
    at_ms = np.array(trace.own_arrivals_ms)
    sent_ms = np.arange(len(at_ms)) * trace.frame_ms
    seen = int(np.searchsorted(at_ms, SEEN_S * 1000))
    for arrival_ms, media_ms in zip(at_ms[:seen].tolist(), sent_ms[:seen].tolist(), strict=True):
        arrival_ns = round(arrival_ms * MS)
        arrivals.skew.add(arrival_ns, arrival_ns - round(media_ms * MS))
        curves.add(arrival_ns, arrivals.arrived(arrival_ns, round(media_ms * MS)))
    lateness_ms = at_ms - sent_ms - sent_ms * ppm * 1e-6
    width = round(2_000 / trace.frame_ms) + 1
    least_ms = np.lib.stride_tricks.sliding_window_view(lateness_ms, width).min(axis=1)
    relative_ms = lateness_ms[seen:] - least_ms[seen + 1 - width :]
    then = 100 * (relative_ms[:, np.newaxis] > GRID_MS + 1e-6).mean(axis=0)
    return curves.curve(WhatIfSpan.LONG, round(SEEN_S * 1000 * MS)).late_pct, then


def is_honest(predicted: Floats, then: Floats) -> NDArray[np.bool_]:
    return np.abs(then - predicted) <= np.maximum(0.3, 0.25 * predicted)


def exponential(ppm: float) -> Callable[..., Trace]:
    return lambda seed, seconds: drift(seed, ppm=ppm, seconds=seconds)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("make", "ppm"),
    [
        (gaussian, 0.0),
        (exponential(-400.0), -400.0),
        (exponential(400.0), 400.0),
        (periodic_stalls, 0.0),
    ],
    ids=["gaussian", "drift -400 ppm", "drift 400 ppm", "periodic stalls"],
)
def test_where_every_minute_is_like_the_last_the_late_share_is_within_25_per_cent_of_the_predicted_one(
    make: Callable[..., Trace], ppm: float, seed: int
) -> None:
    predicted, then = predicted_and_then(make(seed, seconds=SEEN_S + THEN_S), ppm)
    assert is_honest(predicted, then).all()


@pytest.mark.parametrize("make", [poisson_stalls, wifi])
def test_where_stalls_come_at_random_it_is_right_in_the_mean_of_many_minutes(make: Callable[..., Trace]) -> None:
    both = [predicted_and_then(make(seed, seconds=SEEN_S + THEN_S)) for seed in range(8)]
    predicted, then = np.mean(both, axis=0)
    assert is_honest(predicted, then).all()
