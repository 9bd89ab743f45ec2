"""The bit rate finds what a link carries and stays there; in virtual time, against a simulated link."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.server.adaptation import (
    FIRST_DOUBT_S,
    MOST_DOUBT_S,
    AdaptationSettings,
    BitrateAdaptation,
    Decision,
    Observation,
)

BARE_HEADER = 2
RTP_HEADER = 32
QUEUE_MS = 500.0
SYSTEM_BYTES = 4_096


@dataclass
class Link:
    """So many bit/s, behind a queue that drops and what the system holds."""

    capacity_bps: float
    adaptation: BitrateAdaptation
    header_bytes: int
    now_s: float = 100.0
    waiting_bits: float = 0.0
    total_dropped: int = 0
    decisions: list[tuple[float, Decision]] = field(default_factory=list)

    def run(self, seconds: int) -> Link:
        """One look a second."""
        for _ in range(seconds):
            now = self.adaptation.now
            offered = now.bitrate + self.header_bytes * 8_000 / now.frame_ms
            self.waiting_bits += offered
            delivered = min(self.capacity_bps, self.waiting_bits)
            self.waiting_bits -= delivered
            most = SYSTEM_BYTES * 8 + QUEUE_MS / 1000 * offered
            dropped = max(0.0, self.waiting_bits - most)
            self.waiting_bits -= dropped
            packets = round(dropped / (offered * now.frame_ms / 1000) + 0.49) if dropped else 0
            self.total_dropped += packets
            self.now_s += 1
            seen = Observation(self.waiting_bits / offered * 1000, delivered, packets)
            decision = self.adaptation.look(self.now_s, seen)
            if decision is not None:
                self.decisions.append((self.now_s, decision))
        return self

    @property
    def used_share(self) -> float:
        now = self.adaptation.now
        return (now.bitrate + self.header_bytes * 8_000 / now.frame_ms) / self.capacity_bps


def link(capacity_kbps: float, bitrate: int = 128_000, header_bytes: int = RTP_HEADER, frame_ms: float = 20.0) -> Link:
    adaptation = BitrateAdaptation(AdaptationSettings(), bitrate, frame_ms, header_bytes)
    return Link(capacity_kbps * 1000, adaptation, header_bytes)


@pytest.mark.parametrize("capacity_kbps", [24, 48, 96])
@pytest.mark.parametrize("header_bytes", [BARE_HEADER, RTP_HEADER])
def test_it_finds_what_the_link_carries_within_ten_seconds_and_uses_most_of_it(
    capacity_kbps: float, header_bytes: int
) -> None:
    slow = link(capacity_kbps, header_bytes=header_bytes).run(10)
    assert 0.6 < slow.used_share <= 1.0
    slow.run(60)
    assert 0.75 < slow.used_share <= 1.0


@pytest.mark.parametrize("capacity_kbps", [24, 48, 96])
def test_it_does_not_oscillate(capacity_kbps: float) -> None:
    slow = link(capacity_kbps).run(120)
    slow.decisions.clear()
    slow.total_dropped = 0
    slow.run(600)
    # A question each two minutes at most, and the answer.
    assert len(slow.decisions) <= 2 * 600 / MOST_DOUBT_S + 2
    rates = [decision.bitrate for _, decision in slow.decisions]
    assert not rates or max(rates) <= 1.25 * min(rates)


def test_a_link_that_carries_all_is_left_alone() -> None:
    assert link(300).run(600).decisions == []


def test_a_link_that_recovers_is_used_again_within_minutes() -> None:
    recovering = link(32).run(60)
    assert recovering.adaptation.now.bitrate < 32_000
    recovering.capacity_bps = 300_000
    recovering.run(400)
    assert recovering.adaptation.now == Decision(128_000, 20.0)


def test_one_stall_costs_no_quality() -> None:
    """Two hundred milliseconds that are made up for by the next look."""
    adaptation = BitrateAdaptation(AdaptationSettings(), 64_000, 20.0, RTP_HEADER)
    assert adaptation.look(10.0, Observation(250.0, 50_000, 0)) is None
    assert adaptation.look(11.0, Observation(0.0, 80_000, 0)) is None


def test_on_a_very_slow_link_frames_get_longer_and_shorter_again_when_it_recovers() -> None:
    slow = link(24).run(30)
    assert slow.adaptation.now.frame_ms > 20
    slow.capacity_bps = 200_000
    slow.run(300)
    assert slow.adaptation.now.frame_ms == 20


def test_longer_frames_can_be_left_out() -> None:
    adaptation = BitrateAdaptation(AdaptationSettings(has_longer_frames=False), 64_000, 20.0, RTP_HEADER)
    slow = Link(24_000, adaptation, RTP_HEADER).run(60)
    assert slow.adaptation.now.frame_ms == 20


def test_what_the_listener_asks_for_is_the_new_best() -> None:
    slow = link(48).run(30)
    slow.adaptation.wish(16_000, 20.0)
    slow.capacity_bps = 300_000
    slow.decisions.clear()
    assert slow.run(300).decisions == []
    assert slow.adaptation.now == Decision(16_000, 20.0)


def test_a_failed_question_leads_back_to_what_worked_and_the_next_one_comes_later() -> None:
    slow = link(48).run(400)
    times = [at_s for at_s, _ in slow.decisions]
    questions = [
        at_s
        for (at_s, decision), (_, before) in zip(slow.decisions[1:], slow.decisions, strict=False)
        if decision.bitrate > before.bitrate
    ]
    assert len(questions) >= 3
    pauses = [later - sooner for sooner, later in itertools.pairwise(questions)]
    assert pauses[-1] > 2 * FIRST_DOUBT_S
    assert times == sorted(times)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    capacities=st.lists(st.tuples(st.floats(5, 600), st.integers(1, 90)), min_size=1, max_size=6),
    bitrate=st.integers(6_000, 510_000),
    frame_ms=st.sampled_from([2.5, 5.0, 10.0, 20.0, 40.0, 60.0]),
)
def test_whatever_the_link_does_the_rate_stays_within_its_limits(
    capacities: list[tuple[float, int]], bitrate: int, frame_ms: float
) -> None:
    settings = AdaptationSettings(min_bitrate=6_000)
    changing = Link(1.0, BitrateAdaptation(settings, bitrate, frame_ms, RTP_HEADER), RTP_HEADER)
    for capacity_kbps, seconds in capacities:
        changing.capacity_bps = capacity_kbps * 1000
        changing.run(seconds)
    for _, decision in changing.decisions:
        assert 6_000 <= decision.bitrate <= bitrate
        assert decision.frame_ms in (frame_ms, 40.0, 60.0)
        assert decision.frame_ms >= frame_ms
