"""The adaptive target: where it goes, how soon, and what it says about it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.playout.target import (
    OVERDUE_MS,
    SINGLE_STALL_CAP_MS,
    SLOW_SPAN_NS,
    UPDATE_PAUSE_NS,
    AdaptiveTarget,
    TargetChange,
    TargetLimits,
    TargetReason,
)
from tests.traces.families import families, poisson_stalls

MS = 1_000_000
FRAME_MS = 20.0
LIMITS = TargetLimits(bias_ms_per_pct=140.0, min_ms=5.0, max_ms=2_000.0)


def delays_with_stalls(seconds: float, stalls: Iterable[tuple[float, float]]) -> list[float]:
    """Delays in ms of packets of 20 ms; each stall begins at a second and lasts for milliseconds."""
    sent_ms = np.arange(round(seconds * 1000 / FRAME_MS)) * FRAME_MS
    delays_ms = np.zeros(len(sent_ms))
    for at_s, length_ms in stalls:
        end_ms = at_s * 1000 + length_ms
        held = (sent_ms >= at_s * 1000) & (sent_ms < end_ms)
        delays_ms[held] = end_ms - sent_ms[held]
    return delays_ms.tolist()


class Watch:
    """Feeds a target; ``seen`` has the time in seconds and the target after each packet."""

    def __init__(self, limits: TargetLimits = LIMITS, initial_ms: float = 60.0, fixed_ms: float | None = None) -> None:
        self.target = AdaptiveTarget(limits, initial_ms)
        self.fixed_ms = fixed_ms
        self.seen: list[tuple[float, float]] = []
        self.overdue_ms: set[float] = set()
        self.changes: list[TargetChange] = []
        self.packets: list[tuple[int, int]] = []
        self.packets_seen: list[int] = []

    def feed(self, delays_ms: Iterable[float]) -> Watch:
        for delay_ms in delays_ms:
            at_ns = round((len(self.packets) * FRAME_MS + delay_ms) * MS)
            self.packets.append((at_ns, round(delay_ms * MS)))
            self.target.add(*self.packets[-1])
            change = self.target.update(at_ns, FRAME_MS, self.fixed_ms)
            if change is not None:
                self.changes.append(change)
                self.packets_seen.append(len(self.packets))
            self.seen.append((at_ns / 1e9, self.target.target_ms))
            self.overdue_ms.add(self.target.overdue_ms)
        return self

    def at(self, second: float) -> float:
        return next(target_ms for at_s, target_ms in self.seen if at_s >= second)


def test_before_the_first_packet_the_target_is_the_initial_one() -> None:
    target = AdaptiveTarget(LIMITS, 60.0)
    assert target.update(1_000 * MS, FRAME_MS) is None
    assert target.target_ms == 60.0


def test_where_nothing_is_late_the_target_is_the_smallest_allowed() -> None:
    assert Watch().feed([0.0] * 500).target.target_ms == 5.0


@pytest.mark.parametrize("min_ms", [0.0, 7.0, 12.5, 333.0])
def test_the_smallest_allowed_is_reached_exactly_wherever_it_lies(min_ms: float) -> None:
    watch = Watch(TargetLimits(140.0, min_ms, 2_000.0)).feed([0.0] * 500)
    assert watch.target.target_ms == min_ms


@given(
    st.lists(st.floats(0, 3_000), min_size=1, max_size=150),
    st.floats(0, 2_000),
    st.floats(0, 500),
    st.floats(0, 1_500),
    st.floats(1, 5_000),
)
def test_whatever_comes_the_target_stays_within_its_limits(
    delays_ms: list[float], initial_ms: float, min_ms: float, width_ms: float, bias: float
) -> None:
    limits = TargetLimits(bias, min_ms, min_ms + width_ms)
    in_order = np.maximum.accumulate(np.arange(len(delays_ms)) * FRAME_MS + delays_ms)
    watch = Watch(limits, initial_ms).feed((in_order - np.arange(len(delays_ms)) * FRAME_MS).tolist())
    assert all(limits.min_ms <= target_ms <= limits.max_ms for _, target_ms in watch.seen)
    assert watch.overdue_ms <= set(OVERDUE_MS)


def test_new_limits_hold_from_the_next_look_on() -> None:
    watch = Watch().feed([0.0] * 100)
    watch.target.limits = TargetLimits(140.0, 100.0, 200.0)
    assert watch.feed([0.0] * 20).target.target_ms == 100.0


def test_a_fixed_target_stays_where_it_is() -> None:
    watch = Watch(fixed_ms=80.0, initial_ms=80.0).feed(delays_with_stalls(20, [(5, 900), (7, 900), (9, 900)]))
    assert {target_ms for _, target_ms in watch.seen} == {80.0}
    assert watch.changes == []


def test_two_stalls_raise_the_target_to_what_survives_them() -> None:
    watch = Watch().feed(delays_with_stalls(12, [(4, 250), (6, 250), (8, 250)]))
    assert 100.0 <= watch.at(8.5) <= 250.0


def test_a_single_long_stall_raises_it_no_further_than_the_cap() -> None:
    highest = max(target_ms for _, target_ms in Watch().feed(delays_with_stalls(15, [(8, 1_900)])).seen)
    assert 60.0 < highest <= SINGLE_STALL_CAP_MS


def test_a_single_peak_of_an_ordinary_network_raises_nothing() -> None:
    watch = Watch(initial_ms=5.0).feed(delays_with_stalls(15, [(8, 55)]))
    assert {target_ms for _, target_ms in watch.seen} == {5.0}


def target_after_a_bad_minute(length_ms: float, every_s: float, calm_s: float) -> tuple[float, float]:
    """The target at the end of a minute of stalls, one starting every so often, and after so much calm."""
    stalls = [(float(at_s), length_ms) for at_s in np.arange(5.0, 65.0, every_s)]
    end_s = stalls[-1][0] + length_ms / 1000
    watch = Watch().feed(delays_with_stalls(end_s + calm_s + 1, stalls))
    return watch.at(end_s), watch.at(end_s + calm_s)


@pytest.mark.parametrize(("length_ms", "every_s"), [(100.0, 0.4), (100.0, 1.0), (400.0, 0.7), (400.0, 0.9)])
def test_a_minute_of_a_stall_a_second_or_more_is_forgotten_within_ten_seconds_of_calm(
    length_ms: float, every_s: float
) -> None:
    before_ms, after_ms = target_after_a_bad_minute(length_ms, every_s, 10.0)
    assert before_ms >= 0.5 * length_ms
    assert after_ms <= 20.0


@pytest.mark.parametrize("length_ms", [100.0, 400.0, 1_200.0])
@pytest.mark.parametrize("every_s", [2.0, 3.0, 4.0])
def test_rarer_stalls_are_believed_for_longer_but_not_for_more_than_eighteen_seconds(
    length_ms: float, every_s: float
) -> None:
    assert target_after_a_bad_minute(length_ms, every_s, 18.0)[1] <= 30.0


def test_the_safer_the_bias_the_larger_the_target() -> None:
    for trace in families(1, seconds=25.0):
        finals = []
        for bias in (5.0, 40.0, 140.0, 600.0, 5_000.0):
            watch = Watch(TargetLimits(bias, 5.0, 2_000.0)).feed(trace.delays_ms)
            finals.append(float(np.mean([target_ms for _, target_ms in watch.seen])))
        assert all(safer >= quicker - 1.0 for quicker, safer in pairwise(finals)), trace.name


def test_each_change_says_when_from_where_to_where_and_why() -> None:
    watch = Watch(initial_ms=5.0).feed(delays_with_stalls(40, [(5, 300), (7, 300), (9, 300)]))
    before_ms = 5.0
    for change in watch.changes:
        assert change.from_ms == before_ms != change.to_ms
        assert change.reason in (TargetReason.STALLS, TargetReason.JITTER, TargetReason.CALM)
        assert (change.reason is TargetReason.CALM) == (change.to_ms < change.from_ms)
        before_ms = change.to_ms
    assert watch.changes[0].reason is TargetReason.STALLS
    assert watch.changes[-1].reason is TargetReason.CALM
    assert before_ms == watch.target.target_ms
    gaps_ns = np.diff([change.at_ns for change in watch.changes])
    assert gaps_ns.min() >= UPDATE_PAUSE_NS


def test_the_late_share_of_a_change_is_that_of_direct_counting() -> None:
    watch = Watch().feed(poisson_stalls(3, gap_s=1.0, mean_ms=120.0).delays_ms)
    assert len(watch.changes) > 5
    for change, seen in zip(watch.changes, watch.packets_seen, strict=True):
        known = [late_ns for at_ns, late_ns in watch.packets[:seen] if at_ns >= change.at_ns - SLOW_SPAN_NS]
        limit_ns = min(change.from_ms, change.to_ms) * MS
        assert change.late_pct == pytest.approx(100 * sum(late_ns > limit_ns for late_ns in known) / len(known))


def test_single_peaks_again_and_again_are_called_jitter_and_not_stalls() -> None:
    peaks = [0.0] * 350 + [50.0, 30.0, 10.0]
    watch = Watch(TargetLimits(1_000.0, 5.0, 2_000.0), initial_ms=5.0).feed(peaks * 5)
    assert {change.reason for change in watch.changes if change.to_ms > change.from_ms} == {TargetReason.JITTER}


def test_lateness_that_is_taken_back_raises_nothing_any_more() -> None:
    stalls = [(4.0, 300.0), (6.0, 300.0)]
    watch = Watch().feed(delays_with_stalls(7, stalls))
    assert watch.target.target_ms > 60.0
    watch.target.discard(4_000 * MS)
    assert watch.feed([0.0] * 30).target.target_ms == 5.0


def test_another_stream_begins_with_the_target_of_the_last_and_without_its_lateness() -> None:
    watch = Watch().feed(delays_with_stalls(7, [(4, 300), (6, 300)]))
    before_ms = watch.target.target_ms
    watch.target.clear()
    assert watch.target.update(7_000 * MS, FRAME_MS) is None
    assert watch.target.target_ms == before_ms
    assert watch.feed([0.0] * 150).target.target_ms == 5.0


def test_playout_slows_down_for_stalls_but_never_for_a_packet_that_is_30_ms_late() -> None:
    watch = Watch().feed(delays_with_stalls(20, [(at_s, 400) for at_s in range(3, 20, 3)]))
    assert min(watch.overdue_ms) >= 30.0
    assert watch.target.overdue_ms < float("inf")
