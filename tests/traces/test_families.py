"""Claims about the arrival traces."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.traces.families import KINDS, drift, families, gaussian, internet, periodic_stalls, regime, wifi
from tests.traces.trace import FOLDER, RECORDED, recorded

kinds = pytest.mark.parametrize("kind", KINDS)
seeds = pytest.mark.parametrize("seed", range(5))


@kinds
@seeds
@pytest.mark.parametrize("frame_ms", [2.5, 10.0, 20.0])
def test_packets_arrive_in_order_and_never_before_they_were_sent(kind: str, seed: int, frame_ms: float) -> None:
    trace = KINDS[kind](seed, seconds=30.0, frame_ms=frame_ms)
    assert len(trace.delays_ms) == 30_000 / frame_ms
    assert trace.frame_ms == frame_ms
    assert min(trace.delays_ms) == 0.0
    assert np.diff(trace.own_arrivals_ms).min() > -1e-6


@kinds
def test_the_same_seed_gives_the_same_trace(kind: str) -> None:
    assert KINDS[kind](3) == KINDS[kind](3)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"none"}))
def test_another_seed_gives_another_trace(kind: str) -> None:
    assert KINDS[kind](3).delays_ms != KINDS[kind](4).delays_ms


def test_families_give_each_kind_once_for_each_seed() -> None:
    names = [trace.name for trace in families(2, first_seed=5, seconds=1.0)]
    assert names == [f"{kind}-{seed}" for kind in KINDS for seed in (5, 6)]


def test_what_is_sent_during_a_stall_arrives_at_its_end() -> None:
    trace = periodic_stalls(length_ms=100.0, period_s=2.0, seconds=4.0)
    assert trace.delays_ms[50:55] == (100.0, 80.0, 60.0, 40.0, 20.0)
    assert sum(map(bool, trace.delays_ms)) == 10


def test_the_recorded_stalls_are_of_the_periodic_kind() -> None:
    made, known = periodic_stalls(length_ms=200.0, period_s=5.0), recorded("c_stall200")
    assert made.delays_ms == known.delays_ms


def test_gaussian_jitter_is_as_wide_as_told() -> None:
    calm, wild = (np.array(gaussian(1, sigma_ms=sigma_ms).delays_ms) for sigma_ms in (5.0, 40.0))
    assert calm.max() < 50.0 < wild.mean()


@pytest.mark.parametrize("ppm", [-500.0, 500.0])
def test_drift_moves_the_delay_by_its_parts_per_million(ppm: float) -> None:
    delays_ms = drift(1, ppm=ppm, jitter_ms=0.0, seconds=600.0).delays_ms
    assert delays_ms[-1] - delays_ms[0] == pytest.approx(600_000.0 * ppm * 1e-6, abs=0.1)


def test_a_regime_is_calm_heavy_and_calm_again() -> None:
    before, during, _ = np.split(np.array(regime(1, gap_s=0.4, mean_ms=150.0).delays_ms), 3)
    assert before.max() <= 2.0
    assert during.mean() > 20.0


@seeds
def test_wifi_has_stalls_of_tens_to_hundreds_of_milliseconds_over_small_jitter(seed: int) -> None:
    delays_ms = wifi(seed).delays_ms
    assert np.median(delays_ms) < 10.0
    assert 40.0 < max(delays_ms) < 600.0


@seeds
def test_the_internet_has_jitter_with_a_long_tail(seed: int) -> None:
    delays_ms = internet(seed).delays_ms
    assert np.median(delays_ms) < 80.0
    assert max(delays_ms) > np.median(delays_ms) + 10.0


def test_every_recorded_trace_is_a_minute_whose_neteq_figures_are_known() -> None:
    known = json.loads((FOLDER / "neteq.json").read_text(encoding="utf-8"))["traces"]
    assert set(known) == set(RECORDED)
    for name in RECORDED:
        trace = recorded(name)
        assert trace.name == name
        assert trace.duration_ms == 60_000.0
        assert np.diff(trace.own_arrivals_ms).min() > -1e-6
